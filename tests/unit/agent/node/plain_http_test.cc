// SPDX-License-Identifier: Apache-2.0
#include "agent/node/plain_http.h"

#include <sys/stat.h>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace agent::node {
namespace {

using testing::HasSubstr;
using tests::IsOkAndHolds;
using tests::StatusIs;

TEST(PlainHttpTest, AnswersOverAPrivateUnixSocket) {
  const tests::TempDir dir;
  const std::string path = dir / "a.sock";
  {
    ASSERT_OK_AND_ASSIGN(
        const auto server,
        PlainHttp::ListenUnix(path, [](const std::string& what) {
          return what == "/pods" ? Reply{200, std::string(300000, 'x')}
                                 : Reply{404, ""};
        }));
    EXPECT_THAT(GetOverUnix(path, "/pods"),
                IsOkAndHolds(std::string(300000, 'x')));
    EXPECT_THAT(GetOverUnix(path, "/else"),
                StatusIs(absl::StatusCode::kUnavailable, HasSubstr("404")));
    struct stat info = {};
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
  }
  EXPECT_THAT(GetOverUnix(path, "/pods"),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST(PlainHttpTest, TakesAFreePort) {
  ASSERT_OK_AND_ASSIGN(
      const auto server,
      PlainHttp::ListenTcp("127.0.0.1", 0,
                           [](const std::string&) { return Reply{}; }));
  EXPECT_GT(server->port(), 0);
  EXPECT_THAT(PlainHttp::ListenTcp("127.0.0.1", server->port(),
                                   [](const std::string&) { return Reply{}; }),
              testing::Not(tests::IsOk()));
}

}  // namespace
}  // namespace agent::node
