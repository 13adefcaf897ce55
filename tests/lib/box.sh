# SPDX-License-Identifier: Apache-2.0
# A box: network, mount, IPC, UTS and cgroup namespace for one test, so that
# fixed ports, links, shared mounts and cgroups of tests that run at the same
# time do not meet, and nothing outlives the test. Sourced after common.sh.
. "$TOP/tests/lib/cgroups.sh"

# enter_box NAME [ARGUMENT…]: the calling script goes on inside a fresh box (it
# is run again there, with these arguments); outside, this waits, ends what is
# left and exits with its code.
enter_box() {
  local name=crb-$1-$$ rc=0; shift
  if [ -n "${CORACLE_BOX:-}" ]; then
    # Mounts of tests that run at the same time: copies of them would keep their
    # namespaces and disks busy.
    cut -d' ' -f5 /proc/self/mountinfo | grep -E '^/(run/netns|tmp|var)/' | tac | xargs -r umount -l 2>/dev/null || true
    umount -l /sys && mount -t sysfs sysfs /sys
    # Which AppArmor profiles are loaded stands there; some kernels have none.
    mount -t securityfs securityfs /sys/kernel/security 2>/dev/null || true
    mount_cgroups "$CORACLE_BOX_CGROUPS"
    mount --make-rshared /
    ip link set lo up
    return
  fi
  need_root
  trap "remove_cgroups '$name'" EXIT
  make_cgroups "$name"
  (
    join_cgroups "$name"
    CORACLE_BOX=$name CORACLE_BOX_CGROUPS=$(own_cgroups "$name") exec unshare --mount --net --ipc --uts --cgroup \
      --propagation private -- "$0" "$@"
  ) || rc=$?
  exit $rc
}

# box_pids: every process in the box.
box_pids() { for dir in /sys/fs/cgroup /sys/fs/cgroup/pids; do [ ! -f "$dir/cgroup.procs" ] || find "$dir" -name cgroup.procs -exec cat {} +; done | sort -un; }

# box_contents: what the box holds, one line a thing, for a diff: processes (but
# this shell's own children), mounts, cgroups, links, addresses, rules.
box_contents() {
  local pid
  for pid in $(box_pids); do
    [ "$pid" != $$ ] && [ "$(cut -d' ' -f4 "/proc/$pid/stat" 2>/dev/null)" != $BASHPID ] || continue
    # The dead that nobody reaps have no command line, as threads of the kernel.
    echo "process $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | cut -c1-100 | grep . ||
      sed -n '/^Name:/h; /^State:\tZ/{ x; s/^Name:\t/zombie /p }' "/proc/$pid/status" 2>/dev/null)"
  done | grep -vE '^process (|/?bash .*|.*/test_[a-z_]+ .*)$' | sort
  cut -d' ' -f5 /proc/self/mountinfo | sed 's/^/mount /' | sort
  find /sys/fs/cgroup -type d | sed 's/^/cgroup /' | sort
  ip -o link | sed -E 's/^[0-9]+: ([^:@]+).*/link \1/' | sort
  nft -s list ruleset | sed 's/^/rule /'  # without counts
}
