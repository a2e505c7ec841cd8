#!/usr/bin/env bash
# The command line against our server and against OpenBao's, held against bao.
here=$(dirname "$0")
PATH=$(cd "$here/../.." && pwd)/.venv/bin:$PATH
exec python3 "$here/../harness/several.py" \
  "python3 $here/cli_test.py" \
  "python3 $here/peer_test.py" \
  "python3 $here/peer_test.py --server strongroom"
