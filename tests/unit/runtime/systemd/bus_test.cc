// SPDX-License-Identifier: Apache-2.0
#include "runtime/systemd/bus.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <string>

#include "gmock/gmock.h"
#include "runtime/base/unique_fd.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace runtime::systemd {
namespace {

using ::testing::HasSubstr;
using ::tests::StatusIs;

TEST(BusTest, OneThatNobodyServesIsUnavailable) {
  tests::TempDir dir;
  EXPECT_THAT(Bus::Connect(absl::Seconds(20), dir / "none").status(),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("systemd: connect to " + (dir / "none"))));
}

TEST(BusTest, ASystemdThatHangsIsUnavailableInTime) {
  tests::TempDir dir;
  const std::string path = dir / "private";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASSERT_LT(path.size(), sizeof address.sun_path);
  std::memcpy(address.sun_path, path.data(), path.size());
  const UniqueFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address),
                 sizeof address),
            0);
  ASSERT_EQ(listen(listener.get(), 4), 0);
  EXPECT_THAT(Bus::Connect(absl::Milliseconds(100), path).status(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr(path)));
}

}  // namespace
}  // namespace runtime::systemd
