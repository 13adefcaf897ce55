// SPDX-License-Identifier: Apache-2.0
// Pods with a host port on a node with both families.
#ifndef CORACLE_TESTS_COMPONENT_NETWORK_HOST_PORTS_FIXTURE_H_
#define CORACLE_TESTS_COMPONENT_NETWORK_HOST_PORTS_FIXTURE_H_

#include <cstdint>
#include <string>

#include "tests/component/network/fixture.h"
#include "tests/component/network/traffic.h"

namespace cri::network {

inline constexpr uint16_t kHostPort = 12000;

// `Base` is NetworkTest or derived from it.
template <typename Base>
class WithHostPort : public Base {
 protected:
  void SetUp() override {
    Base::SetUp();
    this->options_.pod_cidr = "10.123.7.0/24,fd00:123:7::/64";
  }

  static PodNetwork PodWithPort(const std::string& id, const tests::NetNs& ns,
                                Protocol protocol = Protocol::kTcp,
                                const std::string& host_ip = "") {
    PodNetwork pod = tests::Pod(id, ns.fd());
    pod.pod_namespace = "web";
    pod.name = id;
    pod.ports.push_back({protocol, tests::kPort, kHostPort, host_ip});
    return pod;
  }
  bool FromNode(const std::string& ip, int patience = tests::kPatience) {
    return From(this->node_, ip, patience);
  }
  static bool From(const tests::NetNs& ns, const std::string& ip,
                   int patience = tests::kPatience) {
    bool connects = false;
    ns.Run([&] { connects = tests::Connects(ip, false, kHostPort, patience); });
    return connects;
  }
  std::string Rules() { return this->NodeShell("nft list ruleset"); }
};

}  // namespace cri::network

#endif  // CORACLE_TESTS_COMPONENT_NETWORK_HOST_PORTS_FIXTURE_H_
