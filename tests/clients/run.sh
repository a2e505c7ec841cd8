#!/usr/bin/env bash
# Clients we did not write do the main job against us and against OpenBao, and see the same.
here=$(dirname "$0")
PATH=$(cd "$here/../.." && pwd)/.venv/bin:$PATH
exec python3 "$here/../harness/several.py" \
  "python3 $here/main_job.py" \
  "python3 $here/cli_job.py" \
  "python3 $here/program_job.py"
