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
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cri/image/image.h"
#include "runtime/base/executor.h"

namespace cri::image {

// For the command. Copies `path` into the inbox of the store below `root` (the
// StoreOptions::root), waits for the daemon's answer and returns the ids.
// DEADLINE_EXCEEDED if none comes within `timeout`; the request is then taken
// back.
absl::StatusOr<std::vector<std::string>> ImportThroughInbox(
    const std::string& root, const std::string& path, const std::string& name,
    absl::Duration timeout);

// For the daemon: looks into the inbox once a second (a request costs nothing
// but one directory read otherwise). Thread safe.
class Inbox {
 public:
  // `store` and `executor` outlive the inbox.
  Inbox(ImageStore* store, const std::string& root,
        runtime::Executor* executor);
  // Waits for an import under way.
  ~Inbox();
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

 private:
  struct State;
  static void Look(const std::shared_ptr<State>& state);
  std::shared_ptr<State> state_;
};

std::unique_ptr<Inbox> StartInbox(ImageStore* store, const std::string& root,
                                  runtime::Executor* executor);

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_INBOX_H_
