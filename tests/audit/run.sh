#!/usr/bin/env bash
# What is done to a log behind the server's back is found.
exec python3 "$(dirname "$0")/tamper.py"
