# SPDX-License-Identifier: Apache-2.0
# Sourced by the scripts of this folder: names and addresses of one test
# cluster. $CLUSTER picks it (default: test); several can run side by side.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"
. "$TOP/tests/lib/cgroups.sh"

CLUSTER=${CORACLE_CLUSTER:-test}
[[ $CLUSTER =~ ^[a-z0-9]{1,6}$ ]] || die "CORACLE_CLUSTER=$CLUSTER: 1 to 6 lower-case letters and digits"
CLUSTERS=${CORACLE_TEST_STATE:-/var/tmp/coracle-tests}
DIR=$CLUSTERS/$CLUSTER
CP_NS=crc-$CLUSTER

# load_cluster: the facts of a cluster that is up, as `up` wrote them:
#   PREFIX      of node addresses (10.89.1)        BRIDGE  where nodes plug in
#   BRIDGE_NS   the bridge's namespace; "" = host  GATEWAY default route of nodes
#   REGISTRY    host:port of the image registry    HOSTS   line for /etc/hosts
#   POD_SUBNET  of the whole cluster, not masqueraded
#   FIRST_ADDRESS  last part of the first node address that is ours to give (11)
load_cluster() {
  [ -f "$DIR/facts" ] || die "cluster $CLUSTER is not up (tests/cluster/up)"
  . "$DIR/facts"
  export KUBECONFIG=$DIR/admin.conf PATH=$BIN:$PATH
}
at_bridge() { if [ -n "$BRIDGE_NS" ]; then ip netns exec "$BRIDGE_NS" "$@"; else "$@"; fi; }

kube() { "$BIN/kubectl" --kubeconfig "$DIR/admin.conf" "$@"; }

# end_pid FILE: ends the process that a pid file names and waits for it.
end_pid() {
  local pid
  pid=$(cat "$1" 2>/dev/null) || return 0
  kill "$pid" 2>/dev/null || { rm -f "$1"; return 0; }
  for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
  kill -9 "$pid" 2>/dev/null || true
  rm -f "$1"
}

# cgroup_dirs NODE: the node's own cgroup in every hierarchy of this host.
cgroup_dirs() { own_cgroups "crc-$CLUSTER-$1"; }
