// SPDX-License-Identifier: Apache-2.0
#include "cri/stream/netns_socket.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/no_threads.h"
#include "tests/support/status_matchers.h"

namespace cri::stream {
namespace {

TEST(NetnsSocketTest, WithoutAThreadTheForwardIsRefused) {
  ASSERT_OK_AND_ASSIGN(const runtime::UniqueFd netns,
                       runtime::OpenFile("/proc/self/ns/net", O_RDONLY));
  const tests::NoThreads none;
  EXPECT_THAT(SocketInNamespace(netns.get(), AF_INET).status(),
              tests::StatusIs(absl::StatusCode::kResourceExhausted));
}

}  // namespace
}  // namespace cri::stream
