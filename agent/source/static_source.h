// SPDX-License-Identifier: Apache-2.0
// StaticSource watches the static pod directory (inotify, and a scan every 20 s
// for filesystems without it) and hands over the whole set after each change. A
// file that turns bad keeps its last good pods; the error is logged once.
#ifndef CORACLE_AGENT_SOURCE_STATIC_SOURCE_H_
#define CORACLE_AGENT_SOURCE_STATIC_SOURCE_H_

#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "runtime/base/json.h"
#include "runtime/base/unique_fd.h"

namespace agent::source {

using runtime::Json;

class StaticSource {
 public:
  using OnPods = std::function<void(std::vector<Json>)>;

  // `on_pods` runs on the source's own thread.
  StaticSource(std::string dir, std::string node_name, OnPods on_pods);
  ~StaticSource();

  // Makes the directory if it is not there and begins.
  absl::Status Start();

 private:
  struct File {
    std::string content, seen, error;
    std::vector<Json> pods;
  };

  void Run();
  // True if the set changed.
  bool Scan();
  void Drain();

  const std::string dir_, node_name_;
  const OnPods on_pods_;
  runtime::UniqueFd inotify_, wake_;
  std::map<std::string, File> files_;
  std::thread thread_;
};

}  // namespace agent::source

#endif  // CORACLE_AGENT_SOURCE_STATIC_SOURCE_H_
