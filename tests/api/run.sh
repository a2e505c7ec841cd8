#!/usr/bin/env bash
# The real binary under bad input and faults.
exec python3 "$(dirname "$0")/black_box.py"
