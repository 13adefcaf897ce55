// SPDX-License-Identifier: Apache-2.0
#include "cri/container/seccomp.h"

#include <set>

#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace cri::container {
namespace {

namespace v1 = ::runtime::v1;
using runtime::Json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::tests::StatusIs;
using Security = v1::LinuxContainerSecurityContext;

// Names that a rule without arguments allows.
std::set<std::string> Allowed(const Json& profile) {
  std::set<std::string> names;
  for (const Json& rule : runtime::ArrayAt(profile, "syscalls")) {
    if (runtime::StringAt(rule, "action") != "SCMP_ACT_ALLOW" ||
        runtime::Has(rule, "args")) {
      continue;
    }
    for (const Json& name : runtime::ArrayAt(rule, "names")) {
      EXPECT_TRUE(names.insert(name).second) << name << " twice";
    }
  }
  return names;
}

TEST(SeccompTest, DefaultAllowsTheUsualAndRefusesTheDangerous) {
  std::set<std::string> allowed = Allowed(DefaultSeccomp({}));
  for (const char* name :
       {"read", "write", "execve", "futex", "mmap", "clock_gettime", "openat2",
        "epoll_pwait2", "arch_prctl", "fork"}) {
    EXPECT_EQ(allowed.count(name), 1u) << name;
  }
  for (const char* name : {"mount",          "umount2",     "unshare",
                           "setns",          "bpf",         "keyctl",
                           "add_key",        "init_module", "kexec_load",
                           "io_uring_setup", "userfaultfd", "clone",
                           "clone3",         "socket",      "perf_event_open",
                           "reboot",         "swapon",      "open_by_handle_at",
                           "chroot",         "personality"}) {
    EXPECT_EQ(allowed.count(name), 0u) << name;
  }
}

TEST(SeccompTest, CapabilitiesWidenIt) {
  std::set<std::string> allowed =
      Allowed(DefaultSeccomp({"CAP_SYS_ADMIN", "CAP_SYS_CHROOT"}));
  for (const char* name :
       {"mount", "unshare", "clone", "clone3", "chroot", "sethostname"}) {
    EXPECT_EQ(allowed.count(name), 1u) << name;
  }
  EXPECT_EQ(allowed.count("init_module"), 0u);
}

TEST(SeccompTest, NilIsUnconfinedAndEmptyIsTheDefault) {
  Security security;
  ASSERT_OK_AND_ASSIGN(Json none, SeccompFor(security, {}));
  EXPECT_TRUE(none.is_null());
  security.mutable_seccomp();
  ASSERT_OK_AND_ASSIGN(Json standard, SeccompFor(security, {}));
  EXPECT_TRUE(standard.is_object());
  security.set_privileged(true);
  ASSERT_OK_AND_ASSIGN(none, SeccompFor(security, {}));
  EXPECT_TRUE(none.is_null());
}

TEST(SeccompTest, LocalhostProfileIsReadFromItsFile) {
  tests::TempDir dir;
  ASSERT_OK(runtime::WriteFileAtomic(dir / "p.json",
                                     R"({"defaultAction":"SCMP_ACT_ALLOW"})"));
  Security security;
  security.mutable_seccomp()->set_profile_type(v1::SecurityProfile::Localhost);
  security.mutable_seccomp()->set_localhost_ref(dir / "p.json");
  ASSERT_OK_AND_ASSIGN(Json profile, SeccompFor(security, {}));
  EXPECT_EQ(runtime::StringAt(profile, "defaultAction"), "SCMP_ACT_ALLOW");
}

TEST(SeccompTest, Cve2023_2431_EmptyLocalhostPathIsNotUnconfined) {
  tests::TempDir dir;
  ASSERT_OK(runtime::WriteFileAtomic(dir / "bad.json", "{"));
  ASSERT_OK(runtime::WriteFileAtomic(dir / "list.json", "[]"));
  for (const std::string& path :
       {std::string(), std::string("relative.json"), dir / "none.json",
        dir / "bad.json", dir / "list.json"}) {
    Security security;
    security.mutable_seccomp()->set_profile_type(
        v1::SecurityProfile::Localhost);
    security.mutable_seccomp()->set_localhost_ref(path);
    EXPECT_FALSE(SeccompFor(security, {}).ok()) << path;
  }
}

TEST(SeccompTest, ProfileThatCannotBeHadNamesFieldFileAndReason) {
  tests::TempDir dir;
  ASSERT_OK(runtime::WriteFileAtomic(dir / "bad.json", "{"));
  ASSERT_OK(runtime::WriteFileAtomic(dir / "empty.json", "{}"));
  ASSERT_OK(runtime::WriteFileAtomic(dir / "huge.json",
                                     std::string((1 << 20) + 1, ' ')));
  struct Row {
    std::string path;
    absl::StatusCode code;
    std::string why;
  };
  for (const Row& row : {
           Row{"p.json", absl::StatusCode::kInvalidArgument,
               "\"p.json\" is not an absolute path"},
           Row{std::string("/p\0x", 4), absl::StatusCode::kInvalidArgument,
               "\"/p\\x00x\" is not an absolute path"},
           Row{dir / "none.json", absl::StatusCode::kNotFound, "/none.json"},
           Row{dir / "bad.json", absl::StatusCode::kInvalidArgument,
               "/bad.json: byte"},
           Row{dir / "empty.json", absl::StatusCode::kInvalidArgument,
               "/empty.json: no field defaultAction"},
           Row{dir / "huge.json", absl::StatusCode::kResourceExhausted,
               "/huge.json: larger than"},
       }) {
    Security security;
    security.mutable_seccomp()->set_profile_type(
        v1::SecurityProfile::Localhost);
    security.mutable_seccomp()->set_localhost_ref(row.path);
    EXPECT_THAT(SeccompFor(security, {}),
                StatusIs(row.code, AllOf(HasSubstr("security_context.seccomp"),
                                         HasSubstr(row.why))));
  }
}

TEST(SeccompTest, DeprecatedWordsMeanTheSame) {
  tests::TempDir dir;
  ASSERT_OK(runtime::WriteFileAtomic(dir / "p.json",
                                     R"({"defaultAction":"SCMP_ACT_LOG"})"));
  auto profile = [](const std::string& words) {
    Security security;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    security.set_seccomp_profile_path(words);
#pragma GCC diagnostic pop
    return SeccompFor(security, {});
  };
  EXPECT_TRUE(profile("unconfined")->is_null());
  EXPECT_EQ(*profile("runtime/default"), DefaultSeccomp({}));
  EXPECT_EQ(runtime::StringAt(*profile("localhost/" + (dir / "p.json")),
                              "defaultAction"),
            "SCMP_ACT_LOG");
  EXPECT_THAT(profile("p.json"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("seccomp_profile_path: \"p.json\"")));
}

}  // namespace
}  // namespace cri::container
