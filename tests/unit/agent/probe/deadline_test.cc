// SPDX-License-Identifier: Apache-2.0
// Deadlines of gRPC calls where gRPC's own timers are late, as they are in the
// daemon (agent/command/event_engine.h); an hour here, which no test waits for.
#include <grpc/grpc.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "agent/probe/net.h"
#include "gtest/gtest.h"
#include "runtime/base/unique_fd.h"

namespace agent::probe {
namespace {

// A TCP port of 127.0.0.1 that accepts and says nothing; 0 on failure.
int ListenSilently(runtime::UniqueFd* fd) {
  fd->reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof(address);
  if (bind(fd->get(), plain, size) != 0 || listen(fd->get(), 64) != 0 ||
      getsockname(fd->get(), plain, &size) != 0) {
    return 0;
  }
  return ntohs(address.sin_port);
}

TEST(DeadlineTest, EachCheckKeepsItsOwn) {
  constexpr int kChecks = 10;
  prctl(PR_SET_TIMERSLACK, 3600ul * 1000000000, 0, 0, 0);
  grpc_init();  // its timer thread inherits that
  prctl(PR_SET_TIMERSLACK, 0, 0, 0, 0);
  runtime::UniqueFd listener;
  const int port = ListenSilently(&listener);
  ASSERT_NE(port, 0);
  Net net;
  absl::Notification longest;
  // The thread sleeps for this one; each of the others has to wake it.
  net.GrpcCheck({{"port", port}}, "127.0.0.1", absl::Hours(1),
                [&](absl::Status) { longest.Notify(); });
  for (int i = 0; i < kChecks; ++i) {
    absl::Notification done;
    absl::Status status;
    net.GrpcCheck({{"port", port}}, "127.0.0.1", absl::Milliseconds(20),
                  [&](absl::Status result) {
                    status = std::move(result);
                    done.Notify();
                  });
    ASSERT_TRUE(done.WaitForNotificationWithTimeout(absl::Minutes(1)));
    EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded) << status;
  }
  EXPECT_FALSE(longest.HasBeenNotified());
  net.Stop();
  EXPECT_TRUE(longest.HasBeenNotified());
  grpc_shutdown();
}

}  // namespace
}  // namespace agent::probe
