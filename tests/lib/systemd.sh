# SPDX-License-Identifier: Apache-2.0
# systemd as process 1 of a box (box.sh), for tests of what it makes. The host's
# systemd, if there is one, sees nothing of it. Sourced after common.sh.
. "$TOP/tests/lib/box.sh"

# enter_systemd NAME [ARGUMENT…]: as enter_box; the calling script goes on where
# /run/systemd/private answers. Skips without systemd.
enter_systemd() {
  [ -z "${CORACLE_SYSTEMD:-}" ] || return 0
  [ -x /lib/systemd/systemd ] && command -v systemctl >/dev/null || { echo "systemd is not installed"; exit 77; }
  enter_box "$@"; shift
  # With processes in it, a cgroup of v2 passes no controllers on.
  make_cgroups harness
  mount -t tmpfs -o mode=0755 tmpfs /run
  mkdir -p /run/systemd/system /run/lock
  printf '[Unit]\nDescription=Nothing but a manager\nDefaultDependencies=no\n' >/run/systemd/system/box.target
  unshare --pid --fork --mount --propagation private bash -c '
    mount -t proc proc /proc
    # systemd raises limits there, which are the whole host'"'"'s.
    mount --bind /proc/sys/fs /proc/sys/fs && mount -o remount,ro,bind /proc/sys/fs
    : >/run/console && mount --bind /run/console /dev/console
    mount --make-rshared /
    exec env -i container=box PATH="$PATH" /lib/systemd/systemd --system --unit=box.target --log-target=console --show-status=no' 2>>/run/console &
  local forker=$! init='' rc=0
  join_cgroups harness
  for _ in $(seq 100); do
    init=$(pgrep -P $forker) || true
    [ -z "$init" ] || ! nsenter -t "$init" -p -m systemctl is-system-running >/dev/null 2>&1 || break
    sleep 0.1
  done
  CORACLE_SYSTEMD=$init nsenter -t "$init" -p -m --wdns="$PWD" "$(realpath "$0")" "$@" || rc=$?
  [ $rc = 0 ] || [ $rc = 77 ] || nsenter -t "$init" -m tail -n 20 /run/console >&2 || true
  kill -9 "$init"
  wait $forker 2>/dev/null || true
  exit $rc
}

# unit_property UNIT NAME
unit_property() { systemctl show --value -p "$2" "$1"; }
