#!/usr/bin/env bash
# The command line against our server, and its reference page against the program.
here=$(dirname "$0")
PATH=$(cd "$here/../.." && pwd)/.venv/bin:$PATH
"$here/../../scripts/generate-cli-docs" --check "${STRONGROOM:-build/release/strongroom}" || exit 1
exec python3 "$here/cli_test.py"
