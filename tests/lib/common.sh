# SPDX-License-Identifier: Apache-2.0
# Shared by the test harness's scripts: where things are, and how they talk.
# Sourced, never run.
set -euo pipefail

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CACHE=${CORACLE_TEST_CACHE:-${HOME:-/root}/.cache/coracle-tests}
BIN=$CACHE/bin
BUILD=${CORACLE_BUILD:-$TOP/build/release}
mkdir -p "$BIN"

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }
note() { printf '  %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# need_root: the harness makes namespaces and cgroups.
need_root() { [ "$(id -u)" = 0 ] || die "$0: run as root (it makes namespaces, mounts and cgroups)"; }

# wait_for SECONDS WHAT COMMAND…: until the command succeeds, or dies naming WHAT.
# CORACLE_TEST_SLOWER says how many times slower than others this machine is.
wait_for() {
  local seconds=$(($1 * ${CORACLE_TEST_SLOWER:-1})) what=$2; shift 2
  local end=$((SECONDS + seconds))
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || die "$what: not there after ${seconds} s"
    sleep 0.1
  done
}

# held_by PID…: the mounts and network namespaces that these processes hold.
held_by() {
  local pid
  for pid; do
    cut -d' ' -f5 "/proc/$pid/mountinfo" | sed 's/^/mount /' || true
    find "/proc/$pid/ns/net" "/proc/$pid/fd" -lname 'net:*' -printf 'netns %l\n' || true
  done 2>/dev/null | sort -u
}
