// SPDX-License-Identifier: Apache-2.0
// Pods whose containers somebody talks to.
#ifndef CORACLE_TESTS_COMPONENT_HOLD_STREAM_FIXTURE_H_
#define CORACLE_TESTS_COMPONENT_HOLD_STREAM_FIXTURE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/notification.h"
#include "runtime/handler/stream.h"
#include "tests/component/hold/pod_fixture.h"

namespace tests {

// A session with the outcome that it tells. All waits end after 30 s with a
// failure of the test.
class Talk {
 public:
  explicit Talk(std::unique_ptr<runtime::StreamSession> session);
  ~Talk() { Drop(); }

  runtime::StreamSession& session() { return *session_; }
  // To the process's input.
  void Write(absl::string_view text);
  // What comes until `end` has been seen, or until the end of the output.
  std::string ReadUntil(absl::string_view end);
  std::string ReadAll() { return ReadUntil(""); }
  std::string ReadErrors();
  absl::StatusOr<int> Outcome();
  void Drop() { session_ = nullptr; }

 private:
  struct Result {
    absl::Notification told;
    absl::StatusOr<int> value;
  };

  std::shared_ptr<Result> result_ = std::make_shared<Result>();
  std::unique_ptr<runtime::StreamSession> session_;
};

class StreamTest : public PodTest {
 protected:
  using Options = runtime::StreamOptions;
  static constexpr bool kTty = true;

  // A shell command in the container "c" of sandbox "s".
  std::unique_ptr<Talk> Exec(const std::string& script, bool tty = false);
  std::unique_ptr<Talk> Attach(const Options& options);
  // Sandbox "s" with the container "c", which runs `script`.
  void Start(const std::string& script, runtime::ContainerOptions options = {});
  // As Config, with a devpts.
  runtime::Json TerminalConfig(const std::string& script, bool tty);
  // What runs in the container.
  std::string Processes();
};

}  // namespace tests

#endif  // CORACLE_TESTS_COMPONENT_HOLD_STREAM_FIXTURE_H_
