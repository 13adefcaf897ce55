// SPDX-License-Identifier: Apache-2.0
#include "agent/pod/user_namespace.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace agent::pod {
namespace {

namespace v1 = ::runtime::v1;
using runtime::Json;
using ::testing::HasSubstr;
using ::tests::StatusIs;

class UserNamespaceTest : public ::testing::Test {
 protected:
  UserNamespaceTest() {
    options_.kubelet_dir = dir_.path();
    options_.max_pods = 3;
  }

  static Json Pod(const std::string& uid) {
    return {{"metadata", {{"uid", uid}}}, {"spec", {{"hostUsers", false}}}};
  }
  absl::StatusOr<uint32_t> First(const std::string& uid) {
    v1::NamespaceOption out;
    absl::Status status = SetUserNamespace(options_, Pod(uid), &out);
    if (!status.ok()) return status;
    EXPECT_EQ(out.userns_options().uids(0).host_id(),
              out.userns_options().gids(0).host_id());
    return out.userns_options().uids(0).host_id();
  }
  std::string File(const std::string& uid) {
    return absl::StrCat(dir_.path(), "/pods/", uid, "/userns");
  }

  tests::TempDir dir_;
  EngineOptions options_;
};

TEST_F(UserNamespaceTest, PodsOfTheNodesUsersHaveNone) {
  for (const Json& pod : {Json{{"spec", Json::object()}},
                          Json{{"spec", {{"hostUsers", true}}}}}) {
    v1::NamespaceOption out;
    EXPECT_OK(SetUserNamespace(options_, pod, &out));
    EXPECT_FALSE(out.has_userns_options());
  }
  EXPECT_FALSE(runtime::Exists(dir_ / "pods"));
}

TEST_F(UserNamespaceTest, RangesAreApartAndStayThePods) {
  EXPECT_EQ(*First("a"), 65536u);
  EXPECT_EQ(*First("b"), 2 * 65536u);
  EXPECT_EQ(*First("a"), 65536u);
  EXPECT_EQ(*runtime::ReadFile(File("b")),
            R"({"gidMappings":[{"containerId":0,"hostId":131072,)"
            R"("length":65536}],"uidMappings":[{"containerId":0,)"
            R"("hostId":131072,"length":65536}]})");
}

TEST_F(UserNamespaceTest, RangeIsFreeWhenThePodsDirectoryIsGone) {
  ASSERT_OK(First("a"));
  ASSERT_OK(First("b"));
  ASSERT_OK(First("c"));
  EXPECT_THAT(First("d"), StatusIs(absl::StatusCode::kResourceExhausted,
                                   HasSubstr("all 3 ranges")));
  ASSERT_OK(runtime::RemoveTree(dir_ / "pods/b"));
  EXPECT_EQ(*First("d"), 2 * 65536u);
}

// What the pod has written belongs to the old range: another one would lock it
// out of its own files, or into another pod's.
TEST_F(UserNamespaceTest, FileThatIsNoRangeIsAnErrorAndStays) {
  auto range = [](int64_t host, int64_t container, int64_t length) {
    Json list = Json::array(
        {{{"hostId", host}, {"containerId", container}, {"length", length}}});
    return runtime::DumpJson(
        Json{{"uidMappings", list}, {"gidMappings", list}});
  };
  ASSERT_OK(First("a"));
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("{}"), range(0, 0, 65536),
        range(65537, 0, 65536), range(65536, 1, 65536), range(65536, 0, 1),
        range(int64_t{1} << 40, 0, 65536), std::string(10000, ' ')}) {
    ASSERT_OK(runtime::WriteFileAtomic(File("a"), text));
    EXPECT_FALSE(First("a").ok()) << text;
    EXPECT_EQ(*runtime::ReadFile(File("a")), text);
  }
}

}  // namespace
}  // namespace agent::pod
