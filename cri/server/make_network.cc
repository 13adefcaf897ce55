// SPDX-License-Identifier: Apache-2.0
#include "cri/server/make_network.h"

#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cri/network/cni/cni.h"
#include "cri/network/loopback_guard.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace cri::server {
namespace {

network::NetworkOptions BridgeOptions(const config::Config& config) {
  network::NetworkOptions options;
  options.state_dir = config.state;
  options.bridge = config.bridge;
  options.pod_cidr = config.pod_cidr;
  options.cluster_cidr = config.cluster_cidr;
  options.masquerade = config.masquerade;
  options.mtu = static_cast<int>(config.mtu);
  return options;
}

network::CniOptions CniOptions(const config::Config& config) {
  network::CniOptions options;
  options.state_dir = config.state;
  options.owner = config.root;
  options.pod_cidr = config.pod_cidr;
  options.conf_dir = config.cni_conf_dir;
  options.bin_dirs = config.cni_bin_dirs;
  options.cache_dir = config.cni_cache_dir;
  options.in_process = config.cni_in_process;
  // What somebody wrote into the configuration is all that counts.
  const char* path = getenv("CNI_PATH");
  if (path != nullptr && !config.origins.contains("cni_bin_dirs")) {
    const std::vector<std::string> dirs =
        absl::StrSplit(path, ':', absl::SkipEmpty());
    options.bin_dirs.insert(options.bin_dirs.begin(), dirs.begin(), dirs.end());
  }
  return options;
}

// Ends what plugins hold for pods of this server; whatever fails, all are
// tried.
absl::Status DetachAll(const config::Config& config) {
  const std::unique_ptr<network::Network> cni =
      network::MakeCniNetwork(CniOptions(config));
  const std::vector<std::string> left = cni->Recover({});
  cni->Collect();
  absl::Status first;
  for (const std::string& sandbox_id : left) {
    const absl::Status freed = cni->Teardown({.sandbox_id = sandbox_id});
    if (freed.ok()) continue;
    const std::string what = absl::StrCat("network of sandbox ", sandbox_id);
    runtime::log::Warning(what, ": ", freed.message());
    first.Update(runtime::Annotate(freed, what));
  }
  return first;
}

}  // namespace

std::unique_ptr<network::Network> MakeNetwork(const config::Config& config) {
  return config.network == "cni"
             ? network::MakeCniNetwork(CniOptions(config))
             : network::MakeBridgeNetwork(BridgeOptions(config));
}

absl::Status RemoveNetwork(const config::Config& config) {
  absl::Status first;
  if (config.network == "cni") first.Update(DetachAll(config));
  // Whoever might make it again is gone.
  first.Update(network::RemoveLoopbackGuard());
  first.Update(network::RemoveBridgeNetwork(BridgeOptions(config)));
  return first;
}

}  // namespace cri::server
