// SPDX-License-Identifier: Apache-2.0
// The plugins in process beside the plugin programs of Debian: the same
// configuration on two nodes (network namespaces) has to give the same result,
// links, addresses, routes, rules and leases; and each can check and undo what
// the other did. Programs that do not speak a list's version (Debian's know no
// 1.1.0) get it as 1.0.0: then all but the version of the result is compared.
#include <regex>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "cri/network/cni/chain.h"
#include "cri/network/cni/netns_pin.h"
#include "cri/network/cni/plugin/builtin.h"
#include "cri/network/cni/programs.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "tests/component/cni/compare_cases.h"
#include "tests/support/netns.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace cri::network::cni {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using tests::IsOk;
using tests::NetNs;
using tests::Shell;

constexpr char kPrograms[] = "/usr/lib/cni";

constexpr char kResolv[] =
    "# of the node\n"
    "nameserver 10.0.0.53\n"
    "nameserver fd00::53\n"
    "domain old.example\n"
    "search b.example c.example\n"
    "options ndots:3 edns0\n";

// What `ip`, iptables and tc say on a node or in a pod, without what differs
// from one moment to the next.
constexpr char kLook[] = R"sh(
  ip -d -j link | jq -c '.[] | select(.ifname != "lo") |
    {ifname, address, mtu, qdisc, txqlen, master, promiscuity, group,
     up: (.flags | index("UP") != null), kind: .linkinfo.info_kind,
     hairpin: .linkinfo.info_slave_data.hairpin,
     vlans: .linkinfo.info_data.vlan_filtering}'
  ip -j addr show lo | jq -c '.[] | [.flags, [.addr_info[] | {local, prefixlen}]]'
  bridge -j vlan | jq -c '.[]'
  ip -j addr | jq -c '.[] | select(.ifname != "lo") | {ifname, a: [.addr_info[] |
    select(.scope != "link") | {family, local, prefixlen, broadcast, scope, "label": .label}]}'
  ip -j route | jq -c '.[]'
  ip -6 -j route | jq -c '.[] | select(.dst != "fe80::/64")'
  { iptables-save; ip6tables-save; } 2>/dev/null | grep -v '^#' | sed 's/ \[.*\]$//'
  nft list table bridge nat 2>/dev/null
  tc -j -d qdisc | jq -c '.[] | select(.kind != "noqueue")'
  for v in $(ip -j link | jq -r '.[].ifname' | grep ^veth); do
    tc -j -d filter show dev "$v" ingress 2>/dev/null | jq -c '.[] | select(.options)'
  done | sort -u
  cat /proc/sys/net/ipv4/ip_forward
  for l in $(ip -j link | jq -r '.[].ifname' | grep -v '^lo$'); do
    for k in ipv4/conf/$l/route_localnet ipv4/conf/$l/arp_notify \
             ipv6/conf/$l/accept_ra ipv6/conf/$l/accept_dad \
             ipv6/conf/$l/enhanced_dad; do
      echo "$k=$(cat /proc/sys/net/$k 2>&1)"
    done
  done)sh";

// A node with one pod, and who runs plugins there.
class Side {
 public:
  explicit Side(Plugins& plugins) : plugins_(plugins) {}

  absl::Status SetUp(const std::string& conf_text, Plugins& programs) {
    RETURN_IF_ERROR(runtime::WriteFileAtomic(dir_ / "resolv.conf", kResolv));
    const std::string text = absl::StrReplaceAll(
        conf_text,
        {{"DATA", dir_ / "leases"}, {"RESOLV", dir_ / "resolv.conf"}});
    ASSIGN_OR_RETURN(conf_, ParseConf(text));
    ASSIGN_OR_RETURN(older_conf_, ParseConf(absl::StrReplaceAll(
                                      text, {{"\"1.1.0\"", "\"1.0.0\""}})));
    Chain chain(conf_, programs, absl::Now() + absl::Seconds(60));
    if (!chain.Version().ok()) older_ = &programs;
    attachment_.network = conf_.name;
    attachment_.container_id = "f00d";
    attachment_.ifname = "eth0";
    attachment_.netns = dir_ / "pod";
    return PinNetns(attachment_.netns, pod_.fd());
  }
  ~Side() { EXPECT_OK(UnpinNetns(dir_ / "pod")); }

  void SetCapability(const std::string& name, const char* value) {
    attachment_.capabilities[name] = *runtime::ParseJson(value, name);
  }
  void Run(Plugins& plugins, const std::function<void(Chain&)>& body) {
    node_.Run([&] {
      Chain chain(&plugins == older_ ? older_conf_ : conf_, plugins,
                  absl::Now() + absl::Seconds(60));
      body(chain);
    });
  }
  absl::Status Add() {
    absl::StatusOr<Result> result;
    Run(plugins_, [&](Chain& chain) { result = chain.Add(attachment_); });
    if (result.ok()) attachment_.result = PrintResult(*result, conf_.version);
    return result.status();
  }
  absl::Status Check(Plugins& by) {
    absl::Status status;
    Run(by, [&](Chain& chain) { status = chain.Check(attachment_); });
    return status;
  }
  absl::Status Del(Plugins& by) {
    absl::Status status;
    Run(by, [&](Chain& chain) { status = chain.Del(attachment_); });
    return status;
  }
  std::string PodShell(const std::string& command) {
    std::string output;
    pod_.Run([&] { output = Shell(command).output; });
    return output;
  }
  std::string NodeShell(const std::string& command) {
    std::string output;
    node_.Run([&] { output = Shell(command).output; });
    return output;
  }

  const Json& ResultDns() const { return attachment_.result.at("dns"); }
  void ForgetDns() { attachment_.result.erase("dns"); }
  std::string ResultText() { return Plain(attachment_.result.dump(1)); }
  std::string NodeText() { return Plain(NodeShell(kLook)); }
  std::string PodText() { return Plain(PodShell(kLook)); }
  std::string Leases() {
    return Shell("cd " + (dir_ / "leases") +
                 " 2>/dev/null && find . -type f | sort | "
                 "while read -r f; do echo \"$f $(stat -c %a $f) \"; cat -A "
                 "\"$f\"; echo; done")
        .output;
  }
  // Chains and rules of pods, links that plugins made, leases. The gateway of a
  // VLAN stays, as a bridge does.
  std::string Left() {
    return NodeShell(
               "iptables-save 2>/dev/null | grep -E 'CNI-(DN-)?[0-9a-f]{20}'; "
               "ip6tables-save 2>/dev/null | grep -E 'CNI-(DN-)?[0-9a-f]{20}'; "
               "nft list table bridge nat 2>/dev/null | grep f00d; "
               "ip -o link | grep -E 'veth|bwp' | grep -v 'cmp6[.]100'; ls " +
               (dir_ / "leases/*/") + " | grep '^[0-9f].*[.:]'") +
           PodShell(
               "ip -o link show dev eth0 2>/dev/null; "
               "ip -o link show up dev lo");
  }

 private:
  // Names and addresses that are chosen by chance.
  std::string Plain(std::string text) const {
    text = std::regex_replace(text, std::regex("veth[0-9a-f]{8}"), "VETH");
    text = std::regex_replace(
        text, std::regex("(?!02:00:00:00:ca:fe)([0-9a-f]{2}:){5}[0-9a-f]{2}"),
        "MAC");
    return absl::StrReplaceAll(text, {{dir_.path(), "DIR"}});
  }

  Plugins& plugins_;
  tests::TempDir dir_;
  NetNs node_, pod_;
  NetworkConf conf_, older_conf_;
  Plugins* older_ = nullptr;  // who gets older_conf_
  Attachment attachment_;
};

constexpr char kNoVlans[] =
    "The kernel's bridges know no VLANs (CONFIG_BRIDGE_VLAN_FILTERING).";

bool HasVlans() {
  bool has = false;
  NetNs().Run([&] {
    has = Shell("ip link add probe0 type bridge vlan_filtering 1").ok;
  });
  return has;
}

class CompareTest : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (!NetNs().ok()) {
      GTEST_SKIP() << "Network namespaces need root (CAP_SYS_ADMIN).";
    }
    for (const char* program : {"ptp", "bridge", "host-local", "portmap"}) {
      if (!programs_.Find(program).ok()) {
        GTEST_SKIP() << "Package containernetworking-plugins is missing: there "
                        "is no "
                     << kPrograms << "/" << program;
      }
    }
    if (std::string(GetParam().name) == "Bandwidth") {
      bool has = false;
      NetNs().Run([&] { has = Shell("ip link add probe0 type ifb").ok; });
      if (!has) GTEST_SKIP() << "The kernel has no ifb links.";
    }
    if (std::string(GetParam().name) == "Sctp") {
      bool has = false;
      NetNs().Run([&] {
        has = Shell("iptables -t nat -A OUTPUT -p sctp --dport 7 -j ACCEPT").ok;
      });
      if (!has) GTEST_SKIP() << "The kernel has no match for SCTP (xt_sctp).";
    }
    if (std::string(GetParam().name) == "MacSpoof" &&
        !Shell("command -v nft").ok) {
      GTEST_SKIP() << "Package nftables is missing: the programs need nft.";
    }
    if (absl::StartsWith(GetParam().name, "Vlan") && !HasVlans()) {
      GTEST_SKIP() << kNoVlans;
    }
    for (Side* side : {&theirs_, &ours_}) {
      ASSERT_OK(side->SetUp(GetParam().conf, programs_));
      for (const auto& [name, value] : GetParam().capabilities) {
        side->SetCapability(name, value);
      }
      EXPECT_EQ(side->NodeShell(GetParam().before), "");
    }
  }
  void AddBoth() {
    ASSERT_OK(Builtin::Understands(*ParseConf(GetParam().conf)));
    ASSERT_OK(theirs_.Add());
    ASSERT_OK(ours_.Add());
  }

  Programs programs_{{kPrograms}};
  Builtin builtin_;
  Side theirs_{programs_}, ours_{builtin_};
};

TEST_P(CompareTest, LeavesTheSame) {
  AddBoth();
  if (absl::StartsWith(GetParam().name, "BridgeResolvConf") &&
      theirs_.ResultDns().empty()) {
    // Debian's bridge forgets what IPAM says of DNS; newer ones, and its own
    // ptp, do not.
    EXPECT_EQ(ours_.ResultDns()["nameservers"].dump(),
              R"(["10.0.0.53","fd00::53"])");
    ours_.ForgetDns();
    theirs_.ForgetDns();
  }
  EXPECT_EQ(ours_.ResultText(), theirs_.ResultText());
  const std::string pod = ours_.PodText(), node = ours_.NodeText();
  EXPECT_THAT(pod, HasSubstr("\"ifname\":\"eth0\""));
  EXPECT_THAT(node, HasSubstr("\"ifname\":\"VETH\""));
  EXPECT_THAT(pod, HasSubstr("\"prefixlen\":"));
  EXPECT_THAT(node, Not(HasSubstr("error")));
  const std::string conf = GetParam().conf;
  if (conf.find("portmap") != std::string::npos) {
    EXPECT_THAT(node, HasSubstr("-j DNAT --to-destination"));
  }
  if (conf.find("bandwidth") != std::string::npos) {
    EXPECT_THAT(node, AllOf(HasSubstr("\"tbf\""), HasSubstr("mirred")));
  }
  if (conf.find("\"vlan\"") != std::string::npos) {
    EXPECT_THAT(node, AllOf(HasSubstr("\"vlans\":1"),
                            HasSubstr("\"PVID\",\"Egress Untagged\"")));
  }
  if (conf.find("loopback") != std::string::npos) {
    EXPECT_THAT(
        pod, AllOf(HasSubstr("[\"LOOPBACK\",\"UP\""), HasSubstr("127.0.0.1")));
  }
  if (conf.find("macspoofchk") != std::string::npos) {
    EXPECT_THAT(node,
                AllOf(HasSubstr("iifname \"VETH\" jump cni-br-iface-f00d"),
                      HasSubstr("ether saddr 02:00:00:00:ca:fe return")));
  }
  EXPECT_EQ(pod, theirs_.PodText());
  EXPECT_EQ(node, theirs_.NodeText());
  EXPECT_EQ(ours_.Leases(), theirs_.Leases());
}

TEST_P(CompareTest, EachChecksWhatTheOtherDid) {
  AddBoth();
  EXPECT_OK(ours_.Check(builtin_));
  // The portmap program looks for IPv4 rules in IPv6's table too, and fails on
  // what it did itself.
  EXPECT_EQ(ours_.Check(programs_).ok(), theirs_.Check(programs_).ok());
  EXPECT_OK(theirs_.Check(builtin_));
  if (std::string(GetParam().conf).find("promisc") != std::string::npos) {
    ours_.NodeShell("ip link set cmp1 promisc off");
    EXPECT_FALSE(ours_.Check(programs_).ok());
    EXPECT_FALSE(ours_.Check(builtin_).ok());
    ours_.NodeShell("ip link set cmp1 promisc on");
    EXPECT_OK(ours_.Check(builtin_));
  }
  ours_.PodShell("ip addr flush dev eth0");
  if (std::string(GetParam().conf).find("0.3.1") == std::string::npos) {
    EXPECT_FALSE(ours_.Check(builtin_).ok());
  }
}

TEST_P(CompareTest, EachUndoesWhatTheOtherDid) {
  AddBoth();
  EXPECT_NE(ours_.Left(), "");
  EXPECT_OK(ours_.Del(programs_));
  EXPECT_OK(theirs_.Del(builtin_));
  EXPECT_EQ(ours_.Left(), "");
  EXPECT_EQ(theirs_.Left(), "");
  // And again, with nothing there.
  EXPECT_OK(theirs_.Del(builtin_));
  EXPECT_OK(ours_.Del(builtin_));
}

TEST_P(CompareTest, UndoesItsOwnWork) {
  AddBoth();
  EXPECT_OK(ours_.Del(builtin_));
  EXPECT_OK(theirs_.Del(programs_));
  EXPECT_EQ(ours_.Left(), "");
}

// A call that ended between its steps left a veth pair that is nowhere.
TEST(VlanGatewayTest, IsMadeWhole) {
  if (!NetNs().ok()) {
    GTEST_SKIP() << "Network namespaces need root (CAP_SYS_ADMIN).";
  }
  if (!HasVlans()) GTEST_SKIP() << kNoVlans;
  Builtin builtin;
  Side side(builtin);
  ASSERT_OK(side.SetUp(CaseOf("Vlan").conf, builtin));
  side.NodeShell("ip link add cmp6.100 type veth peer name left0");
  ASSERT_OK(side.Add());
  EXPECT_THAT(side.NodeShell("ip link show left0"),
              AllOf(HasSubstr("master cmp6"), HasSubstr("state UP")));
  EXPECT_THAT(side.NodeShell("bridge vlan show dev left0"),
              HasSubstr("100 PVID Egress Untagged"));
  EXPECT_THAT(side.NodeShell("ip addr show cmp6.100"),
              AllOf(HasSubstr("state UP"), HasSubstr("10.3.10.1/24")));
  EXPECT_OK(side.Del(builtin));
}

class RefuseTest : public testing::TestWithParam<RefusedCase> {};

TEST_P(RefuseTest, NeitherDoesIt) {
  if (!NetNs().ok()) {
    GTEST_SKIP() << "Network namespaces need root (CAP_SYS_ADMIN).";
  }
  Programs programs{{kPrograms}};
  if (!programs.Find("host-local").ok()) {
    GTEST_SKIP() << "Package containernetworking-plugins is missing.";
  }
  Builtin builtin;
  Side theirs{programs}, ours{builtin};
  for (Side* side : {&theirs, &ours}) {
    ASSERT_OK(side->SetUp(GetParam().conf, programs));
    for (const auto& [name, value] : GetParam().capabilities) {
      side->SetCapability(name, value);
    }
    EXPECT_THAT(side->Add().message(), HasSubstr(GetParam().why));
    EXPECT_OK(
        side->Del(side == &ours ? static_cast<Plugins&>(builtin) : programs));
    EXPECT_EQ(side->Left(), "");
  }
  ASSERT_OK(Builtin::Understands(*ParseConf(GetParam().conf)));
}

INSTANTIATE_TEST_SUITE_P(Confs, RefuseTest, testing::ValuesIn(kRefusedCases),
                         [](const auto& row) {
                           return std::string(row.param.name);
                         });

INSTANTIATE_TEST_SUITE_P(Confs, CompareTest, testing::ValuesIn(kCases),
                         [](const auto& row) {
                           return std::string(row.param.name);
                         });

}  // namespace
}  // namespace cri::network::cni
