#!/usr/bin/env bash
# Replays the conformance kit against $STRONGROOM.
exec python3 "$(dirname "$0")/check.py"
