// SPDX-License-Identifier: Apache-2.0
#include "cri/lsm/apparmor.h"

#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace cri::lsm {
namespace {

namespace v1 = ::runtime::v1;
using ::testing::HasSubstr;
using ::tests::IsOkAndHolds;
using ::tests::StatusIs;

class AppArmorTest : public ::testing::Test {
 protected:
  AppArmorTest() {
    host_.sys = dir_ / "sys";
    host_.apparmor_parser = dir_ / "parser";
  }

  void Write(const std::string& file, const std::string& text) {
    EXPECT_OK(runtime::MakeDirs(file.substr(0, file.rfind('/'))));
    EXPECT_OK(runtime::WriteFileAtomic(file, text));
  }
  // A kernel with AppArmor and these profiles.
  void Enable(const std::string& profiles) {
    Write(host_.sys + "/module/apparmor/parameters/enabled", "Y\n");
    Write(Profiles(), profiles);
  }
  std::string Profiles() {
    return host_.sys + "/kernel/security/apparmor/profiles";
  }
  // What runs in place of apparmor_parser.
  void MakeParser(const std::string& script) {
    Write(host_.apparmor_parser, absl::StrCat("#!/bin/sh\n", script));
    chmod(host_.apparmor_parser.c_str(), 0755);
  }
  void Ask(v1::SecurityProfile::ProfileType type, const std::string& ref = "") {
    security_.mutable_apparmor()->set_profile_type(type);
    security_.mutable_apparmor()->set_localhost_ref(ref);
  }
  void AskOld(const std::string& words) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    security_.set_apparmor_profile(words);
#pragma GCC diagnostic pop
  }
  absl::StatusOr<std::string> Profile() { return ProfileFor(security_, host_); }

  tests::TempDir dir_;
  Host host_;
  v1::LinuxContainerSecurityContext security_;
};

TEST_F(AppArmorTest, WithoutAppArmorOnlyANamedProfileIsRefused) {
  EXPECT_THAT(Profile(), IsOkAndHolds(""));
  Ask(v1::SecurityProfile::RuntimeDefault);
  EXPECT_THAT(Profile(), IsOkAndHolds(""));
  Ask(v1::SecurityProfile::Unconfined);
  EXPECT_THAT(Profile(), IsOkAndHolds(""));
  Ask(v1::SecurityProfile::Localhost, "web");
  EXPECT_THAT(Profile(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       "security_context.apparmor: profile \"web\": AppArmor "
                       "is not enabled on this host"));
  security_.set_privileged(true);
  EXPECT_THAT(Profile(), IsOkAndHolds(""));
}

TEST_F(AppArmorTest, NamedProfileHasToBeLoaded) {
  Enable("other (enforce)\nwebserver (enforce)\nweb (complain)\n");
  Ask(v1::SecurityProfile::Localhost, "web");
  EXPECT_THAT(Profile(), IsOkAndHolds("web"));
  Ask(v1::SecurityProfile::Localhost, "localhost/web");
  EXPECT_THAT(Profile(), IsOkAndHolds("web"));
  Ask(v1::SecurityProfile::Localhost, "webs");
  EXPECT_THAT(Profile(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                  HasSubstr("\"webs\" is not loaded")));
}

TEST_F(AppArmorTest, DefaultProfileIsLoadedOnce) {
  Enable("other (enforce)\n");
  MakeParser(absl::StrCat("cat >", dir_ / "text", "; echo x >>", dir_ / "runs",
                          "; echo 'coracle-default (enforce)' >>", Profiles()));
  EXPECT_THAT(Profile(), IsOkAndHolds(kDefaultProfile));
  Ask(v1::SecurityProfile::RuntimeDefault);
  EXPECT_THAT(Profile(), IsOkAndHolds(kDefaultProfile));
  EXPECT_THAT(*runtime::ReadFile(dir_ / "text"),
              HasSubstr("profile coracle-default flags="));
  EXPECT_EQ(*runtime::ReadFile(dir_ / "runs"), "x\n");
}

// With the kernel and the parser of this host, if it has them. The profile
// stays for the containers that come after.
TEST_F(AppArmorTest, DefaultProfileIsOneThatKernelsTake) {
  const Host real;
  if (!runtime::Exists(real.apparmor_parser) ||
      !runtime::Exists(real.sys + "/kernel/security/apparmor/profiles")) {
    GTEST_SKIP() << "this host has no AppArmor or no apparmor_parser";
  }
  EXPECT_THAT(ProfileFor(security_, real), IsOkAndHolds(kDefaultProfile));
  EXPECT_THAT(
      *runtime::ReadFile(real.sys + "/kernel/security/apparmor/profiles"),
      HasSubstr("coracle-default (enforce)"));
}

TEST_F(AppArmorTest, DefaultProfileThatDoesNotLoadIsAnError) {
  Enable("");
  MakeParser("echo 'syntax error' >&2; exit 1");
  EXPECT_THAT(Profile(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("does not load coracle-default: syntax err")));
}

TEST_F(AppArmorTest, WithoutAParserThereIsNoDefault) {
  Enable("");
  EXPECT_THAT(Profile(), IsOkAndHolds(""));
}

// A node in a container: AppArmor is the host's, and so are its profiles.
TEST_F(AppArmorTest, WithoutSecurityfsThereIsNoDefault) {
  Write(host_.sys + "/module/apparmor/parameters/enabled", "Y\n");
  MakeParser("exit 0");
  EXPECT_THAT(Profile(), IsOkAndHolds(""));
  Ask(v1::SecurityProfile::Localhost, "web");
  EXPECT_THAT(Profile(), IsOkAndHolds("web"));
}

TEST_F(AppArmorTest, UnconfinedAndPrivilegedHaveNone) {
  Enable("web (enforce)\n");
  Ask(v1::SecurityProfile::Unconfined);
  EXPECT_THAT(Profile(), IsOkAndHolds(""));
  Ask(v1::SecurityProfile::Localhost, "web");
  security_.set_privileged(true);
  EXPECT_THAT(Profile(), IsOkAndHolds(""));
}

TEST_F(AppArmorTest, DeprecatedWordsMeanTheSame) {
  Enable("web (enforce)\n");
  AskOld("localhost/web");
  EXPECT_THAT(Profile(), IsOkAndHolds("web"));
  AskOld("unconfined");
  EXPECT_THAT(Profile(), IsOkAndHolds(""));
  Ask(v1::SecurityProfile::Localhost, "web");  // the new field wins
  EXPECT_THAT(Profile(), IsOkAndHolds("web"));
  security_.clear_apparmor();
  for (const char* words : {"web", "localhost/", "runtime/other"}) {
    AskOld(words);
    EXPECT_THAT(Profile(), StatusIs(absl::StatusCode::kInvalidArgument,
                                    HasSubstr("security_context.apparmor")));
  }
}

TEST_F(AppArmorTest, NamesThatNoProfileHasAreRefused) {
  Enable("web (enforce)\n");
  for (const std::string& name :
       {std::string(), std::string("a\nb"), std::string("a\0b", 3),
        std::string("a\"b"), std::string(10 << 20, 'a')}) {
    Ask(v1::SecurityProfile::Localhost, name);
    EXPECT_THAT(Profile(), StatusIs(absl::StatusCode::kInvalidArgument,
                                    HasSubstr("localhost_ref is")));
  }
}

}  // namespace
}  // namespace cri::lsm
