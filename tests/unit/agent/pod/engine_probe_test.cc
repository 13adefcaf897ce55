// SPDX-License-Identifier: Apache-2.0
// Probes of whole pods: slow ones, and those that go on after a restart.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include "runtime/base/unique_fd.h"
#include "tests/unit/agent/pod/engine_fixture.h"

namespace agent::pod {
namespace {

// The status of the first container.
const Json& ContainerOf(const Json& pod) {
  static const Json* const kNone = new Json();
  const Json& list =
      runtime::ArrayAt(runtime::At(pod, "status"), "containerStatuses");
  return list.empty() ? *kNone : list[0];
}

// Takes connections on 127.0.0.1 and never says a word.
class SilentServer {
 public:
  SilentServer() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size);
    listen(fd_.get(), 128);
    getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  int port() const { return port_; }
  // False if the next one does not come.
  bool Accept() {
    pollfd wait = {fd_.get(), POLLIN, 0};
    if (poll(&wait, 1, 20000) != 1) return false;
    peers_.emplace_back(accept(fd_.get(), nullptr, nullptr));
    return peers_.back().ok();
  }

 private:
  runtime::UniqueFd fd_;
  int port_ = 0;
  std::vector<runtime::UniqueFd> peers_;
};

// `count` containers whose readiness probes wait for `port` for a minute.
Json PodOfSilentProbes(const std::string& name, const std::string& uid,
                       int port, int count) {
  Json pod = Pod(name, uid);
  Json container = pod["spec"]["containers"][0];
  container["readinessProbe"] = {
      {"httpGet", {{"host", "127.0.0.1"}, {"port", port}}},
      {"timeoutSeconds", 60}};
  pod["spec"]["containers"] = Json::array();
  for (int i = 0; i < count; ++i) {
    container["name"] = absl::StrCat("c", i);
    pod["spec"]["containers"].push_back(container);
  }
  return pod;
}

TEST_F(EngineTest, SilentProbesHoldUpNobody) {
  SilentServer server;
  Begin();
  constexpr int kProbes = 48;  // more than there are threads
  cluster_.Set(PodOfSilentProbes("slow", "u1", server.port(), kProbes));
  for (int i = 0; i < kProbes; ++i) ASSERT_TRUE(server.Accept()) << i;
  cluster_.Set(Pod("p", "u2"));
  EXPECT_TRUE(cluster_.WaitFor("p", IsReady));
}

TEST_F(EngineTest, StopsWhileProbesAreUnderWay) {
  SilentServer server;
  cri_.SetExec(std::nullopt);
  Begin();
  Json pod = PodOfSilentProbes("slow", "u1", server.port(), 8);
  for (Json& container : pod["spec"]["containers"]) {
    container["livenessProbe"] = {{"exec", {{"command", {"wait"}}}},
                                  {"timeoutSeconds", 60},
                                  {"periodSeconds", 1}};
  }
  cluster_.Set(pod);
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(server.Accept()) << i;
  // News keeps coming while it stops.
  for (int i = 0; i < 8; ++i) cri_.Exit(absl::StrCat("c", i), 1);
  Stop();
  EXPECT_FALSE(cluster_.WasTold("Unhealthy"));
}

TEST_F(EngineTest, StartupProbeGoesOnAfterARestartOfTheAgent) {
  Json pod = Pod("p", "u1");
  pod["spec"]["containers"][0]["startupProbe"] = {
      {"exec", {{"command", {"started"}}}},
      {"periodSeconds", 1},
      {"failureThreshold", 1000}};
  cri_.SetExec(1);
  Begin();
  cluster_.Set(pod);
  ASSERT_TRUE(WaitForPhase("p", "Running"));
  Stop();
  cri_.Age(absl::Minutes(10));
  Begin();
  cluster_.Set(Pod("q", "u2"));
  ASSERT_TRUE(cluster_.WaitFor("q", IsReady));
  EXPECT_TRUE(cluster_.WaitFor("p", [](const Json& p) {
    return runtime::Has(ContainerOf(p), "started") &&
           !runtime::BoolAt(ContainerOf(p), "started") && !IsReady(p);
  }));
  cri_.SetExec(0);
  EXPECT_TRUE(cluster_.WaitFor("p", [](const Json& p) {
    return runtime::BoolAt(ContainerOf(p), "started") && IsReady(p);
  }));
}

TEST_F(EngineTest, UnreadyContainerStaysSoAfterARestartOfTheAgent) {
  Json pod = Pod("p", "u1");
  pod["spec"]["containers"][0]["readinessProbe"] = {
      {"exec", {{"command", {"ready"}}}}, {"periodSeconds", 3600}};
  cri_.SetExec(1);
  Begin();
  cluster_.Set(pod);
  ASSERT_TRUE(WaitForPhase("p", "Running"));
  Stop();
  cri_.Age(absl::Minutes(10));
  Begin();
  cluster_.Set(Pod("q", "u2"));
  ASSERT_TRUE(cluster_.WaitFor("q", IsReady));
  EXPECT_TRUE(cluster_.WaitFor("p", [](const Json& p) { return !IsReady(p); }));
  EXPECT_FALSE(cluster_.WasEver("p", IsReady));
}

TEST_F(EngineTest, ReadyContainerStaysSoAfterARestartOfTheAgent) {
  Json pod = Pod("p", "u1");
  pod["spec"]["containers"][0]["readinessProbe"] = {
      {"exec", {{"command", {"ready"}}}}, {"periodSeconds", 3600}};
  Begin();
  cluster_.Set(pod);
  ASSERT_TRUE(cluster_.WaitFor("p", IsReady));
  Stop();
  cri_.Age(absl::Minutes(10));
  cri_.SetExec(std::nullopt);  // its probe says nothing
  cluster_.ForgetWrites();
  Begin();
  cluster_.Set(Pod("q", "u2"));
  ASSERT_TRUE(cluster_.WaitFor("q", IsReady));
  Stop();
  EXPECT_FALSE(
      cluster_.WasEver("p", [](const Json& p) { return !IsReady(p); }));
}

}  // namespace
}  // namespace agent::pod
