# SPDX-License-Identifier: Apache-2.0
# Sourced: the parts of other nodes than `coracle node`: containerd 2.4.2 with
# runc 1.5.2 and Debian's CNI plugins, and a stock kubelet 1.36.2, in a node that
# `tests/cluster/node NAME --bare` made.
. "$TOP/tests/lib/peer.sh"

# background NODE LOG COMMAND…: inside the node, with a log and a pid file.
background() {
  local node=$1 log=$2; shift 2
  ("$TOP/tests/cluster/node" --enter "$node" "$@") >>"$DIR/nodes/$node/$log.log" 2>&1 </dev/null &
  echo $! >"$DIR/nodes/$node/$log.pid"
}

# stop_part NODE LOG [SIGNAL]: ends what `background` started.
stop_part() {
  local pid
  pid=$(cat "$DIR/nodes/$1/$2.pid")
  kill "-${3:-TERM}" "$pid"
  tail --pid="$pid" -f /dev/null
}

start_containerd() {
  local name=$1 node=$DIR/nodes/$1
  mkdir -p "$node/etc/containerd/certs.d/_default"
  cp "$node/etc/coracle/certs.d/_default/hosts.toml" "$node/etc/containerd/certs.d/_default/"
  containerd_config /etc/containerd/certs.d /etc/cni/net.d >"$node/etc/containerd/config.toml"
  background "$name" containerd env PATH="$BIN:$PATH" "$BIN/containerd" --config /etc/containerd/config.toml
  wait_for 20 "containerd of $name" "$TOP/tests/cluster/node" --enter "$name" test -S /run/containerd/containerd.sock
}

# lay_cni NODE: a bridge network of its pod CIDR, once the node has one.
lay_cni() {
  local node=$DIR/nodes/$1 cidr
  cidr=$(cat "$node/cidr")
  mkdir -p "$node/etc/cni/net.d"
  bridge_conflist "$cidr" >"$node/etc/cni/net.d/10-test.conflist"
}

# start_kubelet NODE ENDPOINT [COMMAND…]: with what kubeadm join writes for a
# worker; COMMAND changes its configuration, read from and written to stdio.
start_kubelet() {
  local name=$1 endpoint=$2 node=$DIR/nodes/$1 token; shift 2
  [ $# -gt 0 ] || set -- cat
  mkdir -p "$node/etc/kubernetes/pki" "$node/etc/kubernetes/manifests"
  cp "$DIR/pki/ca.crt" "$node/etc/kubernetes/pki/ca.crt"
  kube -n kube-system get cm kubelet-config -o 'jsonpath={.data.kubelet}' | "$@" >"$node/var/lib/kubelet/config.yaml"
  token=$(grep -oE '[a-z0-9]{6}\.[a-z0-9]{16}' "$DIR/join-args")
  kc() { "$BIN/kubectl" --kubeconfig "$node/etc/kubernetes/bootstrap-kubelet.conf" config "$@" >/dev/null; }
  kc set-cluster c --server "https://$CP_IP:6443" --certificate-authority "$DIR/pki/ca.crt" --embed-certs
  kc set-credentials b --token "$token"
  kc set-context c --cluster c --user b
  kc use-context c
  echo "$endpoint" >"$node/endpoint"
  restart_kubelet "$name"
}

restart_kubelet() {
  local node=$DIR/nodes/$1
  background "$1" kubelet "$BIN/kubelet" --config /var/lib/kubelet/config.yaml --kubeconfig /etc/kubernetes/kubelet.conf \
    --bootstrap-kubeconfig /etc/kubernetes/bootstrap-kubelet.conf --container-runtime-endpoint "$(cat "$node/endpoint")" \
    --node-ip "$(cat "$node/ip")" --hostname-override "$1"
}
