// SPDX-License-Identifier: Apache-2.0
#include "runtime/lsm/lsm.h"

#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace runtime::lsm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::tests::StatusIs;

// A kernel's attribute files: keeps what is written, gives it back as AppArmor
// and SELinux do.
class FakeAttributes : public Attributes {
 public:
  absl::Status Write(const std::string& name,
                     absl::string_view text) const override {
    if (files.count(name) == 0) return absl::NotFoundError(name);
    if (!refusal.ok()) return refusal;
    files[name] = std::string(text);
    written.emplace_back(name, text);
    return absl::OkStatus();
  }
  absl::StatusOr<std::string> Read(const std::string& name) const override {
    auto it = files.find(name);
    if (it == files.end()) return absl::NotFoundError(name);
    if (!answer.empty()) return answer;
    std::string text = it->second;
    if (absl::StartsWith(text, "exec ")) return text.substr(5) + " (enforce)\n";
    return text + std::string(1, '\0');
  }

  mutable std::map<std::string, std::string> files = {
      {"exec", ""},
      {"keycreate", ""},
      {"apparmor/exec", ""},
      {"apparmor/current", "daemon (enforce)\n"}};
  mutable std::vector<std::pair<std::string, std::string>> written;
  absl::Status refusal;
  std::string answer;  // of every read, "" = what was written
};

TEST(LsmTest, DetectsWhatIsInForce) {
  tests::TempDir dir;
  EXPECT_FALSE(Detect(dir.path()).apparmor);
  EXPECT_FALSE(Detect(dir.path()).selinux);
  ASSERT_OK(MakeDirs(dir / "module/apparmor/parameters"));
  ASSERT_OK(WriteFileAtomic(dir / "module/apparmor/parameters/enabled", "N\n"));
  EXPECT_FALSE(Detect(dir.path()).apparmor);
  ASSERT_OK(WriteFileAtomic(dir / "module/apparmor/parameters/enabled", "Y\n"));
  ASSERT_OK(MakeDirs(dir / "fs/selinux"));
  EXPECT_FALSE(Detect(dir.path()).selinux);  // an empty mount point
  ASSERT_OK(WriteFileAtomic(dir / "fs/selinux/enforce", "0"));
  EXPECT_TRUE(Detect(dir.path()).apparmor);
  EXPECT_TRUE(Detect(dir.path()).selinux);
}

TEST(LsmTest, LabelThatTheHostDoesNotEnforceIsRefused) {
  EXPECT_OK(Check({"", ""}, {}));
  EXPECT_OK(Check({"unconfined", ""}, {}));
  EXPECT_OK(Check({"web", "u:r:t:s0"}, {true, true}));
  EXPECT_THAT(Check({"web", ""}, {false, true}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       "process.apparmorProfile: \"web\": AppArmor is not "
                       "enabled on this host"));
  EXPECT_THAT(Check({"", "u:r:t:s0"}, {true, false}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("process.selinuxLabel: \"u:r:t:s0\"")));
  EXPECT_THAT(Check({"", "", "u:r:t:s0"}, {true, false}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("linux.mountLabel: \"u:r:t:s0\"")));
}

TEST(LsmTest, LabelThatNoKernelTakesIsRefused) {
  for (const std::string& label :
       {std::string("a\nexec b"), std::string("a\0b", 3), std::string("a\",x"),
        std::string(10 << 20, 'a')}) {
    EXPECT_THAT(Check({label, ""}, {true, true}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("process.apparmorProfile: is longer")));
    EXPECT_THAT(Check({"", label}, {true, true}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("process.selinuxLabel: is longer")));
  }
}

TEST(LsmTest, ProfileIsWrittenToAppArmorsOwnFile) {
  FakeAttributes attributes;
  EXPECT_OK(SetForInit({"web", ""}, attributes));
  EXPECT_THAT(attributes.written,
              ElementsAre(Pair("apparmor/exec", "exec web")));
}

TEST(LsmTest, OldKernelHasOneFile) {
  FakeAttributes attributes;
  attributes.files.erase("apparmor/exec");
  EXPECT_OK(SetForInit({"web", ""}, attributes));
  EXPECT_THAT(attributes.written, ElementsAre(Pair("exec", "exec web")));
}

TEST(LsmTest, NothingIsWrittenWithoutLabels) {
  FakeAttributes attributes;
  EXPECT_OK(SetForInit({"unconfined", ""}, attributes));
  EXPECT_TRUE(attributes.written.empty());
}

TEST(LsmTest, ProfileThatIsNotLoadedIsNamed) {
  FakeAttributes attributes;
  attributes.refusal = absl::NotFoundError("write");
  EXPECT_THAT(SetForInit({"web", ""}, attributes),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("profile \"web\" is not loaded")));
}

// CVE-2019-16884, CVE-2019-19921, CVE-2025-52881: a write that went elsewhere
// must not look like a label.
TEST(LsmTest, Cve2025_52881_LabelThatIsNotThereAfterwardsIsAnError) {
  for (const char* answer : {"webserver (enforce)", "unconfined", "\n", "x"}) {
    FakeAttributes attributes;
    attributes.answer = answer;
    EXPECT_THAT(SetForInit({"web", ""}, attributes),
                StatusIs(absl::StatusCode::kPermissionDenied,
                         HasSubstr("process.apparmorProfile: the kernel has")));
    EXPECT_THAT(SetForInit({"", "u:r:t:s0"}, attributes),
                StatusIs(absl::StatusCode::kPermissionDenied,
                         HasSubstr("process.selinuxLabel: the kernel has")));
  }
}

TEST(LsmTest, SelinuxLevelMayComeBackInAnotherSpelling) {
  FakeAttributes attributes;
  attributes.answer = std::string("u:r:t:s0:c1,c2\0", 15);
  EXPECT_OK(SetForInit({"", "u:r:t:s0:c2,c1"}, attributes));
  EXPECT_THAT(attributes.written.front(), Pair("exec", "u:r:t:s0:c2,c1"));
  EXPECT_FALSE(SetForInit({"", "u:r:other:s0"}, attributes).ok());
}

TEST(LsmTest, LabelThatThePolicyDoesNotKnowIsNamed) {
  FakeAttributes attributes;
  attributes.refusal = absl::InvalidArgumentError("write");
  EXPECT_THAT(SetForInit({"", "u:r:t:s0"}, attributes),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("the policy does not know \"u:r:t:s0\"")));
}

TEST(LsmTest, KeyringsAreLabelledWhereThereAreKeys) {
  FakeAttributes attributes;
  EXPECT_OK(SetForInit({"", "u:r:t:s0"}, attributes));
  EXPECT_THAT(attributes.written, ElementsAre(Pair("exec", "u:r:t:s0"),
                                              Pair("keycreate", "u:r:t:s0")));
  attributes.files.erase("keycreate");
  EXPECT_OK(SetForInit({"", "u:r:t:s0"}, attributes));
}

TEST(LsmTest, NothingOfALabelStaysForOtherProcesses) {
  FakeAttributes attributes;
  EXPECT_OK(Unset({"unconfined", ""}, attributes));
  EXPECT_TRUE(attributes.written.empty());
  EXPECT_OK(Unset({"", "u:r:t:s0"}, attributes));
  EXPECT_THAT(attributes.written,
              ElementsAre(Pair("keycreate", ""), Pair("exec", "")));
  // The runtime's own confinement stays.
  EXPECT_OK(Unset({"web", ""}, attributes));
  EXPECT_THAT(attributes.written.back(), Pair("apparmor/exec", "exec daemon"));
}

// The kernel's own files: without a module that keeps labels they refuse.
TEST(LsmTest, ReachesTheKernelsFiles) {
  absl::StatusOr<path::Proc> proc = path::Proc::Open();
  ASSERT_OK(proc);
  ProcAttributes attributes(&*proc);
  EXPECT_THAT(attributes.Read("no-such"),
              StatusIs(absl::StatusCode::kNotFound));
  if (Detect().apparmor) {
    EXPECT_THAT(SetForInit({"coracle-test-no-such-profile", ""}, attributes),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         HasSubstr("is not loaded")));
  } else {
    EXPECT_FALSE(SetForInit({"web", ""}, attributes).ok());
  }
}

}  // namespace
}  // namespace runtime::lsm
