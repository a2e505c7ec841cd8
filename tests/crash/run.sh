#!/usr/bin/env bash
# Twenty kill -9 cycles; SR_LONG=1 makes it 500, as 25 servers of 20 cycles each (every cycle reads back all that was
# acknowledged so far, so one long run would spend its time reading).
here=$(dirname "$0")
[ -n "${SR_LONG:-}" ] || exec python3 "$here/kill9.py" --cycles 20
passed=0 failed=0
for run in $(seq 25); do
  out=$(python3 "$here/kill9.py" --cycles 20)
  echo "run $run"
  echo "$out"
  read -r good bad < <(sed -n 's/^\([0-9]\+\) passed, \([0-9]\+\) failed.*/\1 \2/p' <<< "$out" | tail -n 1)
  passed=$((passed + ${good:-0})) failed=$((failed + ${bad:-1}))
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
