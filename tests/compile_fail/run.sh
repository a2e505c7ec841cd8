#!/usr/bin/env bash
# Proves that what must not compile does not: each snippet here compiles with -DCONTROL (so that it fails for its own
# reason and no other) and fails without. Set CXX to choose the compiler.
set -u
here=$(cd "$(dirname "$0")" && pwd)
export CXX=${CXX:-g++} SRC=$here/../../src
check() {
  local flags=(-std=c++23 -fsyntax-only -I "$SRC")
  if ! "$CXX" "${flags[@]}" -DCONTROL "$1" 2>/tmp/compile_fail.$$; then
    echo "$1: its control does not compile"
    sed -n 1,20p /tmp/compile_fail.$$
    rm -f /tmp/compile_fail.$$
    return 1
  fi
  rm -f /tmp/compile_fail.$$
  if "$CXX" "${flags[@]}" "$1" 2>/dev/null; then
    echo "$1: compiles, and must not"
    return 1
  fi
}
export -f check
printf '%s\n' "$here"/*.cc | xargs -P 2 -I{} bash -c 'check {}'
