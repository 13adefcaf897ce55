// SPDX-License-Identifier: Apache-2.0
#include "runtime/systemd/slice.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace runtime::systemd {
namespace {

using testing::HasSubstr;
using tests::IsOkAndHolds;
using tests::StatusIs;

TEST(SlicePathTest, HasALevelForEachDash) {
  const struct {
    const char *name, *path;
  } kRows[] = {
      {"a.slice", "/a.slice"},
      {"a-b-c.slice", "/a.slice/a-b.slice/a-b-c.slice"},
      {"kubepods-burstable-pod1_2.slice",
       "/kubepods.slice/kubepods-burstable.slice/"
       "kubepods-burstable-pod1_2.slice"},
      {"a.b.slice", "/a.b.slice"},
      {"x\\x2dy.slice", "/x\\x2dy.slice"},
  };
  for (const auto& row : kRows) {
    EXPECT_THAT(SlicePath(row.name), IsOkAndHolds(row.path));
  }
}

TEST(SlicePathTest, RefusesWhatIsNoSlice) {
  for (const std::string name :
       {"", ".slice", "-.slice", "a", "a.scope", "-a.slice", "a-.slice",
        "a--b.slice", "a/b.slice", "a b.slice", "a@b.slice", "../a.slice",
        "a\n.slice", "ä.slice"}) {
    EXPECT_THAT(SlicePath(name), StatusIs(absl::StatusCode::kInvalidArgument,
                                          HasSubstr("is no name of a slice")))
        << name;
  }
  EXPECT_THAT(SlicePath(std::string(250, 'a') + ".slice"),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(SliceOfParentTest, TakesNameOrPath) {
  EXPECT_THAT(SliceOfParent("a-b.slice"), IsOkAndHolds("a-b.slice"));
  EXPECT_THAT(SliceOfParent("/a.slice/a-b.slice"), IsOkAndHolds("a-b.slice"));
  EXPECT_THAT(SliceOfParent("a.slice/a-b.slice"), IsOkAndHolds("a-b.slice"));
}

TEST(SliceOfParentTest, RefusesAPathThatIsNotTheSlices) {
  EXPECT_THAT(SliceOfParent("/x.slice/a-b.slice"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("/a.slice/a-b.slice")));
  EXPECT_THAT(SliceOfParent("/a-b.slice"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(
      SliceOfParent("/kubepods/burstable/pod1"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"pod1\"")));
}

}  // namespace
}  // namespace runtime::systemd
