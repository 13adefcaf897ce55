// SPDX-License-Identifier: Apache-2.0
// The directory of network configurations: which one counts, and news of it.
#ifndef CORACLE_CRI_NETWORK_CNI_CONF_DIR_H_
#define CORACLE_CRI_NETWORK_CNI_CONF_DIR_H_

#include <sys/inotify.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cri/network/cni/spec/conf.h"
#include "runtime/base/unique_fd.h"

namespace cri::network::cni {

// The first file of `dir` in lexical order that ends in .conf, .conflist or
// .json, with the plugins of <dir>/<network>/*.conf if it asks for them. A bad
// first file is an error, not a reason to take the next: INVALID_ARGUMENT
// "<file>: <field>: <reason>". NOT_FOUND, saying what to do, if there is none.
absl::StatusOr<NetworkConf> LoadConfDir(const std::string& dir);

// Tells of changes in a directory, by inotify from a thread of its own that
// sleeps meanwhile. The directory need not exist yet and may come and go.
class ConfWatch {
 public:
  // `on_change` is called from the thread once it watches, when a file is
  // complete, was replaced or is gone, and when the kernel lost events.
  ConfWatch(std::string dir, std::function<void()> on_change);
  ~ConfWatch();
  ConfWatch(const ConfWatch&) = delete;
  ConfWatch& operator=(const ConfWatch&) = delete;

  // Why changes go unnoticed, or OK.
  const absl::Status& status() const { return status_; }

 private:
  struct Watched {
    std::string dir;
    std::string only;  // the one name in it that matters; "" = all
  };

  absl::Status Open();
  void Arm();
  void Watch(const std::string& dir, const std::string& only, uint32_t mask);
  void Loop();
  // Reads all events; whether one matters.
  bool Drain();
  bool Matters(const inotify_event& event);

  const std::string dir_;
  const std::function<void()> on_change_;
  runtime::UniqueFd inotify_, stop_;
  absl::Status status_;
  std::map<int, Watched> watched_;  // by watch descriptor; of the thread
  std::thread thread_;              // last: it uses the others
};

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_CONF_DIR_H_
