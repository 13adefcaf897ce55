// SPDX-License-Identifier: Apache-2.0
// When a network by CNI is ready: configuration files that come and go, plugins
// that are missing, too old or unwell.
#include <stdio.h>
#include <unistd.h>

#include "tests/component/cni/network_fixture.h"

namespace cri::network {
namespace {

using testing::HasSubstr;
using tests::StatusIs;

TEST_F(CniNetworkTest, SaysWhatIsMissingAndNoticesWhenItComes) {
  ASSERT_OK(runtime::RemoveTree(dir_ / "conf"));
  Start();
  const Readiness missing = Ready();
  EXPECT_FALSE(missing.ready);
  EXPECT_EQ(missing.reason, "NetworkPluginNotReady");
  EXPECT_THAT(missing.message, HasSubstr(options_.conf_dir));
  EXPECT_THAT(missing.message, HasSubstr("install a network add-on"));
  EXPECT_THAT(AddPod(), StatusIs(absl::StatusCode::kUnavailable,
                                 HasSubstr(options_.conf_dir)));

  ASSERT_OK(runtime::MakeDirs(dir_ / "conf"));
  EXPECT_TRUE(WasTold("has no .conflist"));
  Write("conf/10-net.conflist", kConf);
  EXPECT_TRUE(WasTold("there is no program first"));
  WriteFakes();
  EXPECT_TRUE(Ready().ready) << Ready().message;
  EXPECT_TRUE(WasTold(""));

  Write("conf/10-net.conflist", R"({"cniVersion": "1.0.0", "name": "net",
     "plugins": [{"type": "first"}, {"type": "a/b"}]})");
  EXPECT_TRUE(WasTold("10-net.conflist: plugins[1].type: \"a/b\""));
  Write("conf/05-first.conf",
        R"({"cniVersion": "0.3.1", "name": "one", "type": "first"})");
  EXPECT_TRUE(WasTold(""));
  ASSERT_EQ(unlink((dir_ / "conf/05-first.conf").c_str()), 0);
  EXPECT_TRUE(WasTold("plugins[1].type"));
  ASSERT_EQ(rename((dir_ / "conf/10-net.conflist").c_str(),
                   (dir_ / "conf/net.off").c_str()),
            0);
  EXPECT_TRUE(WasTold("has no .conflist"));
}

TEST_F(CniNetworkTest, NoticesWhenWhatALinkLeadsToChanges) {
  WriteFakes();
  const std::string bad = R"({"cniVersion": "1.0.0", "name": "net",
                              "plugins": [{"type": "a/b"}]})";
  for (const char* name : {"v1", "v2"}) {
    ASSERT_OK(runtime::MakeDirs(dir_ / name));
  }
  Write("v1/real", kConf);
  Write("v2/real", bad);
  ASSERT_EQ(symlink("v1", (dir_ / "data").c_str()), 0);
  ASSERT_EQ(symlink("../data/./real", (dir_ / "conf/10-net.conflist").c_str()),
            0);
  Start();
  EXPECT_TRUE(Ready().ready) << Ready().message;
  Write("v1/real", bad);
  EXPECT_TRUE(WasTold("10-net.conflist: plugins[0].type"));
  Write("v1/real", kConf);
  EXPECT_TRUE(WasTold(""));
  // Another directory takes the place of the first, as a ConfigMap's does.
  ASSERT_EQ(symlink((dir_ / "v2").c_str(), (dir_ / "next").c_str()), 0);
  ASSERT_EQ(rename((dir_ / "next").c_str(), (dir_ / "data").c_str()), 0);
  EXPECT_TRUE(WasTold("10-net.conflist: plugins[0].type"));
  Write("v2/real", kConf);
  EXPECT_TRUE(WasTold(""));
  ASSERT_EQ(unlink((dir_ / "v2/real").c_str()), 0);
  EXPECT_TRUE(WasTold("10-net.conflist"));
}

TEST_F(CniNetworkTest, NoticesWhenAPluginGoesAndComes) {
  WriteFakes();
  Write("conf/10-net.conflist", kConf);
  options_.bin_dirs = {dir_ / "later/bin", dir_ / "bin"};
  Start();
  EXPECT_TRUE(Ready().ready);
  ASSERT_EQ(rename((dir_ / "bin/last").c_str(), (dir_ / "last").c_str()), 0);
  EXPECT_TRUE(WasTold("plugin last: VERSION: there is no program last in"));
  ASSERT_OK(runtime::MakeDirs(dir_ / "later/bin"));
  ASSERT_EQ(symlink("../../last", (dir_ / "later/bin/last").c_str()), 0);
  EXPECT_TRUE(WasTold(""));
  ASSERT_EQ(chmod((dir_ / "last").c_str(), 0644), 0);
  EXPECT_TRUE(WasTold("there is no program last in"));
  ASSERT_EQ(chmod((dir_ / "last").c_str(), 0755), 0);
  EXPECT_TRUE(WasTold(""));
  ASSERT_EQ(rename((dir_ / "bin").c_str(), (dir_ / "away").c_str()), 0);
  EXPECT_TRUE(WasTold("there is no program first in"));
}

TEST_F(CniNetworkTest, StatusOfPluginsIsReadiness) {
  WriteFakes();
  Write("conf/10-net.conflist", kConf);
  Start();
  EXPECT_TRUE(Ready().ready);
  Write("fail-last-STATUS", R"({"code": 50, "msg": "no uplink"})");
  const Readiness bad = Ready();
  EXPECT_FALSE(bad.ready);
  EXPECT_THAT(bad.message, HasSubstr("plugin last: STATUS: no uplink (CNI code "
                                     "50: plugin not available)"));
}

TEST_F(CniNetworkTest, LeasesThatCannotBeWrittenAreNotReady) {
  Write("conf/10-net.conflist", absl::StrReplaceAll(R"({
    "cniVersion": "1.1.0", "name": "net", "plugins": [{"type": "ptp", "ipam":
    {"type": "host-local", "dataDir": "DIR/leases", "subnet": "10.9.8.0/30"}}]
  })",
                                                    {{"DIR", dir_.path()}}));
  Write("leases", "a file");
  Start();
  EXPECT_THAT(Ready().message, HasSubstr("plugin ptp: STATUS: "));
  EXPECT_THAT(Ready().message, HasSubstr(dir_ / "leases"));
  ASSERT_EQ(unlink((dir_ / "leases").c_str()), 0);
  EXPECT_TRUE(Ready().ready) << Ready().message;
  // No address is left: that is told to who asks for one.
  ASSERT_OK(AddPod());
  EXPECT_TRUE(Ready().ready) << Ready().message;
  EXPECT_OK(RemovePod());
}

TEST_F(CniNetworkTest, APluginThatDoesNotSpeakTheVersionIsNamed) {
  WriteFakes();
  Write("versions",
        R"({"cniVersion": "1.1.0", "supportedVersions": ["0.3.1", "0.4.0"]})");
  Write("conf/10-net.conflist", kConf);
  Start();
  EXPECT_THAT(Ready().message,
              HasSubstr("plugin first does not speak CNI version 1.1.0, only "
                        "0.3.1, 0.4.0"));
}

TEST_F(CniNetworkTest, PodCidrOutlivesARestart) {
  WriteFakes();
  Write("conf/10-net.conflist", kConf);
  Start();
  EXPECT_OK(network_->SetPodCidr("10.8.0.0/24"));
  EXPECT_THAT(network_->SetPodCidr("10.8.0.0"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  network_.reset();
  Start();
  ASSERT_OK(AddPod());
  EXPECT_EQ(Request("last-ADD")["runtimeConfig"]["ipRanges"].dump(),
            R"([[{"subnet":"10.8.0.0/24"}]])");
}

// The normal order after a boot: the network add-on comes as a pod.
TEST_F(CniNetworkTest, GcComesWithTheFirstConfigurationAndOnce) {
  WriteFakes();
  Write("conf/10-net.conflist", kConf);
  Start();
  ASSERT_OK(AddPod());
  network_.reset();
  ASSERT_EQ(rename((dir_ / "conf/10-net.conflist").c_str(),
                   (dir_ / "net.off").c_str()),
            0);
  Start();
  node_.Run([this] {
    EXPECT_THAT(network_->Recover({}), testing::ElementsAre("a1"));
    network_->Collect();
    // Nobody waits for it meanwhile.
    EXPECT_OK(network_->Teardown({.sandbox_id = "b2"}));
  });
  pod_network_.sandbox_id = "c3";
  pod_network_.name = "other";  // not to wait for the DEL of the first
  EXPECT_THAT(AddPod(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(Text("calls"), testing::Not(HasSubstr("GC")));
  ASSERT_EQ(rename((dir_ / "net.off").c_str(),
                   (dir_ / "conf/10-net.conflist").c_str()),
            0);
  ASSERT_OK(AddPod());
  // Before the ADD, and told of what had a record then.
  EXPECT_THAT(Text("calls"),
              testing::ContainsRegex("last GC[^Z]*first ADD c3"));
  EXPECT_EQ(Request("last-GC")["cni.dev/valid-attachments"].dump(),
            R"([{"containerID":"a1","ifname":"eth0"}])");
  Write("conf/05-next.conflist", kConf);
  EXPECT_TRUE(Ready().ready);
  EXPECT_OK(RemovePod("c3"));
  EXPECT_OK(RemovePod());
  const std::string calls = Text("calls");
  EXPECT_EQ(calls.find("last GC"), calls.rfind("last GC"));
}

}  // namespace
}  // namespace cri::network
