// SPDX-License-Identifier: Apache-2.0
// The built-in network against the real kernel.
#ifndef CORACLE_TESTS_COMPONENT_NETWORK_FIXTURE_H_
#define CORACLE_TESTS_COMPONENT_NETWORK_FIXTURE_H_

#include <poll.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cri/network/network.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "tests/support/netns.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace tests {

inline bool Eventually(const std::function<bool()>& condition) {
  const absl::Time deadline = absl::Now() + absl::Seconds(10);
  while (absl::Now() < deadline) {
    if (condition()) return true;
    poll(nullptr, 0, 20);
  }
  return condition();
}

inline cri::network::PodNetwork Pod(const std::string& id, int netns_fd = -1) {
  cri::network::PodNetwork pod;
  pod.sandbox_id = id;
  pod.netns_fd = netns_fd;
  return pod;
}

// A test has a "node", a network namespace of its own; pods and the world
// beyond are further ones.
class NetworkTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!node_.ok()) {
      GTEST_SKIP() << "Network namespaces need root (CAP_SYS_ADMIN).";
    }
    options_.state_dir = dir_.path();
    options_.bridge = "ntest0";
    options_.pod_cidr = "10.123.7.0/24";
  }

  // Everything of the network runs in the node's namespace, as in a daemon.
  void OnNode(const std::function<void()>& body) { node_.Run(body); }
  void Start() {
    OnNode([this] { network_ = cri::network::MakeBridgeNetwork(options_); });
  }
  absl::StatusOr<std::vector<std::string>> SetUpPod(
      const cri::network::PodNetwork& pod) {
    absl::StatusOr<cri::network::PodAddresses> result;
    OnNode([&] { result = network_->Setup(pod); });
    RETURN_IF_ERROR(result.status());
    return result->ips;
  }
  absl::StatusOr<std::vector<std::string>> SetUpPod(const std::string& id,
                                                    const NetNs& pod) {
    return SetUpPod(Pod(id, pod.fd()));
  }
  std::string IpOf(const std::string& id, const NetNs& pod) {
    const auto ips = SetUpPod(id, pod);
    EXPECT_THAT(ips, IsOk());
    return ips.ok() && ips->size() == 1 ? ips->front() : "";
  }
  void Teardown(const std::string& id) {
    OnNode([&] { EXPECT_OK(network_->Teardown(Pod(id))); });
  }
  std::string NodeShell(const std::string& command) {
    std::string output;
    OnNode([&] { output = Shell(command).output; });
    return output;
  }
  std::string Veths() {
    return NodeShell("ip -o link show type veth 2>/dev/null");
  }
  cri::network::Readiness Ready() {
    cri::network::Readiness readiness;
    OnNode([&] { readiness = network_->Ready(); });
    return readiness;
  }
  std::vector<std::string> Leases() {
    return *runtime::ListDir(dir_ / "network/leases");
  }
  // One end of a link to `world` on the node, the other in it.
  void ConnectWorld(const NetNs& world) {
    OnNode([&] {
      ASSERT_TRUE(Shell("ip link add up0 type veth peer name w0").ok);
      const std::string path =
          absl::StrCat("/proc/", getpid(), "/fd/", world.fd());
      const Shell moved(absl::StrCat("ip link set w0 netns ", path));
      ASSERT_TRUE(moved.ok) << moved.output;
      ASSERT_TRUE(
          Shell("ip addr add 192.0.2.1/24 dev up0 && ip link set up0 up").ok);
    });
    world.Run([] {
      ASSERT_TRUE(
          Shell("ip addr add 192.0.2.2/24 dev w0 && ip link set w0 up").ok);
    });
  }

  tests::TempDir dir_;
  NetNs node_;
  cri::network::NetworkOptions options_;
  std::unique_ptr<cri::network::Network> network_;
};

}  // namespace tests

#endif  // CORACLE_TESTS_COMPONENT_NETWORK_FIXTURE_H_
