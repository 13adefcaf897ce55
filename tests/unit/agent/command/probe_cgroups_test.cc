// SPDX-License-Identifier: Apache-2.0
#include "agent/command/probe_cgroups.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace agent::command {
namespace {

using runtime::cgroup::Layout;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kKernel[] =
    "#subsys_name\thierarchy\tnum_cgroups\tenabled\n"
    "cpuset\t3\t11\t1\ncpu\t1\t15\t1\nmemory\t4\t402\t0\n"
    "devices\t5\t11\t1\nfreezer\t6\t11\t1\nblkio\t7\t11\t1\n"
    "hugetlb\t0\t10\t1\n";

CgroupView View(Layout layout, const std::string& unified) {
  return {std::move(layout), unified, kKernel, true,
          [](const std::string&) { return true; }};
}

Layout V1(const std::vector<std::string>& controllers) {
  Layout layout;
  for (const std::string& name : controllers) {
    layout.hierarchies.push_back(
        {name, absl::StrCat("/sys/fs/cgroup/", name), {name}, false});
  }
  return layout;
}
// Two at one place, as most distributions had them.
Layout WholeV1() {
  Layout layout =
      V1({"memory", "pids", "devices", "cpuset", "freezer", "blkio"});
  layout.hierarchies.push_back(
      {"cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct", {"cpu", "cpuacct"}, false});
  return layout;
}

Layout V2() {
  Layout layout;
  layout.v2 = true;
  layout.hierarchies.push_back({"", "/sys/fs/cgroup", {}, true});
  return layout;
}

std::vector<std::string> Lines(const CgroupView& view) {
  std::vector<std::string> lines;
  for (const Finding& finding : CgroupFindings(view)) {
    lines.push_back(absl::StrCat(
        finding.verdict == Verdict::kGood      ? "ok "
        : finding.verdict == Verdict::kLimited ? "limited "
                                               : "missing ",
        finding.subject, finding.verdict == Verdict::kGood ? ": " : "",
        finding.verdict == Verdict::kGood ? finding.text : ""));
  }
  return lines;
}

TEST(ProbeCgroupsTest, AHostThatHasAllIsGood) {
  EXPECT_THAT(Lines(View(V2(), "cpuset cpu io memory hugetlb pids\n")),
              ElementsAre("ok cgroups: v2"));
  Layout layout = WholeV1();
  layout.hierarchies.push_back({"unified", "/sys/fs/cgroup/unified", {}, true});
  EXPECT_THAT(Lines(View(layout, "hugetlb\n")),
              ElementsAre("ok cgroups: hybrid"));
  CgroupView small = View(WholeV1(), "");
  EXPECT_THAT(Lines(small), ElementsAre("ok cgroups: v1",
                                        "limited cgroup controller hugetlb"));
  small.huge_pages = false;
  EXPECT_THAT(Lines(small), ElementsAre("ok cgroups: v1"));
}

TEST(ProbeCgroupsTest, NamesWhatContainersCannotDoWithout) {
  EXPECT_THAT(Lines(View(V1({"cpu"}), "")),
              ElementsAre("ok cgroups: v1", "missing cgroup controller memory",
                          "missing cgroup controller pids",
                          "missing cgroup controller devices",
                          "limited cgroup controller cpuset",
                          "limited cgroup controller cpuacct",
                          "limited cgroup controller freezer",
                          "limited cgroup controller blkio",
                          "limited cgroup controller hugetlb"));
  // Device rules and the freezer are no controllers there.
  EXPECT_THAT(Lines(View(V2(), "memory hugetlb\n")),
              ElementsAre("ok cgroups: v2", "missing cgroup controller cpu",
                          "missing cgroup controller pids",
                          "limited cgroup controller cpuset",
                          "limited cgroup controller io"));
}

TEST(ProbeCgroupsTest, HelpsByWhereAControllerIs) {
  const auto help = [](const CgroupView& view, const std::string& controller) {
    for (const Finding& finding : CgroupFindings(view)) {
      if (finding.subject == "cgroup controller " + controller) {
        return finding.help;
      }
    }
    return std::string("there");
  };
  Layout layout = V1({"cpu"});
  layout.hierarchies.push_back({"unified", "/sys/fs/cgroup/unified", {}, true});
  const CgroupView view = View(layout, "freezer io");
  EXPECT_EQ(help(view, "cpu"), "there");
  EXPECT_EQ(help(view, "memory"),
            "boot with cgroup_enable=memory, or without cgroup_disable=memory");
  EXPECT_EQ(help(view, "devices"),
            "mkdir -p /sys/fs/cgroup/devices; mount -t cgroup -o devices "
            "cgroup /sys/fs/cgroup/devices");
  EXPECT_EQ(help(view, "pids"), "use a kernel that has it");
  EXPECT_THAT(help(view, "blkio"), HasSubstr("unified_cgroup_hierarchy=1"));
  EXPECT_THAT(help(View(V2(), ""), "io"), HasSubstr("subtree_control"));
}

TEST(ProbeCgroupsTest, SaysWhatCannotBeWrittenTo) {
  CgroupView view = View(V2(), "cpuset cpu io memory hugetlb pids\n");
  view.writable = [](const std::string& path) {
    return path != "/sys/fs/cgroup";
  };
  EXPECT_THAT(Lines(view), ElementsAre("ok cgroups: v2", "missing cgroups"));
}

TEST(ProbeCgroupsTest, SaysIfThereAreNone) {
  const CgroupView view{absl::NotFoundError("no hierarchy"), "", "", false, {}};
  const std::vector<Finding> findings = CgroupFindings(view);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].verdict, Verdict::kMissing);
  EXPECT_EQ(findings[0].text, "no hierarchy");
}

}  // namespace
}  // namespace agent::command
