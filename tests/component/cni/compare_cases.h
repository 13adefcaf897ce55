// SPDX-License-Identifier: Apache-2.0
// Configurations for compare_test.cc. DATA is a directory for leases, RESOLV a
// resolv.conf.
#ifndef CORACLE_TESTS_COMPONENT_CNI_COMPARE_CASES_H_
#define CORACLE_TESTS_COMPONENT_CNI_COMPARE_CASES_H_

#include <algorithm>
#include <iterator>
#include <ostream>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace cri::network::cni {

struct Case {
  const char* name;
  const char* conf;
  std::vector<std::pair<const char*, const char*>> capabilities;
  const char* before = "true";  // what is done on the node before
};

inline void PrintTo(const Case& row, std::ostream* out) { *out << row.name; }

inline const Case kCases[] = {
    {"Kindnet",
     R"({"cniVersion": "0.3.1", "name": "kindnet", "plugins": [
        {"type": "ptp", "ipMasq": false, "ipam": {"type": "host-local",
         "dataDir": "DATA", "routes": [{"dst": "0.0.0.0/0"}],
         "ranges": [[{"subnet": "10.244.7.0/24"}]]}, "mtu": 1450},
        {"type": "portmap", "capabilities": {"portMappings": true}}]})",
     {{"portMappings",
       R"([{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"},
           {"hostPort": 5353, "containerPort": 53, "protocol": "udp",
            "hostIP": "10.9.9.9"},
           {"hostPort": 8081, "containerPort": 81, "protocol": "tcp",
            "hostIP": "0.0.0.0"}])"}}},
    {"PtpDualStack",
     R"({"cniVersion": "1.0.0", "name": "dual", "plugins": [
        {"type": "ptp", "ipMasq": true, "dns": {"nameservers": ["10.0.0.10"],
         "search": ["a.example"]}, "ipam": {"type": "host-local",
         "dataDir": "DATA", "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"},
         {"dst": "192.0.2.0/25", "gw": "10.2.4.1"}],
         "ranges": [[{"subnet": "10.2.4.0/23", "rangeStart": "10.2.4.9",
                      "rangeEnd": "10.2.4.20"}],
                    [{"subnet": "fd00:2::/64"}]]}},
        {"type": "portmap", "capabilities": {"portMappings": true}}]})",
     {{"portMappings",
       R"([{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}])"}}},
    {"Bridge",
     R"({"cniVersion": "0.4.0", "name": "br", "plugins": [
        {"type": "bridge", "bridge": "cmp0", "isDefaultGateway": true,
         "ipMasq": true, "hairpinMode": true, "ipam": {"type": "host-local",
         "dataDir": "DATA", "subnet": "10.5.0.0/20", "gateway": "10.5.0.1"}}
        ]})",
     {}},
    {"BridgeDualStack",
     R"({"cniVersion": "1.0.0", "name": "br6", "plugins": [
        {"type": "bridge", "bridge": "cmp1", "isGateway": true, "mtu": 1400,
         "promiscMode": true, "ipam": {"type": "host-local",
         "dataDir": "DATA", "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]},
         "capabilities": {"ipRanges": true}}]})",
     {{"ipRanges",
       R"([[{"subnet": "10.6.0.0/24"}], [{"subnet": "fd00:6::/64"}]])"}}},
    {"BridgeResolvConf",
     R"({"cniVersion": "1.0.0", "name": "dns", "plugins": [
        {"type": "bridge", "bridge": "cmp2", "isGateway": true, "ipam":
         {"type": "host-local", "dataDir": "DATA", "subnet": "10.5.0.0/24",
          "resolvConf": "RESOLV"}}]})",
     {}},
    {"BridgeDns",
     R"({"cniVersion": "0.4.0", "name": "dns", "plugins": [
        {"type": "bridge", "bridge": "cmp2", "isGateway": true,
         "dns": {"nameservers": ["10.0.0.10"], "domain": "a.example",
                 "options": ["ndots:5"]}, "ipam":
         {"type": "host-local", "dataDir": "DATA", "subnet": "10.5.0.0/24",
          "resolvConf": "RESOLV"}}]})",
     {}},
    {"BridgeEmptyDns",
     R"({"cniVersion": "1.0.0", "name": "dns", "plugins": [
        {"type": "bridge", "bridge": "cmp2", "isGateway": true,
         "dns": {"nameservers": []}, "ipam":
         {"type": "host-local", "dataDir": "DATA", "subnet": "10.5.0.0/24",
          "resolvConf": "RESOLV"}}]})",
     {}},
    {"PtpResolvConf",
     R"({"cniVersion": "1.0.0", "name": "dns", "plugins": [
        {"type": "ptp", "dns": {}, "ipam": {"type": "host-local",
         "dataDir": "DATA", "subnet": "10.5.0.0/24", "resolvConf": "RESOLV"}}
        ]})",
     {}},
    {"PtpEmptyDns",
     R"({"cniVersion": "1.0.0", "name": "dns", "plugins": [
        {"type": "ptp", "dns": {"nameservers": []}, "ipam": {"type":
         "host-local", "dataDir": "DATA", "subnet": "10.5.0.0/24",
         "resolvConf": "RESOLV"}}]})",
     {}},
    {"Ptp110",
     R"({"cniVersion": "1.1.0", "name": "new", "plugins": [
        {"type": "ptp", "ipMasq": true, "mtu": 1400, "ipam": {"type":
         "host-local", "dataDir": "DATA", "routes": [{"dst": "0.0.0.0/0"}],
         "ranges": [[{"subnet": "10.3.4.0/24"}], [{"subnet": "fd00:3::/64"}]],
         "resolvConf": "RESOLV"}},
        {"type": "portmap", "capabilities": {"portMappings": true}}]})",
     {{"portMappings",
       R"([{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}])"}}},
    {"Bridge110",
     R"({"cniVersion": "1.1.0", "name": "new", "plugins": [
        {"type": "bridge", "bridge": "cmp3", "isDefaultGateway": true,
         "ipMasq": true, "dns": {"search": ["a.example"]}, "ipam": {"type":
         "host-local", "dataDir": "DATA", "subnet": "10.3.5.0/24"}}]})",
     {}},
    {"BridgeRequested",
     R"({"cniVersion": "1.0.0", "name": "wish", "plugins": [
        {"type": "bridge", "bridge": "cmp4", "isDefaultGateway": true,
         "args": {"cni": {"ips": ["10.3.6.77", "fd00:36::77/64"],
                          "mac": "02:00:00:00:CA:FE"}},
         "ipam": {"type": "host-local", "dataDir": "DATA", "ranges":
          [[{"subnet": "10.3.6.0/24"}], [{"subnet": "fd00:36::/64"}]]}}]})",
     {}},
    // One range set without a wish; a link address is not for ptp.
    {"PtpRequested",
     R"({"cniVersion": "0.4.0", "name": "wish", "plugins": [
        {"type": "ptp", "args": {"cni": {"ips": ["10.3.7.200"],
                                         "mac": "02:00:00:00:ca:fe"}},
         "ipam": {"type": "host-local", "dataDir": "DATA", "ranges":
          [[{"subnet": "10.3.8.0/24"}], [{"subnet": "10.3.7.0/25"},
                                         {"subnet": "10.3.7.128/25"}]]}}]})",
     {}},
    {"RequestedByCapabilities",
     R"({"cniVersion": "1.0.0", "name": "wish", "plugins": [
        {"type": "bridge", "bridge": "cmp5", "isGateway": true,
         "args": {"cni": {"mac": "02:00:00:00:00:01"}},
         "capabilities": {"ips": true, "mac": true}, "ipam": {"type":
         "host-local", "dataDir": "DATA", "subnet": "10.3.9.0/24"}}]})",
     {{"ips", R"(["10.3.9.9/24", "10.3.9.9"])"},
      {"mac", R"("0200.0000.cafe")"}}},
    {"Vlan",
     R"({"cniVersion": "1.0.0", "name": "vlan", "plugins": [
        {"type": "bridge", "bridge": "cmp6", "vlan": 100, "mtu": 1400,
         "isDefaultGateway": true, "ipam": {"type": "host-local",
         "dataDir": "DATA", "ranges": [[{"subnet": "10.3.10.0/24"}],
                                       [{"subnet": "fd00:40::/64"}]]}}]})",
     {}},
    {"VlanWithoutGateway",
     R"({"cniVersion": "0.4.0", "name": "vlan", "plugins": [
        {"type": "bridge", "bridge": "cmp7", "vlan": 4094, "ipam":
         {"type": "host-local", "dataDir": "DATA", "subnet": "10.3.11.0/24"}}
        ]})",
     {}},
    {"MacSpoof",
     R"({"cniVersion": "1.0.0", "name": "spoof", "plugins": [
        {"type": "bridge", "bridge": "cmp8", "macspoofchk": true,
         "isGateway": true, "args": {"cni": {"mac": "02:00:00:00:ca:fe"}},
         "ipMasq": true, "ipam": {"type": "host-local", "dataDir": "DATA",
         "subnet": "10.3.12.0/24"}}]})",
     {}},
    {"BridgeDad",
     R"({"cniVersion": "1.0.0", "name": "dad", "plugins": [
        {"type": "bridge", "bridge": "cmp9", "isDefaultGateway": true,
         "enabledad": true, "ipam": {"type": "host-local", "dataDir": "DATA",
         "ranges": [[{"subnet": "fd00:41::/64"}]]}}]})",
     {}},
    {"PortmapConditions",
     R"({"cniVersion": "1.0.0", "name": "cond", "plugins": [
        {"type": "ptp", "ipam": {"type": "host-local", "dataDir": "DATA",
         "ranges": [[{"subnet": "10.3.13.0/24"}], [{"subnet": "fd00:42::/64"}]]
         }},
        {"type": "portmap", "capabilities": {"portMappings": true},
         "conditionsV4": ["!", "-d", "192.0.2.7/25", "-s", "198.51.100.0/24"],
         "conditionsV6": ["--src", "fd00::9", "!", "--destination",
                          "fc00::/7"]}]})",
     {{"portMappings",
       R"([{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"},
           {"hostPort": 53, "containerPort": 53, "protocol": "udp"}])"}}},
    {"PortmapExternalMark",
     R"({"cniVersion": "1.0.0", "name": "mark", "plugins": [
        {"type": "ptp", "ipam": {"type": "host-local", "dataDir": "DATA",
         "ranges": [[{"subnet": "10.3.14.0/24"}], [{"subnet": "fd00:43::/64"}]]
         }},
        {"type": "portmap", "capabilities": {"portMappings": true},
         "externalSetMarkChain": "KUBE-MARK-MASQ"}]})",
     {{"portMappings",
       R"([{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}])"}},
     "iptables -t nat -N KUBE-MARK-MASQ && ip6tables -t nat -N KUBE-MARK-MASQ"},
    {"LoopbackBefore",
     R"({"cniVersion": "0.4.0", "name": "lo", "plugins": [
        {"type": "loopback"},
        {"type": "ptp", "ipam": {"type": "host-local", "dataDir": "DATA",
         "subnet": "10.3.15.0/24"}}]})",
     {}},
    {"LoopbackBetween",
     R"({"cniVersion": "1.0.0", "name": "lo", "plugins": [
        {"type": "bridge", "bridge": "cmp10", "isGateway": true, "ipam":
         {"type": "host-local", "dataDir": "DATA", "subnet": "10.3.16.0/24"}},
        {"type": "loopback"},
        {"type": "portmap", "capabilities": {"portMappings": true}}]})",
     {{"portMappings",
       R"([{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}])"}}},
    {"Bandwidth",
     R"({"cniVersion": "1.0.0", "name": "bw", "plugins": [
        {"type": "ptp", "ipam": {"type": "host-local", "dataDir": "DATA",
         "subnet": "10.8.0.0/24"}},
        {"type": "bandwidth", "capabilities": {"bandwidth": true}}]})",
     {{"bandwidth",
       R"({"ingressRate": 1000000, "ingressBurst": 4294967295,
           "egressRate": 2000000, "egressBurst": 2000000})"}}},
    {"Sctp",
     R"({"cniVersion": "1.0.0", "name": "sctp", "plugins": [
        {"type": "ptp", "ipam": {"type": "host-local", "dataDir": "DATA",
         "subnet": "10.8.0.0/24"}},
        {"type": "portmap", "markMasqBit": 17,
         "capabilities": {"portMappings": true}}]})",
     {{"portMappings",
       R"([{"hostPort": 9999, "containerPort": 99, "protocol": "sctp"}])"}}},
    {"ManyPorts",
     R"({"cniVersion": "1.0.0", "name": "ports", "plugins": [
        {"type": "ptp", "ipam": {"type": "host-local", "dataDir": "DATA",
         "subnet": "10.8.0.0/24"}},
        {"type": "portmap", "snat": false,
         "capabilities": {"portMappings": true}}]})",
     {{"portMappings", R"([
       {"hostPort": 1, "containerPort": 1, "protocol": "tcp"},
       {"hostPort": 2, "containerPort": 2, "protocol": "tcp"},
       {"hostPort": 3, "containerPort": 3, "protocol": "tcp"},
       {"hostPort": 4, "containerPort": 4, "protocol": "tcp"},
       {"hostPort": 5, "containerPort": 5, "protocol": "tcp"},
       {"hostPort": 6, "containerPort": 6, "protocol": "tcp"},
       {"hostPort": 7, "containerPort": 7, "protocol": "tcp"},
       {"hostPort": 8, "containerPort": 8, "protocol": "tcp"},
       {"hostPort": 9, "containerPort": 9, "protocol": "tcp"},
       {"hostPort": 10, "containerPort": 10, "protocol": "tcp"},
       {"hostPort": 11, "containerPort": 11, "protocol": "tcp"},
       {"hostPort": 12, "containerPort": 12, "protocol": "tcp"},
       {"hostPort": 13, "containerPort": 13, "protocol": "tcp"},
       {"hostPort": 14, "containerPort": 14, "protocol": "tcp"},
       {"hostPort": 15, "containerPort": 15, "protocol": "tcp"},
       {"hostPort": 16, "containerPort": 16, "protocol": "tcp"}])"}}},
};

inline const Case& CaseOf(absl::string_view name) {
  return *std::find_if(std::begin(kCases), std::end(kCases),
                       [&](const Case& row) { return row.name == name; });
}

// What neither does, and why.
struct RefusedCase {
  const char* name;
  const char* conf;
  const char* why;
  std::vector<std::pair<const char*, const char*>> capabilities;
};

inline void PrintTo(const RefusedCase& row, std::ostream* out) {
  *out << row.name;
}

inline const RefusedCase kRefusedCases[] = {
    {"RequestedGateway",
     R"({"cniVersion": "1.0.0", "name": "wish", "plugins": [
        {"type": "ptp", "args": {"cni": {"ips": ["fd00:4::1"]}},
         "ipam": {"type": "host-local", "dataDir": "DATA", "ranges":
          [[{"subnet": "10.4.1.0/24"}], [{"subnet": "fd00:4::/64"}]]}}]})",
     "failed to allocate for range 1: requested ip fd00:4::1 is subnet's "
     "gateway",
     {}},
    {"RequestedOutside",
     R"({"cniVersion": "1.0.0", "name": "wish", "plugins": [
        {"type": "bridge", "args": {"cni": {"ips": ["10.4.2.9", "10.4.3.9"]}},
         "ipam": {"type": "host-local", "dataDir": "DATA",
                  "subnet": "10.4.2.0/24"}}]})",
     "failed to allocate all requested IPs: 10.4.3.9",
     {}},
    {"NoMarkChain",
     R"({"cniVersion": "1.0.0", "name": "mark", "plugins": [
        {"type": "ptp", "ipam": {"type": "host-local", "dataDir": "DATA",
         "subnet": "10.4.4.0/24"}},
        {"type": "portmap", "capabilities": {"portMappings": true},
         "externalSetMarkChain": "KUBE-MARK-MASQ"}]})",
     "KUBE-MARK-MASQ",
     {{"portMappings",
       R"([{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}])"}}},
};

}  // namespace cri::network::cni

#endif  // CORACLE_TESTS_COMPONENT_CNI_COMPARE_CASES_H_
