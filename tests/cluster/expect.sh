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

# leftovers NODE: what a node has of pods, one line a thing, for a diff.
leftovers() {
  local node=$1 dir
  for dir in $(cgroup_dirs "$node"); do find "$dir" -type d -path '*kubepods/*pod*' 2>/dev/null; done | sort
  ls "$DIR/nodes/$node/var/lib/kubelet/pods" "$DIR/nodes/$node/var/log/pods" "$DIR/nodes/$node/var/log/containers" \
    "$DIR/nodes/$node/var/lib/coracle/containers" "$DIR/nodes/$node/var/lib/coracle/sandboxes" 2>/dev/null
  "$TOP/tests/cluster/node" --enter "$node" sh -c '
    ls /run/coracle/pods; ip -o link | grep -c veth; grep -cE "kubelet|coracle/(pods|sandboxes)" /proc/self/mountinfo' 2>/dev/null
  for dir in $(cgroup_dirs "$node" | head -n 1); do find "$dir" -name cgroup.procs -exec cat {} + ; done |
    xargs -r -I{} sh -c 'tr "\0" " " </proc/{}/cmdline 2>/dev/null | cut -c1-60; echo' | grep -v '^$' | sort | uniq -c
}
