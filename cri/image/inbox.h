// SPDX-License-Identifier: Apache-2.0
// Imports into a store that a running daemon has open: the command drops the
// image into <root>/images/import/, the daemon imports it and answers there.
//   <request>.name    the image name, may be empty; written first
//   <request>.image   the layout directory or archive; its rename is the
//   request <request>.result  "ok <id>…" or "<status code> <message>"
#ifndef CORACLE_CRI_IMAGE_INBOX_H_
#define CORACLE_CRI_IMAGE_INBOX_H_

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cri/image/image.h"
#include "runtime/base/unique_fd.h"

namespace cri::image {

// For the command. Copies `path` into the inbox of the store below `root` (the
// StoreOptions::root), waits for the daemon's answer and returns the ids.
// DEADLINE_EXCEEDED if none comes within `timeout`; the request is then taken
// back.
absl::StatusOr<std::vector<std::string>> ImportThroughInbox(
    const std::string& root, const std::string& path, const std::string& name,
    absl::Duration timeout);

// For the daemon: a thread that imports what comes into the inbox, one request
// after another. It sleeps on inotify; where the kernel has no instance left,
// it looks once a second.
class Inbox {
 public:
  // `store` outlives the inbox.
  Inbox(ImageStore* store, const std::string& root);
  // Waits for an import under way.
  ~Inbox();
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

 private:
  void Run();
  void Look();
  void Import(const std::string& base);

  ImageStore* const store_;
  const std::string dir_;
  const runtime::UniqueFd watch_, stop_;
  std::thread thread_;
};

std::unique_ptr<Inbox> StartInbox(ImageStore* store, const std::string& root);

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_INBOX_H_
