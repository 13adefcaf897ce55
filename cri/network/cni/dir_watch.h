// SPDX-License-Identifier: Apache-2.0
// News of directories, by inotify.
#ifndef CORACLE_CRI_NETWORK_CNI_DIR_WATCH_H_
#define CORACLE_CRI_NETWORK_CNI_DIR_WATCH_H_

#include <sys/inotify.h>

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "runtime/base/unique_fd.h"

namespace cri::network::cni {

// Tells of changes in directories and in the directories in them, from a thread
// of its own that sleeps meanwhile. They need not exist yet and may come and
// go; symbolic links in them and on the way to them are followed, and what they
// lead to is watched too.
class DirWatch {
 public:
  // `on_change` is called from the thread once it watches, when a file is
  // complete, was replaced or is gone, and when the kernel lost events; up to a
  // second later if changes do not end. Paths are absolute.
  DirWatch(std::vector<std::string> dirs, std::function<void()> on_change);
  ~DirWatch();
  DirWatch(const DirWatch&) = delete;
  DirWatch& operator=(const DirWatch&) = delete;

  // Why changes go unnoticed, or OK.
  const absl::Status& status() const { return status_; }

 private:
  struct Watched {
    std::string dir;
    bool all = false;             // everything in it matters,
    std::set<std::string> names;  // or only these
  };

  absl::Status Open();
  // Watches all that matters now and nothing else.
  void Arm();
  // Null if there is no such directory.
  Watched* Watch(const std::string& dir, uint32_t mask);
  // What is in `dir`, and in the directories in it if `deep`.
  void WatchContent(const std::string& dir, bool deep);
  // Each step of the way to `path`.
  void WatchWay(const std::string& path);
  void Loop();
  // Reads all events; whether one matters.
  bool Drain();
  bool Matters(const inotify_event& event);

  const std::vector<std::string> dirs_;
  const std::function<void()> on_change_;
  runtime::UniqueFd inotify_, stop_;
  absl::Status status_;
  std::map<int, Watched> watched_;  // by watch descriptor; of the thread
  std::thread thread_;              // last: it uses the others
};

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_DIR_WATCH_H_
