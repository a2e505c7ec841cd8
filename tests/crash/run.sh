#!/usr/bin/env bash
# Twenty kill -9 cycles; SR_LONG=1 makes it 500.
here=$(dirname "$0")
cycles=20
[ -z "${SR_LONG:-}" ] || cycles=500
exec python3 "$here/kill9.py" --cycles "$cycles"
