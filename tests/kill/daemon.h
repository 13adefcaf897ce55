// SPDX-License-Identifier: Apache-2.0
// A CRI server that can be made to die at its Nth change of state.
#ifndef CORACLE_TESTS_KILL_DAEMON_H_
#define CORACLE_TESTS_KILL_DAEMON_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/kill/points.h"
#include "tests/load/client.h"

namespace tests::kill {

// Not thread safe. Ends the program with a message if the server does not come
// up.
class Daemon {
 public:
  // `socket_path` is the one that `command` serves; `image` is what containers
  // are made of. `preload` is the library of preload.cc, `scratch` a directory
  // for the file shared with it and the server's log.
  Daemon(std::string socket_path, std::string image, std::string preload,
         std::string scratch, std::vector<std::string> command);
  // Ends the server by SIGKILL; what it runs stays.
  ~Daemon();

  // Starts it and waits until it serves, or, if it is to die at step `at` of
  // its start (0: of none), until it has done one or the other. False: died.
  bool Start(int64_t at = 0);
  void Kill();

  // From now on it dies at its `at`th change of state.
  void Arm(int64_t at);
  // It lives on. True if it did not any more; it is reaped then.
  bool Disarm();
  // Whether it has died since Arm.
  bool Died();
  // Where it died last.
  std::string Step() const { return points_->step; }

  // A client with a connection of its own for each start.
  load::Client& client() { return *client_; }

 private:
  bool Serves() const;

  const std::string socket_path_, image_, preload_, scratch_;
  const std::vector<std::string> command_;
  Points* points_ = nullptr;
  pid_t pid_ = 0;
  std::unique_ptr<load::Client> client_;
};

}  // namespace tests::kill

#endif  // CORACLE_TESTS_KILL_DAEMON_H_
