#!/usr/bin/env python3
"""Runs several commands (one an argument), shows their output, and ends with the sum of their "N passed, N failed" lines."""
import re
import shlex
import subprocess
import sys
import time

passed = failed = 0
for command in sys.argv[1:]:
    print(f"## {command}", flush=True)
    start = time.monotonic()
    done = subprocess.run(shlex.split(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)
    counts = re.findall(r"^(\d+) passed, (\d+) failed", done.stdout, re.M)
    good, bad = map(int, counts[-1]) if counts else (int(done.returncode == 0), 0)
    bad += done.returncode != 0 and bad == 0
    print(done.stdout.rstrip())
    print(f"## {good} passed, {bad} failed in {time.monotonic() - start:.0f} s (exit {done.returncode})\n".replace("passed, ", "right, ").replace(" failed", " wrong"), flush=True)
    passed, failed = passed + good, failed + bad
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0 or passed == 0)
