// SPDX-License-Identifier: Apache-2.0
// CVE-2021-20206: a plugin type with a path in it ran any program of the node.
#include <sys/stat.h>

#include <fstream>
#include <string>

#include "cri/network/cni/cni.h"
#include "cri/network/cni/programs.h"
#include "cri/network/cni/spec/conf.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace cri::network::cni {
namespace {

using testing::HasSubstr;
using tests::StatusIs;

constexpr const char* kBadTypes[] = {
    "../evil", "../bin/../evil", "/bin/sh", "a/b", "..", ".", "", "a b", "a;b"};

class CniPluginTest : public testing::Test {
 protected:
  CniPluginTest() {
    // The canary is a program beside the plugins' directory.
    std::ofstream(dir_ / "evil")
        << "#!/bin/sh\ntouch " << (dir_ / "escaped") << "\n";
    chmod((dir_ / "evil").c_str(), 0755);
    mkdir((dir_ / "bin").c_str(), 0755);
    mkdir((dir_ / "conf").c_str(), 0755);
  }
  bool Escaped() { return runtime::Exists(dir_ / "escaped"); }

  tests::TempDir dir_;
};

TEST_F(CniPluginTest, Cve2021_20206_TypeLeavesThePluginDirectory) {
  Programs programs({dir_ / "bin"});
  for (const char* type : kBadTypes) {
    EXPECT_THAT(CheckPluginType(type),
                StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(programs.Run({.plugin = type}),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << type;
  }
  EXPECT_THAT(programs.Find("evil"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(dir_ / "bin")));
  // A directory of that name is no program either.
  mkdir((dir_ / "bin/evil").c_str(), 0755);
  EXPECT_THAT(programs.Find("evil"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_FALSE(Escaped());
}

TEST_F(CniPluginTest, Cve2021_20206_ConfigurationNamesAProgramElsewhere) {
  for (const char* conf :
       {R"({"cniVersion": "1.0.0", "name": "n", "plugins": [
            {"type": "../evil"}]})",
        R"({"cniVersion": "1.0.0", "name": "n", "type": "../evil"})",
        R"({"cniVersion": "1.0.0", "name": "n", "plugins": [
            {"type": "bridge", "ipam": {"type": "../evil"}}]})"}) {
    std::ofstream(dir_ / "conf/10.conflist") << conf;
    CniOptions options;
    options.state_dir = dir_.path();
    options.owner = dir_.path();
    options.conf_dir = dir_ / "conf";
    options.bin_dirs = {dir_ / "bin"};
    options.cache_dir = dir_ / "cache";
    const Readiness ready = MakeCniNetwork(options)->Ready();
    EXPECT_FALSE(ready.ready);
    EXPECT_THAT(ready.message,
                HasSubstr("type: \"../evil\" is no plugin name"));
  }
  EXPECT_FALSE(Escaped());
}

}  // namespace
}  // namespace cri::network::cni
