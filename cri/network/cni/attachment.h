// SPDX-License-Identifier: Apache-2.0
// Attachments of pods to networks, kept on disk in the layout of libcni
// (<dir>/results/<network>-<container>-<interface>), so that other tools of the
// node see them: what an ADD was called with, and its result. Each is there
// from before the first plugin runs until the last one has undone its work.
#ifndef CORACLE_CRI_NETWORK_CNI_ATTACHMENT_H_
#define CORACLE_CRI_NETWORK_CNI_ATTACHMENT_H_

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/base/json.h"

namespace cri::network::cni {

struct Attachment {
  std::string network;
  std::string container_id;
  std::string ifname;
  std::string netns;                                      // CNI_NETNS
  std::vector<std::pair<std::string, std::string>> args;  // CNI_ARGS
  runtime::Json capabilities = runtime::Json::object();  // capability → value
  std::string config;    // text of the network configuration
  runtime::Json result;  // null until the ADD is complete
  std::string owner;     // whose it is; "" = made by another runtime

  std::string ArgsText() const;  // "K=V;K=V"
};

// Thread safe as far as no two calls are about the same attachment.
class Attachments {
 public:
  // `owner` tells ours from those of other runtimes in the same directory.
  Attachments(std::string cache_dir, std::string owner);

  // Writes it, by rename.
  absl::Status Save(const Attachment& attachment) const;
  // OK if there is none.
  absl::Status Remove(const Attachment& attachment) const;
  // Removes what a killed server left of a write for one sandbox, which no
  // other process works on.
  absl::Status RemoveHalves(const std::string& container_id) const;
  // What there is on disk.
  struct Listing {
    std::vector<Attachment> all;
    // Names of files that cannot be read: <network>-<container>-<interface>.
    std::vector<std::string> unreadable;
  };
  // Ours of one sandbox; what is unreadable may be another runtime's.
  absl::StatusOr<Listing> Find(const std::string& container_id) const;
  // All, also of others.
  absl::StatusOr<Listing> List() const;
  absl::Status RemoveUnreadable(const std::string& name) const;
  // Whether that file was written before the machine started: its namespace is
  // gone then, whoever made it. False if it cannot be told.
  bool IsOlderThanBoot(const std::string& name) const;
  bool IsOurs(const Attachment& attachment) const {
    return attachment.owner == owner_;
  }

 private:
  absl::StatusOr<Listing> Load(const std::string& part) const;
  std::string Path(const Attachment& attachment) const;

  const std::string dir_, owner_;
};

// The sandbox ID of 64 hex digits in the name of an attachment's file, or "".
std::string ContainerOf(absl::string_view name);

// Adds to what GC must not take for a leftover, of the network of that name:
// what cannot be read (the file's name tells whose it may be), and who lives
// and has no record any more.
void AddLost(const std::string& network, const std::string& ifname,
             const std::vector<std::string>& unreadable,
             std::set<std::string> living, std::vector<Attachment>* valid);

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_ATTACHMENT_H_
