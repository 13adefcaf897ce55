// SPDX-License-Identifier: Apache-2.0
// Host ports by CNI, as far as they are not the plugins' business.
#include <linux/capability.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "cri/network/loopback_guard.h"
#include "runtime/base/activity.h"
#include "tests/component/cni/network_fixture.h"

namespace cri::network {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using tests::NetNs;
using tests::Shell;
using tests::StatusIs;

TEST_F(CniNetworkTest, RefusesAHostPortThatAPodHas) {
  WriteFakes();
  Write("conf/10-net.conflist", kConf);
  pod_network_.ports = {{Protocol::kTcp, 80, 8080, ""}};
  Start();
  ASSERT_OK(AddPod());
  const PodNetwork first = pod_network_;
  NetNs other;
  pod_network_.sandbox_id = "b2";
  pod_network_.name = "other";
  pod_network_.netns_fd = other.fd();
  const auto is_refused =
      StatusIs(absl::StatusCode::kFailedPrecondition,
               absl::StrCat("host port 8080/TCP is held by pod ",
                            first.pod_namespace, "/", first.name));
  EXPECT_THAT(AddPod(), is_refused);
  EXPECT_THAT(Text("calls"), Not(HasSubstr("ADD b2")));
  network_.reset();
  Start();
  Sweep({first});
  EXPECT_THAT(AddPod(), is_refused);
  EXPECT_OK(RemovePod(first.sandbox_id));
  EXPECT_OK(AddPod());
}

class PortOfAnotherTest : public CniNetworkTest {
 protected:
  // The first pod has a host port that the second, "b2", wants too.
  void SetUp() override {
    CniNetworkTest::SetUp();
    if (IsSkipped()) return;
    WriteFakes();
    Write("conf/10-net.conflist", kConf);
    pod_network_.ports = {{Protocol::kTcp, 80, 8080, ""}};
    second_ = pod_network_;
    second_.sandbox_id = "b2";
    second_.name = "other";
    second_.netns_fd = other_.fd();
    Start();
  }
  void StartAnew(const char* conf) {
    network_.reset();
    Write("conf/10-net.conflist", conf);
    Start();
  }
  absl::Status AddSecond() {
    absl::Status status;
    node_.Run([&] { status = network_->Setup(second_).status(); });
    return status;
  }

  NetNs other_;
  PodNetwork second_;
};

// A process of the node that listens on 0.0.0.0:8080.
runtime::UniqueFd ListenOnNode(const NetNs& node) {
  runtime::UniqueFd fd;
  node.Run([&] {
    fd.reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(8080);
    EXPECT_EQ(
        bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address),
        0);
    EXPECT_EQ(listen(fd.get(), 1), 0);
  });
  return fd;
}

TEST_F(PortOfAnotherTest, ListenerOfTheNodeCountsForItsFamily) {
  const runtime::UniqueFd listener = ListenOnNode(node_);
  EXPECT_THAT(AddPod(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("host port 8080/TCP is held by "),
                             HasSubstr("listens on 0.0.0.0 of the node"))));
  EXPECT_THAT(Text("calls"), Not(HasSubstr("ADD")));
  pod_network_.ports[0].host_ip = "fd00::1";
  EXPECT_OK(AddPod());
  ASSERT_OK(RemovePod());
  // Pods of an IPv6 network take nothing from it.
  pod_network_.ports[0].host_ip = "";
  network_.reset();
  Write("conf/10-net.conflist", R"({"cniVersion": "1.0.0", "name": "net",
        "plugins": [{"type": "first", "capabilities": {"portMappings": true},
        "ipam": {"type": "last", "ranges": [[{"subnet": "fd00::/64"}]]}}]})");
  Start();
  EXPECT_OK(AddPod());
}

constexpr char kHeld[] = "host port 8080/TCP is held by pod default/web";

TEST_F(PortOfAnotherTest, IsHeldUntilTheUndoOfAFailedAddHasSucceeded) {
  Write("fail-last-ADD", R"({"code": 999, "msg": "no"})");
  Write("fail-first-DEL", R"({"code": 999, "msg": "not now"})");
  EXPECT_THAT(AddPod(), StatusIs(absl::StatusCode::kUnknown));
  EXPECT_THAT(AddSecond(),
              StatusIs(absl::StatusCode::kFailedPrecondition, kHeld));
  ASSERT_EQ(unlink((dir_ / "fail-first-DEL").c_str()), 0);
  ASSERT_OK(RemovePod());
  ASSERT_EQ(unlink((dir_ / "fail-last-ADD").c_str()), 0);
  EXPECT_OK(AddSecond());
}

TEST_F(PortOfAnotherTest, IsFreeAfterAnAddThatWasUndone) {
  Write("fail-last-ADD", R"({"code": 999, "msg": "no"})");
  EXPECT_THAT(AddPod(), StatusIs(absl::StatusCode::kUnknown));
  pod_network_.name = "a;b";  // fails before any plugin
  EXPECT_THAT(AddPod(), StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_EQ(unlink((dir_ / "fail-last-ADD").c_str()), 0);
  EXPECT_OK(AddSecond());
}

TEST_F(PortOfAnotherTest, IsHeldByWhatAStartFindsUntilItsDelHasSucceeded) {
  ASSERT_OK(AddPod());
  network_.reset();
  Write("fail-first-DEL", R"({"code": 999, "msg": "not now"})");
  Start();
  node_.Run([this] {
    EXPECT_THAT(network_->Recover({}), testing::ElementsAre("a1"));
    network_->Collect();
  });
  EXPECT_FALSE(RemovePod().ok());  // the first try, for which an ADD waits
  EXPECT_THAT(AddSecond(),
              StatusIs(absl::StatusCode::kFailedPrecondition, kHeld));
  ASSERT_EQ(unlink((dir_ / "fail-first-DEL").c_str()), 0);
  ASSERT_OK(RemovePod());
  EXPECT_OK(AddSecond());
}

constexpr char kWithoutPorts[] = R"({"cniVersion": "1.0.0", "name": "net",
        "plugins": [{"type": "first"}]})";

// Whoever forwards it, if anybody does, it is not the list with ports.
TEST_F(PortOfAnotherTest, IsNotHeldByALivingPodOfAListThatMapsNone) {
  StartAnew(kWithoutPorts);
  ASSERT_OK(AddPod());
  StartAnew(kConf);
  Sweep({pod_network_});
  EXPECT_OK(AddSecond());
}

TEST_F(PortOfAnotherTest, IsNotHeldByALeftoverOfAListThatMapsNone) {
  StartAnew(kWithoutPorts);
  ASSERT_OK(AddPod());
  StartAnew(kConf);
  node_.Run([this] {
    EXPECT_THAT(network_->Recover({}), testing::ElementsAre("a1"));
    network_->Collect();
  });
  EXPECT_OK(AddSecond());
}

// A start that finds the first pod in the middle of its stop, and a second one
// that waits for the DEL.
class PortOfAStoppingPodTest : public PortOfAnotherTest {
 protected:
  void SetUp() override {
    PortOfAnotherTest::SetUp();
    if (IsSkipped()) return;
    ASSERT_OK(AddPod());
    network_.reset();
    Start();
    pod_network_.stopping = true;
    node_.Run([this] {
      EXPECT_THAT(network_->Recover({pod_network_}), testing::IsEmpty());
      network_->Collect();
    });
    second_add_ = std::thread([this] {
      node_.Run([this] {
        const runtime::activity::Operation operation("RunPodSandbox", "");
        added_ = network_->Setup(second_).status();
        ended_ = true;
      });
    });
    while (!Waits() && !ended_) poll(nullptr, 0, 1);
    ASSERT_FALSE(ended_) << added_;
  }
  void TearDown() override {
    if (second_add_.joinable()) JoinSecond().IgnoreError();
    PortOfAnotherTest::TearDown();
  }
  absl::Status JoinSecond() {
    second_add_.join();
    return added_;
  }

 private:
  static bool Waits() {
    const auto all = runtime::activity::List();
    return std::any_of(all.begin(), all.end(), [](const auto& state) {
      return absl::StrContains(state.step, "it has host port 8080");
    });
  }

  std::thread second_add_;
  std::atomic<bool> ended_ = false;
  absl::Status added_;
};

TEST_F(PortOfAStoppingPodTest, IsWaitedForUntilItsDel) {
  ASSERT_OK(RemovePod());
  EXPECT_OK(JoinSecond());
}

TEST_F(PortOfAStoppingPodTest, IsRefusedOnceItsDelIsPutOff) {
  network_->PutOff("a1");
  EXPECT_THAT(JoinSecond(),
              StatusIs(absl::StatusCode::kFailedPrecondition, kHeld));
}

TEST_F(CniNetworkTest, LoopbackIsGuardedFromAListWithPortsUntilDown) {
  const auto tables = [this] {
    std::string output;
    node_.Run([&] { output = Shell("nft list tables").output; });
    return output;
  };
  WriteFakes();
  Write("conf/10-net.conflist", kWithoutPorts);
  Start();
  EXPECT_TRUE(Ready().ready);
  EXPECT_EQ(tables(), "");
  // Programs may leave route_localnet behind too.
  network_.reset();
  Write("conf/10-net.conflist", kConf);
  Start();
  EXPECT_TRUE(Ready().ready);
  EXPECT_EQ(tables(), "table inet coracle-cni-localnet-guard\n");
  network_.reset();
  EXPECT_EQ(tables(), "table inet coracle-cni-localnet-guard\n");
  node_.Run([] {
    EXPECT_OK(RemoveLoopbackGuard());
    EXPECT_OK(RemoveLoopbackGuard());
  });
  EXPECT_EQ(tables(), "");
}

// What the calling thread, and those that it makes, may not do then.
void GiveUpNetAdmin() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  ASSERT_EQ(syscall(SYS_capget, &header, data), 0);
  data[0].effective &= ~(1u << CAP_NET_ADMIN);
  ASSERT_EQ(syscall(SYS_capset, &header, data), 0);
}

// As on a kernel without nf_tables.
TEST_F(CniNetworkTest, ReadinessTellsThatHostPortsAreRefusedAsLongAsTheyAre) {
  WriteFakes();
  Write("conf/10-net.conflist", kConf);
  Readiness ready;
  node_.Run([&] {
    GiveUpNetAdmin();
    StartHere();
    ASSERT_TRUE(WasTold(""));
    ready = network_->Ready();
  });
  EXPECT_TRUE(ready.ready);
  EXPECT_THAT(
      ready.message,
      AllOf(HasSubstr("pods with host ports are refused: "),
            HasSubstr("Operation not permitted"), HasSubstr("coracle check")));
  EXPECT_EQ(Ready().message, "");
}

}  // namespace
}  // namespace cri::network
