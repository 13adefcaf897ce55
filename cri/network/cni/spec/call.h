// SPDX-License-Identifier: Apache-2.0
// One call of a plugin: what it gets in its environment and on standard input,
// whether it is a program or runs in this process. No I/O.
#ifndef CORACLE_CRI_NETWORK_CNI_SPEC_CALL_H_
#define CORACLE_CRI_NETWORK_CNI_SPEC_CALL_H_

#include <atomic>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "runtime/base/json.h"

namespace cri::network::cni {

enum class Command { kAdd, kDel, kCheck, kStatus, kGc, kVersion };
const char* CommandName(Command command);  // "ADD", …

struct Call {
  Command command = Command::kAdd;
  std::string plugin;        // its type
  std::string container_id;  // CNI_CONTAINERID; these four only for ADD, DEL
  std::string netns;         // CNI_NETNS   and CHECK; netns may be "" for DEL
  std::string ifname;        // CNI_IFNAME
  std::string args;          // CNI_ARGS
  runtime::Json request;     // standard input
  absl::Time deadline = absl::InfiniteFuture();
  // Once it is true whoever waits gives up: CANCELLED. May be null.
  const std::atomic<bool>* stopped = nullptr;
};

// Whoever runs plugins. Thread safe; blocks. "The node" is the calling
// thread's network namespace.
class Plugins {
 public:
  virtual ~Plugins() = default;
  // What the plugin wrote: a result for ADD, versions for VERSION, otherwise
  // nothing of use. Errors as of ToStatus, or of running it; they do not name
  // the plugin.
  virtual absl::StatusOr<runtime::Json> Run(const Call& call) = 0;

  // What runs ends soon, with CANCELLED, and so does what comes later.
  virtual void Stop() { stopped_ = true; }
  // For calls.
  const std::atomic<bool>* stopped() const { return &stopped_; }

 private:
  std::atomic<bool> stopped_ = false;
};

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_SPEC_CALL_H_
