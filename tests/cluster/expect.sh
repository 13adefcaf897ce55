# SPDX-License-Identifier: Apache-2.0
# Sourced by the cluster tests: a namespace of the test's own, and waiting for
# what the API or a pod says. The cluster and nodes n1 and n2 must be up.
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
load_cluster
[ -f "$DIR/nodes/n1/ip" ] && [ -f "$DIR/nodes/n2/ip" ] || die "nodes n1 and n2 are not up (tests/cluster/up, tests/cluster/node n1)"
NAMESPACE=$(basename "$0" | tr _ -)-$$
k() { "$BIN/kubectl" --kubeconfig "$DIR/admin.conf" -n "$NAMESPACE" "$@"; }
kube create namespace "$NAMESPACE" >/dev/null
# What a test undoes besides, whatever comes of it: defined anew there.
at_end() { :; }
cleanup() {
  local rc=$?
  at_end || true
  if [ $rc != 0 ]; then
    k get pods -o wide; k get events --sort-by=.lastTimestamp | tail -n 25
    tail -n 15 "$DIR"/nodes/*/coracle.log
  fi
  kube delete namespace "$NAMESPACE" --wait=false >/dev/null 2>&1 || true
  exit $rc
}
trap cleanup EXIT

fail() { echo "FAILED: $*"; exit 1; }

# eventually SECONDS WHAT COMMAND…: the command must succeed in time.
eventually() {
  local seconds=$1 what=$2 end=$((SECONDS + $1)); shift 2
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || fail "$what (not within $seconds s): $("$@" 2>&1 | tail -n 3)"
    sleep 0.2
  done
  echo "ok: $what"
}

# equals WANT COMMAND…: the command prints exactly this.
equals() { local want=$1 got; shift; got=$("$@") || return 1; [ "$got" = "$want" ] || { echo "got '$got', want '$want'"; return 1; }; }
# contains WANT COMMAND…: what it prints has this in it.
contains() { local want=$1 got; shift; got=$("$@" 2>&1) || true; [[ $got == *"$want"* ]] || { echo "got '$got', want something with '$want'"; return 1; }; }
field() { k get "$1" -o "jsonpath={$2}"; }

# leftovers NODE: what a node has of pods, one line a thing, for a diff: cgroups,
# processes, namespaces and mounts of every process there, links, rules,
# leases, and the files of all that keeps some. What is kept for the next pods is left out:
# images, compiled seccomp profiles, host-local's memory of its last address.
leftovers() {
  local node=$1 dir pids pid root
  root=/proc/$(cat "$DIR/nodes/$node/inside.pid")/root
  for dir in $(cgroup_dirs "$node"); do find "$dir" -type d -path '*kubepods/*pod*' -printf 'cgroup %p\n' 2>/dev/null || true; done | sort
  pids=$(pids_of_cgroups "crc-$CLUSTER-$node")
  for pid in $pids; do
    echo "process $(tr '\0' ' ' <"/proc/$pid/cmdline" | sed 's,^[^ ]*/,,' | cut -c1-60 | grep . || echo "[$(cat "/proc/$pid/comm")]")"
  done 2>/dev/null | sort | uniq -c
  held_by $pids
  ip netns exec "$CP_NS-$node" ip -br link show type veth | awk '{ print "link " $1 }'
  ip netns exec "$CP_NS-$node" nft list ruleset | sed -n '/^table inet coracle-/,/^}/p; /chain CNI-[0-9a-f]/p' | sed 's/^/rule /'
  for dir in run/coracle run/netns run/containerd/io.containerd.runtime.v2.task/k8s.io \
    run/containerd/io.containerd.grpc.v1.cri/containers run/containerd/io.containerd.grpc.v1.cri/sandboxes \
    var/lib/coracle var/lib/cni/networks var/lib/cni/results var/lib/kubelet/pods var/log/pods var/log/containers; do
    find "$root/$dir" -mindepth 1 \( -path "$root/run/coracle/seccomp" -o -path "$root/var/lib/coracle/images/*" \
      ! -path '*/images/trash*' ! -path '*/images/tmp*' ! -path '*/images/aside*' ! -path '*/images/import*' \) -prune -o \
      ! -path '*/networks/*/lock' ! -path '*/networks/*/last_reserved_ip.*' ! \( -path '*/networks/*' -type d \) \
      -printf "file /$dir/%P\n" 2>/dev/null || true
  done | sed -E 's,^file (/run/coracle/network/leases/.|/var/lib/cni/networks/[^/]+/[0-9a-f]),lease \1,' | sort
}
# same_as BEFORE COMMAND…: it prints that again.
same_as() { local before=$1 now; shift; now=$("$@"); [ "$now" = "$before" ] || { diff <(echo "$before") <(echo "$now"); return 1; }; }
# same_leftovers NODE BEFORE: the node has again what it had.
same_leftovers() { same_as "$2" leftovers "$1"; }
# at_rest NODE…: no pod is there, and those of a test before this one, which
# may still be going, have left.
declare -A seen
settled() { local now; now=$(leftovers "$1"); [ "$now" = "${seen[$1]:-}" ] || { seen[$1]=$now; return 1; }; }
at_rest() {
  local node
  eventually 60 "no pod is there" equals "" kube get pods -A -o name
  for node; do eventually 15 "$node is at rest" settled "$node"; done
}
