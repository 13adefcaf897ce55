// SPDX-License-Identifier: Apache-2.0
#include "cri/sandbox/pod_spec.h"

#include <map>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cri::sandbox {
namespace {

using runtime::Json;
namespace v1 = ::runtime::v1;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class PodSpecTest : public ::testing::Test {
 protected:
  PodSpecTest() : sandbox_(nullptr) {
    sandbox_.id = std::string(64, 'a');
    sandbox_.cgroup_parent = "/pods/x";
    sandbox_.holder_pid = 70;
    sandbox_.pause_pid = 71;
  }
  v1::NamespaceOption& Namespaces() {
    return *sandbox_.config.mutable_linux()
                ->mutable_security_context()
                ->mutable_namespace_options();
  }
  std::map<std::string, std::string> Paths() {
    std::map<std::string, std::string> paths;
    const Json spec = PodSpec(sandbox_);
    for (const Json& one : spec["linux"]["namespaces"]) {
      paths[one["type"].get<std::string>()] = one["path"].get<std::string>();
    }
    return paths;
  }

  Sandbox sandbox_;
};

TEST_F(PodSpecTest, SaysWhatIsThePodsOwn) {
  (*sandbox_.config.mutable_annotations())["a"] = "b";
  sandbox_.config.set_hostname("web");
  const Json spec = PodSpec(sandbox_);
  EXPECT_EQ(spec["annotations"], (Json{{"a", "b"}}));
  EXPECT_EQ(spec["hostname"], "web");
  EXPECT_EQ(spec["linux"]["cgroupsPath"], "/pods/x");
  EXPECT_THAT(Paths(), ElementsAre(Pair("ipc", "/proc/70/ns/ipc"),
                                   Pair("network", "/proc/70/ns/net"),
                                   Pair("pid", "/proc/71/ns/pid"),
                                   Pair("uts", "/proc/70/ns/uts")));
}

TEST_F(PodSpecTest, LeavesOutWhatIsTheHosts) {
  Namespaces().set_network(v1::NODE);
  Namespaces().set_ipc(v1::NODE);
  sandbox_.pause_pid = 0;
  EXPECT_THAT(Paths(), IsEmpty());
  EXPECT_FALSE(PodSpec(sandbox_).contains("hostname"));
}

TEST_F(PodSpecTest, NamesTheUserNamespace) {
  v1::UserNamespace& user = *Namespaces().mutable_userns_options();
  user.set_mode(v1::POD);
  for (v1::IDMapping* map : {user.add_uids(), user.add_gids()}) {
    map->set_host_id(65536);
    map->set_length(65536);
  }
  EXPECT_EQ(Paths()["user"], "/proc/71/ns/user");
}

TEST_F(PodSpecTest, NamesNoProcessesOfAPodThatEnds) {
  sandbox_.Close();
  EXPECT_THAT(Paths(), IsEmpty());
}

}  // namespace
}  // namespace cri::sandbox
