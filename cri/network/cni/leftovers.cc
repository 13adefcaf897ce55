// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/leftovers.h"

#include "absl/strings/str_cat.h"
#include "cri/network/cni/netns_pin.h"
#include "cri/network/cni/request.h"
#include "cri/network/cni/spec/conf.h"

namespace cri::network::cni {

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
    left.pods.push_back(PodOf(attachment));
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

}  // namespace cri::network::cni
