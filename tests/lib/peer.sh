# SPDX-License-Identifier: Apache-2.0
# Sourced: how the peer, containerd 2.4.2 with runc 1.5.2, is set up on a test
# host: CAP_SYS_RESOURCE is missing there, hence restrict_oom_score_adj.

# containerd_config REGISTRY_HOSTS CNI_CONF [STATE]: config.toml on stdout.
# With STATE, containerd keeps everything below that directory.
containerd_config() {
  echo 'version = 3'
  [ -z "${3:-}" ] || cat <<T
root = "$3/root"
state = "$3/state"
[grpc]
  address = "$3/containerd.sock"
T
  cat <<T
[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"
  [plugins."io.containerd.cri.v1.images".registry]
    config_path = "$1"
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "registry.k8s.io/pause:3.10.2"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
      BinaryName = "$BIN/runc"
      SystemdCgroup = false
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["/usr/lib/cni"]
    conf_dir = "$2"
T
}

# bridge_conflist CIDR: the network that compares with the built-in one.
bridge_conflist() {
  cat <<J
{"cniVersion":"1.0.0","name":"test","plugins":[
 {"type":"bridge","bridge":"cni0","isGateway":true,"ipMasq":true,"ipam":{"type":"host-local","ranges":[[{"subnet":"$1"}]],"routes":[{"dst":"0.0.0.0/0"}]}},
 {"type":"portmap","capabilities":{"portMappings":true}}]}
J
}

# start_containerd: in a box (tests/lib/box.sh), with tests/cri/env.sh and its
# registry: containerd with all of its own below $P, and the bridge network.
# Afterwards: peer_pid, peer_crictl, stop_containerd.
start_containerd() {
  P=$W/peer
  # What containerd and the CNI plugins keep outside their directories.
  mount -t tmpfs tmpfs /run
  mkdir -p /var/lib/cni "$P/net.d" "$P/state"
  mount -t tmpfs tmpfs /var/lib/cni
  # What does not outlive a boot is in memory, as in its default place below /run.
  mount -t tmpfs tmpfs "$P/state"
  containerd_config "$W/certs.d" "$P/net.d" "$P" >"$P/config.toml"
  bridge_conflist 10.19.0.0/16 >"$P/net.d/10-peer.conflist"
  PATH=$BIN:$PATH "$BIN/containerd" --config "$P/config.toml" >"$W/peer.log" 2>&1 &
  peer_pid=$!
  wait_for 30 "containerd" peer_crictl info
}
peer_crictl() { "$CRICTL" -r "unix://$P/containerd.sock" "$@"; }
stop_containerd() {
  [ -n "${peer_pid:-}" ] || return 0
  peer_crictl rmp -fa >/dev/null 2>&1 || true
  kill "$peer_pid" 2>/dev/null && wait "$peer_pid" 2>/dev/null || true
  peer_pid=
  grep -F " $P/" /proc/mounts | cut -d' ' -f2 | tac | xargs -r umount -l || true
}
