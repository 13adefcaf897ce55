// SPDX-License-Identifier: Apache-2.0
#include "agent/pod/log_links.h"

#include <unistd.h>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace agent::pod {
namespace {

using testing::ElementsAre;
using tests::IsOk;

class LogLinksTest : public testing::Test {
 protected:
  LogLinksTest() {
    EXPECT_THAT(runtime::MakeDirs(dir_ / "links"), IsOk());
    EXPECT_THAT(runtime::MakeDirs(dir_ / "pods/ns_here_u1/c"), IsOk());
  }

  void Link(const std::string& name, const std::string& target) {
    ASSERT_EQ(symlink(target.c_str(), (dir_ / ("links/" + name)).c_str()), 0);
  }
  std::vector<std::string> Left() {
    EXPECT_THAT(RemoveDeadLogLinks(dir_ / "links", dir_ / "pods"), IsOk());
    return runtime::ListDir(dir_ / "links").value();
  }

  tests::TempDir dir_;
};

TEST_F(LogLinksTest, GoWithTheDirectoryOfTheirPod) {
  Link("gone.log", dir_ / "pods/ns_gone_u2/c/0.log");
  Link("here.log", dir_ / "pods/ns_here_u1/c/0.log");
  EXPECT_THAT(Left(), ElementsAre("here.log"));
}

TEST_F(LogLinksTest, OfAFileThatIsBeingRotatedStay) {
  Link("here.log", dir_ / "pods/ns_here_u1/c/0.log");
  ASSERT_FALSE(runtime::Exists(dir_ / "links/here.log"));
  EXPECT_THAT(Left(), ElementsAre("here.log"));
}

TEST_F(LogLinksTest, WhatIsNoLinkOfAPodStays) {
  Link("beside.log", dir_ / "pods-of-others/ns_gone_u2/c/0.log");
  Link("elsewhere.log", "/no/such/file");
  Link("relative.log", "pods/ns_gone_u2/c/0.log");
  ASSERT_THAT(runtime::WriteFileAtomic(dir_ / "links/file.log", "x"), IsOk());
  EXPECT_THAT(Left(), ElementsAre("beside.log", "elsewhere.log", "file.log",
                                  "relative.log"));
}

TEST_F(LogLinksTest, MissingDirectoryHasNone) {
  EXPECT_THAT(RemoveDeadLogLinks(dir_ / "none", dir_ / "pods"), IsOk());
}

}  // namespace
}  // namespace agent::pod
