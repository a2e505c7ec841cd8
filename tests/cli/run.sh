#!/usr/bin/env bash
# The command line against our server, held against bao.
here=$(dirname "$0")
PATH=$(cd "$here/../.." && pwd)/.venv/bin:$PATH
exec python3 "$here/cli_test.py"
