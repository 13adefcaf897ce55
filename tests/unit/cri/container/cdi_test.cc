// SPDX-License-Identifier: Apache-2.0
#include "cri/container/cdi.h"

#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace cri::container {
namespace {

using runtime::Json;
using ::testing::HasSubstr;
using ::tests::StatusIs;

class CdiTest : public ::testing::Test {
 protected:
  CdiTest() {
    config_.identity.uid = 1000;
    config_.identity.gid = 2000;
    config_.identity.groups = {2000};
    config_.json = Json::parse(R"({
      "process": {"env": ["PATH=/bin", "A=old"], "user": {}},
      "mounts": [{"destination": "/a/b", "type": "bind", "source": "/old",
                  "options": []}],
      "linux": {"devices": [{"path": "/dev/x", "type": "b"}],
                "resources": {"devices": []}}})");
  }
  const Json& Linux() { return config_.json["linux"]; }
  const Json& Rules() { return Linux()["resources"]["devices"]; }

  cdi::Edits edits_;
  OciConfig config_;
};

TEST_F(CdiTest, VariablesReplaceThoseOfTheSameName) {
  edits_.env = {"A=new=1", "AB=2"};
  ASSERT_OK(ApplyCdi(edits_, {}, config_));
  EXPECT_EQ(config_.json["process"]["env"],
            Json({"PATH=/bin", "A=new=1", "AB=2"}));
}

TEST_F(CdiTest, DeviceIsCompletedFromTheHost) {
  edits_.nodes.push_back({.path = "/dev/x", .host_path = "/dev/null"});
  ASSERT_OK(ApplyCdi(edits_, {}, config_));
  EXPECT_EQ(Linux()["devices"], Json::array({Json{{"path", "/dev/x"},
                                                  {"type", "c"},
                                                  {"major", 1},
                                                  {"minor", 3},
                                                  {"uid", 1000},
                                                  {"gid", 2000}}}));
  EXPECT_EQ(Rules(), Json::array({Json{{"allow", true},
                                       {"type", "c"},
                                       {"major", 1},
                                       {"minor", 3},
                                       {"access", "rwm"}}}));
}

TEST_F(CdiTest, DeviceThatIsWholeNeedsNoHost) {
  edits_.nodes.push_back({.path = "/dev/y",
                          .host_path = "/no/such",
                          .type = 'b',
                          .major = 8,
                          .minor = 1,
                          .file_mode = 0100640,
                          .uid = 0,
                          .gid = 6,
                          .permissions = ""});
  ASSERT_OK(ApplyCdi(edits_, {}, config_));
  EXPECT_EQ(Linux()["devices"][1], (Json{{"path", "/dev/y"},
                                         {"type", "b"},
                                         {"major", 8},
                                         {"minor", 1},
                                         {"fileMode", 0640},
                                         {"uid", 0},
                                         {"gid", 6}}));
  EXPECT_EQ(Rules(), Json::array());  // permissions "none"
}

TEST_F(CdiTest, DeviceThatIsNoneIsAnError) {
  tests::TempDir dir;
  struct Row {
    std::string host_path;
    char type;
    absl::StatusCode code;
    std::string why;
  };
  for (const Row& row :
       {Row{"/no/such", 0, absl::StatusCode::kNotFound, "/no/such"},
        Row{dir.path(), 0, absl::StatusCode::kInvalidArgument,
            "is not a device node"},
        Row{"/dev/null", 'b', absl::StatusCode::kInvalidArgument,
            "is of type c, not b"}}) {
    edits_.nodes = {
        {.path = "/dev/y", .host_path = row.host_path, .type = row.type}};
    EXPECT_THAT(ApplyCdi(edits_, {}, config_),
                StatusIs(row.code, HasSubstr(row.why)));
  }
}

TEST_F(CdiTest, MountsReplaceAndParentsComeFirst) {
  edits_.mounts = {{"/h1", "/a//b/", "", {"ro"}},
                   {"/h2", "/a", "bind", {"bind", "ro"}},
                   {"tmpfs", "/a/c", "tmpfs", {"size=1k"}}};
  ASSERT_OK(ApplyCdi(edits_, {}, config_));
  auto mount = [](const char* to, const char* type, const char* from,
                  std::vector<std::string> options) {
    return Json{{"destination", to},
                {"type", type},
                {"source", from},
                {"options", std::move(options)}};
  };
  EXPECT_EQ(config_.json["mounts"],
            Json::array({mount("/a", "bind", "/h2", {"bind", "ro"}),
                         mount("/a/b", "bind", "/h1", {"rbind", "ro"}),
                         mount("/a/c", "tmpfs", "tmpfs", {"size=1k"})}));
}

TEST_F(CdiTest, MountsAreMappedInAUserNamespace) {
  edits_.mounts = {{"/h1", "/x", "", {}}, {"tmpfs", "/y", "tmpfs", {}}};
  runtime::ns::IdMaps maps{{{0, 100000, 65536}}, {{0, 200000, 65536}}};
  ASSERT_OK(ApplyCdi(edits_, maps, config_));
  for (const Json& mount : config_.json["mounts"]) {
    EXPECT_EQ(runtime::Has(mount, "uidMappings"), mount["destination"] == "/x");
  }
}

TEST_F(CdiTest, HooksGoWhereTheyBelong) {
  edits_.hooks = {{"createContainer", "/h1", {"h1", "x"}, {"A=B"}, 3},
                  {"createContainer", "/h2", {}, {}, std::nullopt},
                  {"startContainer", "/h3", {}, {}, std::nullopt}};
  ASSERT_OK(ApplyCdi(edits_, {}, config_));
  EXPECT_EQ(config_.json["hooks"], Json::parse(R"({"createContainer": [
              {"path": "/h1", "args": ["h1", "x"], "env": ["A=B"],
               "timeout": 3}, {"path": "/h2"}],
              "startContainer": [{"path": "/h3"}]})"));
}

TEST_F(CdiTest, GroupsAreThoseOfTheStatusToo) {
  edits_.gids = {44, 2000, 7};
  ASSERT_OK(ApplyCdi(edits_, {}, config_));
  EXPECT_EQ(config_.json["process"]["user"]["additionalGids"],
            Json({7, 44, 2000}));
  EXPECT_EQ(config_.identity.groups, (std::vector<uint32_t>{7, 44, 2000}));
}

TEST_F(CdiTest, NothingChangesWithoutDevices) {
  const Json before = config_.json;
  ASSERT_OK(ApplyCdi(edits_, {}, config_));
  config_.json["process"]["user"].erase("additionalGids");
  EXPECT_EQ(config_.json, before);
}

}  // namespace
}  // namespace cri::container
