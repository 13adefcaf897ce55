// SPDX-License-Identifier: Apache-2.0
#include "cri/server/socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <thread>

#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace cri::server {
namespace {

using ::tests::IsOkAndHolds;
using ::tests::StatusIs;

runtime::UniqueFd Bind(const std::string& path, bool serve) {
  runtime::UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, path.data(), path.size());
  EXPECT_EQ(
      bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  if (serve) {
    EXPECT_EQ(listen(fd.get(), 1), 0);
  }
  return fd;
}

TEST(SocketTest, PathComesFromAUnixUrl) {
  EXPECT_THAT(SocketPath("unix:///run/x.sock"), IsOkAndHolds("/run/x.sock"));
  for (const char* bad : {"/run/x.sock", "unix://x", "tcp://1.2.3.4:5", ""}) {
    EXPECT_THAT(SocketPath(bad), StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST(SocketTest, LivingServerIsNotReplaced) {
  tests::TempDir dir;
  runtime::UniqueFd other = Bind(dir / "s", true);
  EXPECT_THAT(PreparePlace(dir / "s"),
              StatusIs(absl::StatusCode::kAlreadyExists));
}

TEST(SocketTest, StaleSocketMakesRoomAndTheNewOneIsPrivate) {
  tests::TempDir dir;
  Bind(dir / "s", false);
  ASSERT_OK(PreparePlace(dir / "s"));
  // A server that was killed in between has left its own.
  ASSERT_OK_AND_ASSIGN(std::string left, MakeBindDir(dir / "s"));
  { runtime::UniqueFd killed = Bind(left + "/s", true); }
  ASSERT_OK_AND_ASSIGN(std::string bind_dir, MakeBindDir(dir / "s"));
  runtime::UniqueFd server = Bind(bind_dir + "/s", true);
  ASSERT_OK(Publish(bind_dir, dir / "s"));
  struct stat info {};
  ASSERT_EQ(stat((dir / "s").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_FALSE(runtime::Exists(bind_dir));
}

TEST(SocketTest, FileThatIsNoSocketStays) {
  tests::TempDir dir;
  ASSERT_OK(runtime::WriteFileAtomic(dir / "s", "precious"));
  EXPECT_THAT(PreparePlace(dir / "s"),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(SocketTest, DirectoryIsLockedOnce) {
  tests::TempDir dir;
  absl::StatusOr<runtime::UniqueFd> first = LockDirectory(dir.path());
  ASSERT_OK(first);
  EXPECT_THAT(LockDirectory(dir.path()).status(),
              StatusIs(absl::StatusCode::kAlreadyExists));
  first->reset();
  EXPECT_OK(LockDirectory(dir.path()).status());
}

// As by a program that was being started when its server was killed.
TEST(SocketTest, LockThatIsHeldForAMomentIsWaitedFor) {
  tests::TempDir dir;
  absl::StatusOr<runtime::UniqueFd> first = LockDirectory(dir.path());
  ASSERT_OK(first);
  std::thread last([&] {
    absl::SleepFor(absl::Milliseconds(50));
    first->reset();
  });
  EXPECT_OK(LockDirectory(dir.path()).status());
  last.join();
}

}  // namespace
}  // namespace cri::server
