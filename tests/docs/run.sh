#!/usr/bin/env bash
# What the documentation tells people to type works, and prints what it says.
here=$(dirname "$0")
PATH=$(cd "$here/../.." && pwd)/.venv/bin:$PATH
exec python3 "$here/try_docs.py"
