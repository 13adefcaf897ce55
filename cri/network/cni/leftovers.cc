// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/leftovers.h"

#include "absl/strings/str_cat.h"
#include "cri/network/cni/netns_pin.h"
#include "cri/network/cni/pod_ports.h"
#include "cri/network/cni/request.h"
#include "cri/network/cni/spec/conf.h"

namespace cri::network::cni {
namespace {

// By the list of its ADD, whatever is in force now.
bool IsWithoutPorts(const Attachment& attachment) {
  const absl::StatusOr<NetworkConf> conf = ParseConf(attachment.config);
  return conf.ok() && !MapsPorts(*conf);
}

}  // namespace

Leftovers FindLeftovers(const Attachments& attachments,
                        const Attachments::Listing& listing,
                        const std::set<std::string>& living,
                        const std::string& netns_dir) {
  Leftovers left;
  for (const Attachment& attachment : listing.all) {
    // Those of other runtimes are theirs to end.
    if (!attachments.IsOurs(attachment) || !IsName(attachment.container_id) ||
        living.contains(attachment.container_id)) {
      continue;
    }
    PodNetwork& pod = left.pods.emplace_back(PodOf(attachment));
    pod.stopping = true;
    if (IsWithoutPorts(attachment)) pod.ports.clear();
    left.ids.insert(attachment.container_id);
  }
  for (const std::string& name : listing.unreadable) {
    const std::string id = ContainerOf(name);
    // A pinned namespace says that it is ours; one of before the boot is dead.
    if (!id.empty() && !living.contains(id) &&
        (IsPinned(absl::StrCat(netns_dir, "/", id)) ||
         attachments.IsOlderThanBoot(name))) {
      left.ids.insert(id);
    }
  }
  return left;
}

std::vector<PodNetwork> WithPortsHeld(const Attachments::Listing& listing,
                                      const std::vector<PodNetwork>& living,
                                      const Leftovers& left) {
  std::set<std::string> with, without;
  for (const Attachment& attachment : listing.all) {
    (IsWithoutPorts(attachment) ? without : with)
        .insert(attachment.container_id);
  }
  std::vector<PodNetwork> pods = left.pods;
  for (const PodNetwork& pod : living) {
    pods.push_back(pod);
    if (without.contains(pod.sandbox_id) && !with.contains(pod.sandbox_id)) {
      pods.back().ports.clear();
    }
  }
  return pods;
}

}  // namespace cri::network::cni
