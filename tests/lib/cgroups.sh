# SPDX-License-Identifier: Apache-2.0
# A cgroup of a test's own in every hierarchy of this host: what runs in it can
# be seen, ended and removed together, without touching anything else. Sourced.

HIERARCHIES="cpu cpuacct cpuset memory devices freezer blkio pids systemd unified"

# own_cgroups NAME: its directories, one a line, whether they exist or not.
own_cgroups() {
  local h
  if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
    echo "/sys/fs/cgroup/$1"
    return
  fi
  for h in $HIERARCHIES; do
    [ ! -d "/sys/fs/cgroup/$h" ] || echo "/sys/fs/cgroup/$h/$1"
  done
}

make_cgroups() {
  local dir h
  for dir in $(own_cgroups "$1"); do
    mkdir -p "$dir"
    # A v1 cpuset starts empty, and nothing can join it so.
    for h in cpus mems; do
      [ ! -f "$dir/cpuset.$h" ] || cat "$(dirname "$dir")/cpuset.$h" >"$dir/cpuset.$h"
    done
  done
}

# join_cgroups NAME: this shell, and what it starts from now on.
join_cgroups() {
  local dir
  for dir in $(own_cgroups "$1"); do echo $BASHPID >"$dir/cgroup.procs"; done
}

# pids_of_cgroups NAME: every process in them, cgroups below included.
pids_of_cgroups() {
  local dir
  for dir in $(own_cgroups "$1"); do
    [ ! -d "$dir" ] || find "$dir" -name cgroup.procs -exec cat {} + 2>/dev/null
  done | sort -u || true
}

# remove_cgroups NAME: ends every process in them, then removes them.
remove_cgroups() {
  local dir pids
  for _ in $(seq 50); do
    pids=$(pids_of_cgroups "$1")
    [ -n "$pids" ] || break
    kill -9 $pids 2>/dev/null || true
    sleep 0.1
  done
  for dir in $(own_cgroups "$1"); do
    [ ! -d "$dir" ] || find "$dir" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done
}

# mount_cgroups DIRS: inside a fresh mount and cgroup namespace of one of their
# processes: the hierarchies of own_cgroups, each with its DIR as the root.
mount_cgroups() {
  local dir hierarchy
  if [ "$(dirname "$1")" = /sys/fs/cgroup ]; then
    mount -t cgroup2 none /sys/fs/cgroup
    return
  fi
  # ip netns lays a fresh sysfs over the host's; the cgroup mounts are gone then.
  mountpoint -q /sys/fs/cgroup || mount -t tmpfs -o mode=0755 tmpfs /sys/fs/cgroup
  for dir in $1; do
    hierarchy=$(basename "$(dirname "$dir")")
    mkdir -p "/sys/fs/cgroup/$hierarchy"
    case $hierarchy in
      unified) mount -t cgroup2 none /sys/fs/cgroup/unified ;;
      systemd) mount -t cgroup -o none,name=systemd none /sys/fs/cgroup/systemd ;;
      *) mount -t cgroup -o "$hierarchy" none "/sys/fs/cgroup/$hierarchy" ;;
    esac
  done
}
