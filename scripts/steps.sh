# Sourced by the other scripts: where we are, what is said, how long a step took.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ROOT=$PWD

say() { printf '%s\n' "$*"; }
fail() { printf '%s\n' "$*" >&2; exit 1; }

# -h or --help: the comment at the head of the script that runs, and no more.
help_on_request() {
  case ${1:-} in
    -h | -help | --help) sed -n '2,${/^#/!q;s/^# \{0,1\}//p}' "scripts/$(basename "$0")"; exit 0 ;;
  esac
}

# Seconds as "1m05s".
took() {
  local s=$1
  if [ "$s" -ge 60 ]; then printf '%dm%02ds' $((s / 60)) $((s % 60)); else printf '%ds' "$s"; fi
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Runs ninja: its own status line on a terminal, a line for every tenth elsewhere.
build() {
  if [ -t 1 ]; then
    ninja "$@"
  else
    NINJA_STATUS='[%f/%t] ' ninja "$@" | awk '
      match($0, /^\[[0-9]+\/[0-9]+\]/) {
        split(substr($0, 2, RLENGTH - 2), n, "/")
        tenth = int(10 * n[1] / n[2])
        if (tenth != last || n[1] == n[2]) { print "  built " n[1] " of " n[2]; last = tenth; fflush() }
        next
      }
      { print; fflush() }'
  fi
}

# ccache when it is there; a user's own choice stands.
use_ccache() {
  if [ -z "${CMAKE_CXX_COMPILER_LAUNCHER:-}" ] && command -v ccache >/dev/null; then
    export CMAKE_CXX_COMPILER_LAUNCHER=ccache CCACHE_SLOPPINESS=pch_defines,time_macros
  fi
}
