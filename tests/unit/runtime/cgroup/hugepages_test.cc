// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/cgroup/limits.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/runtime/cgroup/fake_files.h"

namespace runtime::cgroup {
namespace {

using testing::HasSubstr;
using tests::StatusIs;

class HugepagesTest : public testing::Test {
 protected:
  static spec::Resources Limits(
      std::initializer_list<spec::HugepageLimit> limits) {
    spec::Resources r;
    r.hugepage_limits = limits;
    return r;
  }

  FakeFiles files_;
  Writes writes_{/*undoable=*/true};
};

TEST_F(HugepagesTest, V2WritesUsageAndReservations) {
  // As long as what is written: these files are no kernel's.
  files_.Write("hugetlb.2MB.max", "1048576");
  files_.Write("hugetlb.2MB.rsvd.max", "1048576");
  files_.Write("hugetlb.2MB.current", "0");
  files_.Write("hugetlb.1GB.max", "9");
  ASSERT_OK(LimitV2(files_.Path(""), Limits({{"2MB", 4 << 20}, {"1GB", 0}}), {},
                    writes_));
  EXPECT_EQ(files_.Content("hugetlb.2MB.max"), "4194304");
  EXPECT_EQ(files_.Content("hugetlb.2MB.rsvd.max"), "4194304");
  EXPECT_EQ(files_.Content("hugetlb.1GB.max"), "0");
  EXPECT_EQ(files_.Content("hugetlb.1GB.rsvd.max"), "(missing)");
  ASSERT_OK(writes_.Undo());
  EXPECT_EQ(files_.Content("hugetlb.2MB.max"), "1048576");
}

TEST_F(HugepagesTest, V1HasItsOwnNames) {
  files_.Write("hugetlb/x/hugetlb.2MB.limit_in_bytes", "");
  files_.Write("hugetlb/x/hugetlb.2MB.rsvd.limit_in_bytes", "");
  ASSERT_OK(
      LimitV1(files_.V1({"hugetlb"}), "/x", Limits({{"2MB", 1}}), {}, writes_));
  EXPECT_EQ(files_.Content("hugetlb/x/hugetlb.2MB.limit_in_bytes"), "1");
  EXPECT_EQ(files_.Content("hugetlb/x/hugetlb.2MB.rsvd.limit_in_bytes"), "1");
}

TEST_F(HugepagesTest, HybridHasThemInItsV2Hierarchy) {
  files_.Write("unified/cgroup.subtree_control", "");
  files_.Write("unified/a/cgroup.subtree_control", "");
  files_.Write("unified/a/b/hugetlb.2MB.max", "9");
  ASSERT_OK(
      LimitV1(files_.V1({}, true), "/a/b", Limits({{"2MB", 1}}), {}, writes_));
  EXPECT_EQ(files_.Content("unified/a/b/hugetlb.2MB.max"), "1");
  EXPECT_EQ(files_.Content("unified/cgroup.subtree_control"), "+hugetlb");
  EXPECT_EQ(files_.Content("unified/a/cgroup.subtree_control"), "+hugetlb");
}

TEST_F(HugepagesTest, UnknownSizeIsRefusedByNameAndNothingIsWritten) {
  files_.Write("hugetlb.1GB.max", "max");
  files_.Write("hugetlb.2MB.max", "max");
  for (const char* size : {"3MB", "2GB", "2048KB", "2MB.rsvd"}) {
    EXPECT_THAT(
        LimitV2(files_.Path(""), Limits({{"2MB", 1}, {size, 1}}), {}, writes_),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 absl::StrCat("linux.resources.hugepageLimits: this "
                              "host has no pages of ",
                              size, ", but of 1GB and 2MB")));
  }
  EXPECT_EQ(files_.Content("hugetlb.2MB.max"), "max");
}

TEST_F(HugepagesTest, WithoutAControllerSizesOfTheHostAreTaken) {
  const std::string host = files_.Path("host");
  for (const char* name :
       {"hugepages-64kB", "hugepages-2048kB", "hugepages-1048576kB", "x"}) {
    files_.Write(absl::StrCat("host/", name, "/nr_hugepages"), "");
  }
  files_.Write("group/cgroup.procs", "");
  for (const char* size : {"64KB", "2MB", "1GB"}) {
    EXPECT_OK(LimitHugepages(files_.Path("group"), "max", Limits({{size, 0}}),
                             writes_, host));
  }
  EXPECT_THAT(LimitHugepages(files_.Path("group"), "max", Limits({{"4MB", 0}}),
                             writes_, host),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("no pages of 4MB, but of 1GB and 2MB and")));
  EXPECT_THAT(
      LimitHugepages("/none", "max", Limits({{"2MB", 0}}), writes_, "/none"),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("this host has no pages of 2MB")));
}

// On the real kernel, whatever its layout is.
TEST_F(HugepagesTest, KernelKeepsWhatWasWritten) {
  const std::string path = absl::StrCat("/coracle-pages-test-", getpid());
  absl::StatusOr<Cgroup> cgroup = Cgroup::At(path);
  ASSERT_OK(cgroup);
  if (absl::Status status = cgroup->Create(); !status.ok()) {
    GTEST_SKIP() << "cgroups cannot be made here: " << status;
  }
  absl::Status limited = cgroup->Limit(Limits({{"2MB", 4 << 20}}), {});
  std::string file;
  if (const Hierarchy* v1 = cgroup->layout().Find("hugetlb"); v1 != nullptr) {
    file = cgroup->Directory(*v1) + "/hugetlb.2MB.limit_in_bytes";
  } else if (const Hierarchy* v2 = cgroup->layout().Unified(); v2 != nullptr) {
    file = cgroup->Directory(*v2) + "/hugetlb.2MB.max";
  }
  const std::string content = ReadFile(file).value_or("");
  absl::Status updated = cgroup->Update(Limits({{"2MB", 2 << 20}}));
  const std::string after = ReadFile(file).value_or("");
  Remove(path);
  if (content.empty()) GTEST_SKIP() << "no hugetlb controller: " << limited;
  ASSERT_OK(limited);
  ASSERT_OK(updated);
  EXPECT_EQ(content, "4194304\n");
  EXPECT_EQ(after, "2097152\n");
}

}  // namespace
}  // namespace runtime::cgroup
