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
