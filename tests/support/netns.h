// SPDX-License-Identifier: Apache-2.0
// Network namespaces for tests. Whatever a test does to links and rules it does
// in one of these; the host's own namespace stays as it is.
#ifndef CORACLE_TESTS_SUPPORT_NETNS_H_
#define CORACLE_TESTS_SUPPORT_NETNS_H_

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <utility>

#include "gtest/gtest.h"
#include "runtime/base/unique_fd.h"

namespace tests {

// A network namespace that lives as long as this object and its users. Without
// the privilege `ok()` is false.
class NetNs {
 public:
  NetNs() {
    std::thread([this] {
      if (unshare(CLONE_NEWNET) != 0) return;
      fd_.reset(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    }).join();
  }

  bool ok() const { return fd_.ok(); }
  int fd() const { return fd_.get(); }
  // Lets go of the namespace: without other users it ends.
  void Close() { fd_.reset(); }

  // Runs `body` on a thread inside.
  template <typename Body>
  void Run(Body body) const {
    std::thread([&] {
      if (setns(fd_.get(), CLONE_NEWNET) != 0) {
        ADD_FAILURE() << "cannot enter the network namespace";
        return;
      }
      body();
    }).join();
  }

 private:
  runtime::UniqueFd fd_;
};

// A shell command in the calling thread's namespace: whether it succeeded, and
// what it printed.
struct Shell {
  explicit Shell(const std::string& command) {
    FILE* pipe = popen(("{ " + command + "; } 2>&1").c_str(), "re");
    char line[512];
    while (fgets(line, sizeof line, pipe) != nullptr) output += line;
    ok = pclose(pipe) == 0;
  }
  bool ok = false;
  std::string output;
};

}  // namespace tests

#endif  // CORACLE_TESTS_SUPPORT_NETNS_H_
