// SPDX-License-Identifier: Apache-2.0
// A daemon whose own cgroup keeps it from making a device, as DevicePolicy= of
// a systemd unit does. Containers have theirs elsewhere.
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/file.h"
#include "tests/component/hold/pod_fixture.h"
#include "tests/support/status_matchers.h"

namespace tests {
namespace {

using runtime::ContainerPhase;
using runtime::Json;

constexpr char kDevices[] = "/sys/fs/cgroup/devices";

// Where this process is in that hierarchy.
std::string OwnCgroup() {
  const std::string text = runtime::ReadFile("/proc/self/cgroup").value_or("");
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    const size_t found = line.find(":devices:");
    if (found == absl::string_view::npos) continue;
    line.remove_prefix(found + strlen(":devices:"));
    return absl::StrCat(kDevices, line);
  }
  return "";
}

TEST_F(PodTest, ADeviceThatTheDaemonMayNotMakeIsBoundFromTheHost) {
  if (!runtime::Exists(absl::StrCat(kDevices, "/devices.deny"))) {
    GTEST_SKIP() << "needs the devices controller of cgroup v1";
  }
  const std::string before = OwnCgroup();
  // TearDown finds it by this test's name and removes it.
  const std::string policy = absl::StrCat(kDevices, "/", name_, "-policy");
  ASSERT_THAT(runtime::MakeDirs(policy), IsOk());
  ASSERT_THAT(runtime::WriteFile(policy + "/devices.deny", "c 1:11 m"), IsOk());
  // The launcher, which a start of the daemon brings, stays in there.
  ASSERT_THAT(runtime::StopLauncher(dir_ + "/state"), IsOk());
  ASSERT_THAT(runtime::WriteFile(policy + "/cgroup.procs", "0"), IsOk());
  Restart();
  EXPECT_THAT(runtime::WriteFile(before + "/cgroup.procs", "0"), IsOk());
  StartSandbox("a");
  Json config = Config("c", "[ -c /dev/kmsg ] && echo device");
  config["linux"]["devices"] = {
      {{"path", "/dev/kmsg"}, {"type", "c"}, {"major", 1}, {"minor", 11}}};
  ASSERT_THAT(Create("a", "c", config), IsOk());
  ASSERT_THAT(handler_->StartContainer("a", "c"), IsOk());
  news_->Await("c", ContainerPhase::kExited);
  EXPECT_EQ(Log("c"), "stdout F device\n");
}

}  // namespace
}  // namespace tests
