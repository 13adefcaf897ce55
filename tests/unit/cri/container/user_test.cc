// SPDX-License-Identifier: Apache-2.0
#include "cri/container/user.h"

#include <map>

#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace cri::container {
namespace {

namespace v1 = ::runtime::v1;
using ::testing::HasSubstr;
using ::tests::StatusIs;
using Security = v1::LinuxContainerSecurityContext;
using Groups = std::vector<uint32_t>;

constexpr char kPasswd[] =
    "root:x:0:0:root:/root:/bin/sh\n"
    "web:x:1000:1001::/srv:/bin/sh\n"
    "broken:x:\n"
    "wrap:x:4294967296:0::/:/bin/sh\n"
    "0123:x:77:78::/:/bin/sh\n";
constexpr char kGroup[] =
    "root:x:0:\n"
    "web:x:1001:\n"
    "shared:x:50000:alice,web\n"
    "webby:x:50001:webby\n";

absl::StatusOr<Identity> Resolve(const Security& security,
                                 const std::string& image_user) {
  return ResolveIdentity(
      security, image_user,
      [](const char* path) -> absl::StatusOr<std::optional<std::string>> {
        return std::string(absl::string_view(path) == "/etc/passwd" ? kPasswd
                                                                    : kGroup);
      });
}

struct Row {
  const char* user;
  uint32_t uid, gid;
  Groups groups;
};

TEST(UserTest, ImageUserInAllItsForms) {
  for (const Row& row :
       {Row{"", 0, 0, {0}}, Row{"root", 0, 0, {0}}, Row{"0", 0, 0, {0}},
        Row{"web", 1000, 1001, {1001, 50000}},
        Row{"1000", 1000, 1001, {1001, 50000}},
        Row{"web:root", 1000, 0, {0, 50000}}, Row{"web:7", 1000, 7, {7, 50000}},
        Row{"2000", 2000, 0, {0}}, Row{"2000:shared", 2000, 50000, {50000}},
        // A name of digits is a name first.
        Row{"0123", 77, 78, {78}}}) {
    ASSERT_OK_AND_ASSIGN(Identity identity, Resolve(Security(), row.user));
    EXPECT_EQ(identity.uid, row.uid) << row.user;
    EXPECT_EQ(identity.gid, row.gid) << row.user;
    EXPECT_EQ(identity.groups, row.groups) << row.user;
  }
}

TEST(UserTest, Cve2024_40635_NothingWrapsAndNothingPartialIsRoot) {
  for (const char* user : {":", "1:", ":1", ":0", "4294967296", "2147483648",
                           "-1", "root:", "nobody", "1:2:3", "web:nobody", "+1",
                           " 1", "0x0", "wrap", "broken", "1000:4294967296"}) {
    EXPECT_THAT(
        Resolve(Security(), user),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("image user")))
        << user;
  }
}

TEST(UserTest, RequestWinsOverTheImage) {
  Security security;
  security.mutable_run_as_user()->set_value(1000);
  ASSERT_OK_AND_ASSIGN(Identity identity, Resolve(security, "root"));
  EXPECT_EQ(identity.uid, 1000u);
  EXPECT_EQ(identity.gid, 1001u);
  EXPECT_EQ(identity.home, "/srv");
  security.mutable_run_as_group()->set_value(5);
  ASSERT_OK_AND_ASSIGN(identity, Resolve(security, "root"));
  EXPECT_EQ(identity.gid, 5u);
  EXPECT_EQ(identity.groups, (Groups{5, 50000}));
}

TEST(UserTest, MergeAddsTheImagesGroupsAndStrictDoesNot) {
  Security security;
  security.mutable_run_as_user()->set_value(1000);
  security.add_supplemental_groups(1234);
  security.add_supplemental_groups(1234);
  ASSERT_OK_AND_ASSIGN(Identity identity, Resolve(security, ""));
  EXPECT_EQ(identity.groups, (Groups{1001, 1234, 50000}));
  security.set_supplemental_groups_policy(v1::Strict);
  ASSERT_OK_AND_ASSIGN(identity, Resolve(security, ""));
  EXPECT_EQ(identity.groups, (Groups{1001, 1234}));
}

TEST(UserTest, BadRequestsAreRefused) {
  Security group_only;
  group_only.mutable_run_as_group()->set_value(5);
  EXPECT_THAT(
      Resolve(group_only, ""),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("run_as_group")));
  Security unknown;
  unknown.set_run_as_username("nobody");
  EXPECT_THAT(Resolve(unknown, ""), StatusIs(absl::StatusCode::kInvalidArgument,
                                             HasSubstr("nobody")));
  for (int64_t value : {int64_t{-1}, int64_t{1} << 31, int64_t{1} << 32}) {
    Security security;
    security.mutable_run_as_user()->set_value(value);
    EXPECT_THAT(
        Resolve(security, ""),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("run_as_user")))
        << value;
    Security groups;
    groups.add_supplemental_groups(value);
    EXPECT_FALSE(Resolve(groups, "").ok()) << value;
  }
}

TEST(UserTest, UsernameIsLookedUp) {
  Security security;
  security.set_run_as_username("web");
  ASSERT_OK_AND_ASSIGN(Identity identity, Resolve(security, "root"));
  EXPECT_EQ(identity.uid, 1000u);
}

TEST(UserTest, ImageWithoutDatabases) {
  auto none = [](const char*) -> absl::StatusOr<std::optional<std::string>> {
    return std::nullopt;
  };
  ASSERT_OK_AND_ASSIGN(Identity identity,
                       ResolveIdentity(Security(), "1000:1000", none));
  EXPECT_EQ(identity.uid, 1000u);
  EXPECT_EQ(identity.home, "/");
  EXPECT_FALSE(ResolveIdentity(Security(), "web", none).ok());
}

}  // namespace
}  // namespace cri::container
