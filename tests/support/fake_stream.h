// SPDX-License-Identifier: Apache-2.0
// A runtime::StreamSession around a pipe: what is written to its input comes
// out again.
#ifndef CORACLE_TESTS_SUPPORT_FAKE_STREAM_H_
#define CORACLE_TESTS_SUPPORT_FAKE_STREAM_H_

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "absl/status/status.h"
#include "runtime/handler/stream.h"

namespace tests {

// The output ends with the input, at once if there is none. The process has
// ended with `exit_code` as soon as somebody asks.
class FakeStream : public runtime::StreamSession {
 public:
  FakeStream(const runtime::StreamOptions& options, int exit_code)
      : tty_(options.tty), exit_code_(exit_code) {
    runtime::UniqueFd unwritten;
    Pipe(&out, &in);
    if (options.err) Pipe(&err, &unwritten);
    if (!options.in) in.reset();
    if (!options.out) std::swap(out, unread_);
  }

  void CloseInput() override { in.reset(); }

  absl::Status Resize(uint16_t, uint16_t) override {
    return tty_ ? absl::OkStatus()
                : absl::FailedPreconditionError("resize: no terminal");
  }

  void OnExit(Done done) override { done(exit_code_); }

 private:
  static void Pipe(runtime::UniqueFd* read, runtime::UniqueFd* write) {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0) return;
    read->reset(fds[0]);
    write->reset(fds[1]);
  }

  const bool tty_;
  const int exit_code_;
  runtime::UniqueFd unread_;  // takes the input that nobody reads
};

}  // namespace tests

#endif  // CORACLE_TESTS_SUPPORT_FAKE_STREAM_H_
