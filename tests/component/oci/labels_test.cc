// SPDX-License-Identifier: Apache-2.0
// AppArmor profiles on a kernel that has them. This host may not; the virtual
// machine of test_cgroup_v2_vm does.
#include <stdlib.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/oci.h"

namespace tests {
namespace {

using runtime::Json;
using testing::HasSubstr;

constexpr char kParser[] = "/sbin/apparmor_parser";
constexpr char kProfile[] = R"(
profile coracle-test flags=(attach_disconnected,mediate_deleted) {
  network,
  capability,
  file,
  signal,
  umount,
  deny /kept/** w,
}
)";

class OciLabelsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (std::string reason = Oci::Missing(); !reason.empty()) {
      GTEST_SKIP() << reason;
    }
    const std::string enabled =
        runtime::ReadFile("/sys/module/apparmor/parameters/enabled")
            .value_or("");
    if (enabled != "Y\n") GTEST_SKIP() << "this host has no AppArmor";
    if (!runtime::Exists(kParser)) GTEST_SKIP() << kParser << " is missing";
    oci_.config["mounts"] = {
        {{"destination", "/proc"}, {"type", "proc"}, {"source", "proc"}},
        {{"destination", "/kept"}, {"type", "tmpfs"}, {"source", "tmpfs"}}};
  }
  // 0 if the parser did it.
  int Parse(const std::string& option) {
    const std::string file = oci_.bundle() + "/profile";
    EXPECT_TRUE(runtime::WriteFileAtomic(file, kProfile).ok());
    return system(absl::StrCat(kParser, " -K ", option, " ", file).c_str());
  }

  Oci oci_;
};

TEST_F(OciLabelsTest, ProcessAndCommandsRunUnderTheProfile) {
  ASSERT_EQ(Parse("-r"), 0);
  oci_.config["process"]["apparmorProfile"] = "coracle-test";
  oci_.Script(
      "cat /proc/self/attr/current; echo x >/kept/x || echo denied; "
      "echo x >/tmp/x && echo written; exec sleep 1000");
  Output started = oci_.Start();
  ASSERT_EQ(started.code, 0) << started.err;
  Output command = oci_.Call({"exec", oci_.id(), "/bin/sh", "-c",
                              "cat /proc/self/attr/current; "
                              "echo x >/kept/y || echo denied"});
  EXPECT_EQ(command.code, 0) << command.err;
  EXPECT_THAT(command.out, HasSubstr("coracle-test (enforce)"));
  EXPECT_THAT(command.out, HasSubstr("denied"));
  EXPECT_EQ(oci_.Call({"kill", oci_.id(), "KILL"}).code, 0);
}

TEST_F(OciLabelsTest, FirstProcessIsConfinedFromItsExec) {
  ASSERT_EQ(Parse("-r"), 0);
  oci_.config["process"]["apparmorProfile"] = "coracle-test";
  oci_.Script(
      "cat /proc/self/attr/current; echo x >/kept/x || echo denied; "
      "echo x >/tmp/x && echo written");
  Output output = oci_.Run();
  EXPECT_EQ(output.code, 0) << output.err;
  EXPECT_THAT(output.out, HasSubstr("coracle-test (enforce)"));
  EXPECT_THAT(output.out, HasSubstr("denied"));
  EXPECT_THAT(output.out, HasSubstr("written"));
}

// cri_lsm_test, which runs before this in the virtual machine, has loaded it.
TEST_F(OciLabelsTest, DefaultProfileLetsContainersWork) {
  const std::string loaded =
      runtime::ReadFile("/sys/kernel/security/apparmor/profiles").value_or("");
  if (loaded.find("coracle-default (") == std::string::npos) {
    GTEST_SKIP() << "the CRI server's default profile is not loaded";
  }
  Json& process = oci_.config["process"];
  process["apparmorProfile"] = "coracle-default";
  for (const char* set : {"bounding", "effective", "permitted"}) {
    process["capabilities"][set].push_back("CAP_SYS_ADMIN");
  }
  oci_.Script(
      "cat /proc/self/attr/current; sleep 1000 & kill $! && wait $!; "
      "echo x >/tmp/x && cat /tmp/x; ls /proc/$$/fd >/dev/null && echo own; "
      "mount -t tmpfs none /kept || echo denied; "
      "cat /proc/kcore >/dev/null || echo closed");
  Output output = oci_.Run();
  EXPECT_EQ(output.code, 0) << output.err;
  EXPECT_EQ(output.out, "coracle-default (enforce)\nx\nown\ndenied\nclosed\n")
      << output.err;
}

TEST_F(OciLabelsTest, UnloadedProfileIsNamed) {
  Parse("-R");  // whether it was loaded or not
  oci_.config["process"]["apparmorProfile"] = "coracle-test";
  Output output = oci_.Run();
  EXPECT_EQ(output.code, 1);
  EXPECT_THAT(output.err, HasSubstr("process.apparmorProfile: profile "
                                    "\"coracle-test\" is not loaded"));
}

}  // namespace
}  // namespace tests
