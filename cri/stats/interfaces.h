// SPDX-License-Identifier: Apache-2.0
// Traffic of a pod's network interfaces, from its /proc/<holder>/net.
#ifndef CORACLE_CRI_STATS_INTERFACES_H_
#define CORACLE_CRI_STATS_INTERFACES_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/base/unique_fd.h"

namespace cri::stats {

// Counters since the interface was made.
struct Interface {
  struct Traffic {
    uint64_t bytes = 0, packets = 0, errors = 0, dropped = 0;
  };
  std::string name;
  Traffic received, sent;
};

// The text of net/dev, without the loopback.
std::vector<Interface> ParseInterfaces(absl::string_view text);

// The interface of the default route in the text of net/route, "" if none.
std::string ParseDefaultRoute(absl::string_view text);

// "sockets: used 7 …" of net/sockstat.
uint64_t ParseSockets(absl::string_view text);

// A pod's view of /proc. The open directory belongs to one process for good,
// whoever gets its number later, and keeps no namespace alive; files below it
// would, so they are opened for each reading. Not thread safe.
class PodProc {
 public:
  explicit PodProc(pid_t holder_pid);

  // The one with the default route first; empty once the holder is gone.
  std::vector<Interface> Read();
  uint64_t Sockets() const;

 private:
  std::string Text(const char* file) const;

  runtime::UniqueFd process_;
  std::string default_interface_;
};

}  // namespace cri::stats

#endif  // CORACLE_CRI_STATS_INTERFACES_H_
