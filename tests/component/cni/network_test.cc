// SPDX-License-Identifier: Apache-2.0
// Pods by CNI: plugins that fail, hang or vanish, restarts in the middle of
// things.
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <thread>

#include "tests/component/cni/network_fixture.h"

namespace cri::network {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using tests::IsOk;
using tests::NetNs;
using tests::Shell;
using tests::StatusIs;

TEST_F(CniNetworkTest, ChainsPluginsWithAllThatTheyAreToKnow) {
  WriteFakes();
  Write("conf/10-net.conflist", kConf);
  options_.pod_cidr = "10.7.0.0/24,fd00:7::/64";
  pod_network_.ports = {{Protocol::kUdp, 53, 5353, "127.0.0.1"}};
  pod_network_.annotations = {{"kubernetes.io/ingress-bandwidth", "10M"},
                              {"example.com/a", "b"}};
  pod_network_.dns = {{"10.0.0.10"}, {"svc.example"}, {"ndots:5"}};
  Start();
  ASSERT_OK_AND_ASSIGN(const PodAddresses addresses, AddPod());
  EXPECT_THAT(addresses.ips, ElementsAre("192.0.2.7", "fd00::7"));
  EXPECT_EQ(Text("calls"), "first ADD a1 netns eth0\nlast ADD a1 netns eth0\n");
  EXPECT_THAT(Text("env-first-ADD"),
              HasSubstr("CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAMESPACE=default;"
                        "K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=a1;"
                        "K8S_POD_UID=u-1\n"));
  EXPECT_THAT(Text("env-first-ADD"),
              HasSubstr("CNI_PATH=" + options_.bin_dirs[0]));
  const runtime::Json first = Request("first-ADD");
  EXPECT_EQ(first["own"], (runtime::Json{{"a", {1}}}));
  EXPECT_EQ(first["cniVersion"], "1.1.0");
  EXPECT_FALSE(first.contains("capabilities"));
  EXPECT_FALSE(first.contains("prevResult"));
  EXPECT_EQ(first["runtimeConfig"].dump(),
            R"({"io.kubernetes.cri.pod-annotations":{"example.com/a":"b",)"
            R"("kubernetes.io/ingress-bandwidth":"10M"},"portMappings":[)"
            R"({"containerPort":53,"hostIP":"127.0.0.1","hostPort":5353,)"
            R"("protocol":"udp"}]})");
  const runtime::Json last = Request("last-ADD");
  EXPECT_EQ(
      last["runtimeConfig"].dump(),
      R"({"aliases":["web","web-host"],"bandwidth":{"ingressBurst":)"
      R"(4294967295,"ingressRate":10000000},"dns":{"options":["ndots:5"],)"
      R"("searches":["svc.example"],"servers":["10.0.0.10"]},"ipRanges":)"
      R"([[{"subnet":"10.7.0.0/24"}],[{"subnet":"fd00:7::/64"}]]})");
  // The first plugin answered in version 1.0.0, the list is of 1.1.0.
  EXPECT_EQ(last["prevResult"]["cniVersion"], "1.1.0");
  EXPECT_EQ(last["prevResult"]["ips"][0]["address"], "192.0.2.7/24");
  pod_.Run([] {
    EXPECT_THAT(Shell("ip -o link show lo").output, HasSubstr("LOOPBACK,UP"));
  });

  // libcni's layout.
  EXPECT_THAT(Files("cache/results"), ElementsAre("net-a1-eth0"));
  ASSERT_OK_AND_ASSIGN(
      const runtime::Json cached,
      runtime::ParseJson(Text("cache/results/net-a1-eth0"), "cache"));
  EXPECT_EQ(cached["kind"], "cniCacheV1");
  EXPECT_EQ(cached["containerId"], "a1");
  EXPECT_EQ(cached["cniArgs"][2], (runtime::Json{"K8S_POD_NAME", "web"}));
  EXPECT_EQ(cached["result"]["ips"][1]["address"], "fd00::7/64");

  // Again: the same, without asking anybody.
  EXPECT_THAT(AddPod()->ips, ElementsAre("192.0.2.7", "fd00::7"));
  EXPECT_EQ(Text("calls").find("ADD", 40), std::string::npos);

  EXPECT_OK(RemovePod());
  EXPECT_THAT(Text("calls"), HasSubstr("last DEL a1 netns eth0\n"
                                       "first DEL a1 netns eth0\n"));
  EXPECT_EQ(Request("first-DEL")["prevResult"], cached["result"]);
  EXPECT_EQ(Request("first-DEL")["runtimeConfig"], first["runtimeConfig"]);
  EXPECT_THAT(Files("cache/results"), IsEmpty());
  EXPECT_THAT(Files("netns"), IsEmpty());
  EXPECT_OK(RemovePod());
}

TEST_F(CniNetworkTest, ErrorsOfPluginsAreToldInFull) {
  WriteFakes();
  Write("conf/10-net.conflist", kConf);
  Write("fail-last-ADD", R"({"cniVersion": "1.0.0", "code": 11,
                             "msg": "pool busy", "details": "zone 3"})");
  Start();
  EXPECT_THAT(AddPod(),
              StatusIs(absl::StatusCode::kUnavailable,
                       "network net: plugin last: ADD: pool busy; zone 3 (CNI "
                       "code 11: try again later)"));
  // The spec wants a DEL after a failed ADD.
  EXPECT_THAT(Text("calls"), HasSubstr("last DEL a1 netns eth0\n"
                                       "first DEL a1 netns eth0\n"));
  EXPECT_THAT(Files("cache/results"), IsEmpty());
  EXPECT_THAT(Files("netns"), IsEmpty());
  Write("fail-last-ADD", "segmentation fault\n");
  EXPECT_THAT(AddPod(), StatusIs(absl::StatusCode::kUnknown,
                                 HasSubstr("plugin last: ADD: segmentation "
                                           "fault (exit code 1)")));
}

TEST_F(CniNetworkTest, DelIsTriedAgainUntilItSucceeds) {
  WriteFakes();
  Write("conf/10-net.conflist", kConf);
  Start();
  ASSERT_OK(AddPod());
  Write("fail-first-DEL", R"({"code": 999, "msg": "not now"})");
  EXPECT_THAT(RemovePod(), StatusIs(absl::StatusCode::kUnknown,
                                    HasSubstr("plugin first: DEL: not now")));
  EXPECT_THAT(Files("cache/results"), ElementsAre("net-a1-eth0"));
  // By another configuration too: that of the ADD counts.
  Write(
      "conf/10-net.conflist",
      R"({"cniVersion": "1.0.0", "name": "new", "plugins": [{"type": "first"}]})");
  ASSERT_EQ(unlink((dir_ / "fail-first-DEL").c_str()), 0);
  EXPECT_OK(RemovePod());
  EXPECT_THAT(Files("cache/results"), IsEmpty());
  // An unknown container needs no cleaning up.
  Write("fail-first-DEL", R"({"code": 3, "msg": "never seen"})");
  ASSERT_OK(AddPod());
  EXPECT_OK(RemovePod());
}

TEST_F(CniNetworkTest, DelRunsWithoutTheNamespace) {
  WriteFakes();
  Write("conf/10-net.conflist", kConf);
  Start();
  ASSERT_OK(AddPod());
  ASSERT_TRUE(Shell("umount " + (dir_ / "netns/a1")).ok);  // as after a reboot
  EXPECT_OK(RemovePod());
  EXPECT_THAT(Text("calls"), HasSubstr("last DEL a1  eth0\nfirst DEL a1  "));
  EXPECT_THAT(Files("netns"), IsEmpty());
}

TEST_F(CniNetworkTest, AHangingPluginIsKilledWithItsChildren) {
  WriteFakes();
  Write("conf/10-net.conflist", kConf);
  options_.timeout = absl::Seconds(1);
  Write("hang-ADD", "");
  Start();
  EXPECT_THAT(AddPod(), StatusIs(absl::StatusCode::kDeadlineExceeded,
                                 HasSubstr("plugin first: ADD: ")));
  EXPECT_THAT(Text("calls"), HasSubstr("first DEL a1"));
  EXPECT_THAT(Files("cache/results"), IsEmpty());
}

TEST_F(CniNetworkTest, SweepDeletesWhatDeadSandboxesLeft) {
  WriteFakes();
  Write("conf/10-net.conflist", kConf);
  Start();
  ASSERT_OK(AddPod());
  NetNs other;
  const PodNetwork kept{.sandbox_id = "b2", .netns_fd = other.fd()};
  node_.Run([&] { ASSERT_OK(network_->Setup(kept)); });
  // Of another runtime, and of a run that was cut short before its result.
  Write("cache/results/net-c3-eth0", R"({"kind": "cniCacheV1",
    "containerId": "c3", "networkName": "net", "ifName": "eth0",
    "config": "e30="})");
  Write("cache/results/net-torn-eth0", "{");
  std::string half = Text("cache/results/net-a1-eth0");
  half = absl::StrReplaceAll(half, {{"\"a1\"", "\"d4\""}});
  half.erase(half.find(",\"result\""));
  Write("cache/results/net-d4-eth0", half + "}");
  network_.reset();
  Start();
  Sweep({kept});
  EXPECT_THAT(Text("calls"), HasSubstr("first DEL a1"));
  EXPECT_THAT(Text("calls"), HasSubstr("first DEL d4"));
  EXPECT_THAT(Text("calls"), Not(HasSubstr("DEL b2")));
  EXPECT_THAT(Text("calls"), Not(HasSubstr("DEL c3")));
  EXPECT_THAT(Files("cache/results"),
              ElementsAre("net-b2-eth0", "net-c3-eth0", "net-torn-eth0"));
  // GC is told of all that DEL is for, also of the other runtime's and of what
  // cannot be read.
  EXPECT_EQ(Request("last-GC")["cni.dev/valid-attachments"].dump(),
            R"([{"containerID":"a1","ifname":"eth0"},)"
            R"({"containerID":"b2","ifname":"eth0"},)"
            R"({"containerID":"c3","ifname":"eth0"},)"
            R"({"containerID":"d4","ifname":"eth0"},)"
            R"({"containerID":"torn","ifname":"eth0"}])");
}

TEST_F(CniNetworkTest, StopEndsADelThatHangsAndTheNextStartTriesIt) {
  WriteFakes();
  Write("conf/10-net.conflist", kConf);
  Start();
  ASSERT_OK(AddPod());
  network_.reset();
  Write("hang-DEL", "");
  Start();
  node_.Run([this] {
    EXPECT_THAT(network_->Recover({}), ElementsAre("a1"));
    network_->Collect();
  });
  std::thread stopper([this] {
    while (Text("calls").find("last DEL") == std::string::npos) {
      poll(nullptr, 0, 10);
    }
    network_->Stop();
  });
  EXPECT_THAT(RemovePod(), StatusIs(absl::StatusCode::kCancelled,
                                    HasSubstr("killed, as the server ends")));
  stopper.join();
  EXPECT_THAT(RemovePod(), StatusIs(absl::StatusCode::kCancelled));
  network_.reset();
  ASSERT_EQ(unlink((dir_ / "hang-DEL").c_str()), 0);
  Start();
  Sweep({});
  EXPECT_THAT(Files("cache/results"), IsEmpty());
}

TEST_F(CniNetworkTest, GcSparesTheLivingThatHaveLostTheirRecord) {
  WriteFakes();
  Write("conf/10-net.conflist", kConf);
  Start();
  ASSERT_OK(AddPod());
  ASSERT_EQ(unlink((dir_ / "cache/results/net-a1-eth0").c_str()), 0);
  Sweep({pod_network_});
  EXPECT_EQ(Request("last-GC")["cni.dev/valid-attachments"].dump(),
            R"([{"containerID":"a1","ifname":"eth0"}])");
}

TEST_F(CniNetworkTest, DelRunsWhenTheRecordCannotBeRead) {
  WriteFakes();
  Write("conf/10-net.conflist", kConf);
  Start();
  ASSERT_OK(AddPod());
  Write("cache/results/net-a1-eth0", "{");
  EXPECT_OK(RemovePod());
  EXPECT_THAT(Text("calls"), HasSubstr("last DEL a1 netns eth0\nfirst DEL a1"));
  EXPECT_THAT(Files("cache/results"), IsEmpty());
  EXPECT_THAT(Files("netns"), IsEmpty());
}

TEST_F(CniNetworkTest, RecordsOfTheDeadThatCannotBeReadGo) {
  WriteFakes();
  Write("conf/10-net.conflist", kConf);
  Start();
  const std::string ours(64, 'a'), old(64, 'b'), other(64, 'c');
  pod_network_.sandbox_id = ours;
  ASSERT_OK(AddPod());
  for (const std::string& id : {ours, old, other}) {
    Write("cache/results/net-" + id + "-eth0", "{");
  }
  const timespec long_ago[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
  ASSERT_EQ(utimensat(AT_FDCWD,
                      (dir_ / ("cache/results/net-" + old + "-eth0")).c_str(),
                      long_ago, 0),
            0);
  network_.reset();
  Start();
  Sweep({});
  EXPECT_THAT(Text("calls"), HasSubstr("first DEL " + ours + " netns eth0"));
  EXPECT_THAT(Text("calls"), HasSubstr("first DEL " + old + "  eth0"));
  EXPECT_THAT(Files("cache/results"), ElementsAre("net-" + other + "-eth0"));
  EXPECT_THAT(Files("netns"), IsEmpty());
}

TEST_F(CniNetworkTest, WhatAPluginWritesOnDelIsNoResult) {
  WriteFakes();
  Write("conf/10-net.conflist", kConf);
  Write("bin/last",
        "#!/bin/sh\n[ $CNI_COMMAND = DEL ] && { echo done; exit; }\n"
        "exec " +
            (dir_ / "bin/first") + "\n",
        0755);
  Start();
  ASSERT_OK(AddPod());
  EXPECT_OK(RemovePod());
}

TEST_F(CniNetworkTest, RefusesNamesThatWouldBecomeArguments) {
  WriteFakes();
  Write("conf/10-net.conflist", kConf);
  Start();
  pod_network_.name = "web;IP=192.0.2.66";
  EXPECT_THAT(AddPod(), StatusIs(absl::StatusCode::kInvalidArgument,
                                 HasSubstr("K8S_POD_NAME")));
  pod_network_.name = "web";
  pod_network_.sandbox_id = "../../etc/x";
  EXPECT_THAT(AddPod(), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(Text("calls"), "");
}

// Leases of the network in force, and their lock in the hands of another.
class LeaseLockTest : public CniNetworkTest {
 protected:
  void StartLocked() {
    Write("conf/10-net.conflist", absl::StrReplaceAll(R"({
    "cniVersion": "1.0.0", "name": "net", "plugins": [{"type": "ptp", "ipam":
    {"type": "host-local", "dataDir": "DIR/leases", "subnet": "10.9.8.0/24"}}]
  })",
                                                      {{"DIR", dir_.path()}}));
    Start();
    ASSERT_OK(runtime::MakeDirs(dir_ / "leases/net"));
    ASSERT_OK_AND_ASSIGN(lock_, runtime::OpenFile(dir_ / "leases/net/lock",
                                                  O_RDONLY | O_CREAT, 0600));
    ASSERT_EQ(flock(lock_.get(), LOCK_EX), 0);
  }

  runtime::UniqueFd lock_;
};

TEST_F(LeaseLockTest, ALockThatIsNeverGivenBackFailsTheAdd) {
  options_.timeout = absl::Milliseconds(200);
  ASSERT_NO_FATAL_FAILURE(StartLocked());
  EXPECT_THAT(AddPod(), StatusIs(absl::StatusCode::kDeadlineExceeded,
                                 HasSubstr("another process holds it")));
  ASSERT_EQ(flock(lock_.get(), LOCK_UN), 0);
  EXPECT_OK(AddPod());
  EXPECT_OK(RemovePod());
}

TEST_F(LeaseLockTest, StopEndsTheWaitForALock) {
  ASSERT_NO_FATAL_FAILURE(StartLocked());
  std::thread stopper([this] {
    while (Files("cache/results").empty()) poll(nullptr, 0, 1);
    network_->Stop();
  });
  EXPECT_THAT(AddPod(), StatusIs(absl::StatusCode::kCancelled));
  stopper.join();
  // What the ADD may have left is in its record.
  EXPECT_THAT(Files("cache/results"), ElementsAre("net-a1-eth0"));
}

// kind's file, unchanged but for what its template fills in.
TEST_F(CniNetworkTest, KindnetRunsInProcessWithoutAnyProgram) {
  Write("conf/10-kindnet.conflist",
        absl::StrReplaceAll(R"({
	"cniVersion": "0.3.1",
	"name": "kindnet",
	"plugins": [
	{
		"type": "ptp",
		"ipMasq": false,
		"ipam": {
			"type": "host-local",
			"dataDir": "DIR/leases",
			"routes": [ { "dst": "0.0.0.0/0" } ],
			"ranges": [ [ { "subnet": "10.244.9.0/24" } ] ]
		}
		,
		"mtu": 1500
	},
	{
		"type": "portmap",
		"capabilities": { "portMappings": true }
	}
	]
})",
                            {{"DIR", dir_.path()}}));
  pod_network_.ports = {{Protocol::kTcp, 80, 8080, ""}};
  Start();
  ASSERT_TRUE(Ready().ready) << Ready().message;
  ASSERT_OK_AND_ASSIGN(const PodAddresses addresses, AddPod());
  EXPECT_THAT(addresses.ips, ElementsAre("10.244.9.2"));
  node_.Run([] {
    EXPECT_THAT(Shell("iptables-save -t nat").output,
                HasSubstr("--to-destination 10.244.9.2:80"));
  });
  pod_.Run([] {
    EXPECT_THAT(Shell("ip route").output,
                HasSubstr("default via 10.244.9.1 dev eth0"));
  });
  EXPECT_OK(RemovePod());
  EXPECT_THAT(Files("leases/kindnet"),
              ElementsAre("last_reserved_ip.0", "lock"));
}

}  // namespace
}  // namespace cri::network
