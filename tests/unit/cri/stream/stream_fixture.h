// SPDX-License-Identifier: Apache-2.0
// A streaming server on loopback, and processes that are only pipes.
#ifndef CORACLE_TESTS_UNIT_CRI_STREAM_STREAM_FIXTURE_H_
#define CORACLE_TESTS_UNIT_CRI_STREAM_STREAM_FIXTURE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "cri/stream/server.h"
#include "gtest/gtest.h"
#include "runtime/base/executor.h"
#include "runtime/base/unique_fd.h"
#include "runtime/handler/stream.h"

namespace cri::stream {

// A process as its container sees it: the other ends of its streams, which
// block.
struct FakeProcess {
  runtime::UniqueFd in, out, err;

  absl::Mutex mutex;
  std::vector<std::string> resizes ABSL_GUARDED_BY(mutex);  // "24x80"
  int closed_inputs ABSL_GUARDED_BY(mutex) = 0;
  bool dropped ABSL_GUARDED_BY(mutex) = false;
  bool opened ABSL_GUARDED_BY(mutex) = false;
  runtime::StreamSession::Done done ABSL_GUARDED_BY(mutex);

  // Waits until the server has opened it, or dropped it.
  void AwaitOpen() ABSL_LOCKS_EXCLUDED(mutex);
  void AwaitDrop() ABSL_LOCKS_EXCLUDED(mutex);
  void AwaitResizes(size_t count) ABSL_LOCKS_EXCLUDED(mutex);
  bool IsDropped() ABSL_LOCKS_EXCLUDED(mutex) {
    absl::MutexLock lock(&mutex);
    return dropped;
  }

  void Print(const std::string& text);
  void Complain(const std::string& text);
  // Reads until the end of input.
  std::string ReadAll();
  std::string Read(size_t size);
  // Closes its streams and exits.
  void Exit(absl::StatusOr<int> code);
  // Only exits; others still have its streams.
  void ExitLeaving(absl::StatusOr<int> code) ABSL_LOCKS_EXCLUDED(mutex);
};

class StreamTest : public ::testing::Test {
 protected:
  StreamTest();
  void Start(ServerOptions options = {});

  // Host, port and path of a URL for an exec.
  std::string ProcessUrl(ProcessRequest request);
  std::string ForwardUrl(ForwardRequest request);
  // A request for the process of this test.
  ProcessRequest Exec(bool in, bool out, bool err, bool tty = false);
  // Connects to ports of this host.
  static ForwardRequest ForwardHere(std::vector<uint16_t> ports = {});

  std::shared_ptr<FakeProcess> process_ = std::make_shared<FakeProcess>();
  runtime::Executor executor_{"test", 8};
  std::unique_ptr<Server> server_;
};

// "http://127.0.0.1:1234/exec/x" → "/exec/x".
std::string PathOf(const std::string& url);

}  // namespace cri::stream

#endif  // CORACLE_TESTS_UNIT_CRI_STREAM_STREAM_FIXTURE_H_
