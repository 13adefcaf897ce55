// SPDX-License-Identifier: Apache-2.0
#include "cri/lsm/selinux.h"

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace cri::lsm {
namespace {

namespace v1 = ::runtime::v1;
using ::testing::HasSubstr;
using ::tests::StatusIs;

constexpr char kContexts[] =
    "# of containers\n"
    "process = \"system_u:system_r:container_t:s0\"\n"
    "content = \"system_u:object_r:virt_var_lib_t:s0\"\n"
    "file = \"system_u:object_r:container_file_t:s0\"\n";

class SelinuxTest : public ::testing::Test {
 protected:
  SelinuxTest() {
    host_.sys = dir_ / "sys";
    host_.selinux_dir = dir_ / "etc";
  }

  void Write(const std::string& file, const std::string& text) {
    EXPECT_OK(runtime::MakeDirs(file.substr(0, file.rfind('/'))));
    EXPECT_OK(runtime::WriteFileAtomic(file, text));
  }
  void Enable(const std::string& contexts = kContexts) {
    Write(host_.sys + "/fs/selinux/enforce", "1");
    Write(host_.selinux_dir + "/config",
          "SELINUX=enforcing\nSELINUXTYPE=targeted\n");
    Write(host_.selinux_dir + "/targeted/contexts/lxc_contexts", contexts);
  }
  static v1::SELinuxOption Options(const std::string& user,
                                   const std::string& role,
                                   const std::string& type,
                                   const std::string& level) {
    v1::SELinuxOption options;
    options.set_user(user);
    options.set_role(role);
    options.set_type(type);
    options.set_level(level);
    return options;
  }

  tests::TempDir dir_;
  Host host_;
};

TEST_F(SelinuxTest, WithoutOptionsThereAreNoLabels) {
  EXPECT_EQ(LabelsFor({}, host_)->process, "");
  Enable();
  EXPECT_EQ(LabelsFor({}, host_)->process, "");
  EXPECT_EQ(LabelsFor({}, host_)->mount, "");
}

TEST_F(SelinuxTest, WithoutSelinuxConfinementIsRefusedByName) {
  for (const v1::SELinuxOption& options :
       {Options("", "", "container_t", ""), Options("", "", "", "s0:c1,c2"),
        Options("system_u", "", "", ""), Options("", "system_r", "", "")}) {
    EXPECT_THAT(LabelsFor(options, host_),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         "security_context.selinux_options: SELinux is not "
                         "enabled on this host"));
  }
}

TEST_F(SelinuxTest, WithoutSelinuxNoConfinementIsWhatOneGets) {
  absl::StatusOr<SelinuxLabels> labels =
      LabelsFor(Options("", "", "spc_t", "s0"), host_);
  ASSERT_OK(labels);
  EXPECT_EQ(labels->process, "");
}

TEST_F(SelinuxTest, OptionsReplacePartsOfThePolicysLabels) {
  Enable();
  absl::StatusOr<SelinuxLabels> labels =
      LabelsFor(Options("", "", "", "s0:c1,c2"), host_);
  ASSERT_OK(labels);
  EXPECT_EQ(labels->process, "system_u:system_r:container_t:s0:c1,c2");
  EXPECT_EQ(labels->mount, "system_u:object_r:container_file_t:s0:c1,c2");
  labels = LabelsFor(Options("u", "r", "spc_t", ""), host_);
  ASSERT_OK(labels);
  EXPECT_EQ(labels->process, "u:r:spc_t:s0");
  EXPECT_EQ(labels->mount, "system_u:object_r:container_file_t:s0");
}

TEST_F(SelinuxTest, PolicyWithoutLabelsForContainersIsAnError) {
  Enable("process = \"nonsense\"\n");
  EXPECT_THAT(LabelsFor(Options("", "", "t", ""), host_),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("lxc_contexts: \"nonsense\" is not a label")));
}

TEST_F(SelinuxTest, PartsThatNoLabelHasAreRefusedByName) {
  struct Row {
    v1::SELinuxOption options;
    const char* field;
  };
  for (const Row& row :
       {Row{Options("a:b", "", "", ""), "selinux_options.user:"},
        Row{Options("", "a b", "", ""), "selinux_options.role:"},
        Row{Options("", "", "a\nb", ""), "selinux_options.type:"},
        Row{Options("", "", "", "s0\"x"), "selinux_options.level:"},
        Row{Options("", "", std::string(10 << 20, 'a'), ""),
            "selinux_options.type:"}}) {
    EXPECT_THAT(
        CheckSelinux(row.options),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(row.field)));
  }
}

std::string LabelOf(const std::string& path) {
  char text[256] = {};
  ssize_t size = lgetxattr(path.c_str(), "security.selinux", text, sizeof text);
  return size <= 0 ? "" : std::string(text);
}

TEST_F(SelinuxTest, RelabelStaysInsideTheVolume) {
  const std::string volume = dir_ / "volume", outside = dir_ / "outside";
  Write(volume + "/sub/file", "x");
  Write(outside, "x");
  ASSERT_EQ(symlink(outside.c_str(), (volume + "/link").c_str()), 0);
  absl::Status status = Relabel(volume, "u:r:t:s0");
  if (absl::IsPermissionDenied(status) || absl::IsUnimplemented(status)) {
    GTEST_SKIP() << "labels cannot be set here: " << status;
  }
  ASSERT_OK(status);
  EXPECT_EQ(LabelOf(volume), "u:r:t:s0");
  EXPECT_EQ(LabelOf(volume + "/sub/file"), "u:r:t:s0");
  EXPECT_NE(LabelOf(outside), "u:r:t:s0");
}

TEST_F(SelinuxTest, Cve2021_43816_HostDirectoriesAreNotRelabelled) {
  const std::string link = dir_ / "link";
  ASSERT_EQ(symlink("/etc", link.c_str()), 0);
  for (const std::string& path : {std::string("/"), std::string("/dev/"),
                                  std::string("/etc/../etc"), link}) {
    EXPECT_THAT(Relabel(path, "u:r:t:s0"),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("belongs to the host")));
  }
}

}  // namespace
}  // namespace cri::lsm
