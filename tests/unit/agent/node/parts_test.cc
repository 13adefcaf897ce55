// SPDX-License-Identifier: Apache-2.0
#include "agent/node/address.h"
#include "agent/node/capacity.h"
#include "agent/node/conditions.h"
#include "agent/node/facts.h"
#include "agent/node/lease.h"
#include "tests/support/status_matchers.h"

namespace agent::node {
namespace {

using runtime::At;
using runtime::StringAt;
using testing::HasSubstr;
using testing::IsEmpty;
using tests::IsOk;
using tests::StatusIs;

TEST(FactsTest, ReadsMeminfoAndOsRelease) {
  EXPECT_EQ(MeminfoBytes("MemTotal:   16 kB\nMemTotalX: 1 kB\n", "MemTotal"),
            16384);
  EXPECT_EQ(MeminfoBytes("nothing", "MemTotal"), 0);
  EXPECT_EQ(PrettyName("NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n"),
            "Debian GNU/Linux 12");
  EXPECT_EQ(PrettyName("PRETTY_NAME=Plain"), "Plain");
}

TEST(FactsTest, ThisHostHasThem) {
  const HostFacts facts = ReadHostFacts();
  EXPECT_GT(facts.cpus, 0);
  EXPECT_GT(facts.memory_bytes, 0);
  EXPECT_EQ(facts.boot_id.size(), 36u);
  EXPECT_GT(ReadUsage("/").disk_bytes, 0);
}

TEST(AddressTest, FindsNamesAndDefaultRoutes) {
  EXPECT_EQ(
      HostsLookup("# c\n127.0.0.1 localhost\n10.0.0.7 n1.x n1 # n2\n", "n1"),
      "10.0.0.7");
  EXPECT_EQ(HostsLookup("10.0.0.7 n1 # n2\n", "n2"), "");
  EXPECT_EQ(
      DefaultInterface("Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric"
                       "\tMask\n"
                       "br0\t0000590A\t00000000\t1\t0\t0\t0\t00FFFFFF\n"
                       "eth0\t00000000\t0100590A\t3\t0\t0\t0\t00000000\n"),
      "eth0");
}

TEST(AddressTest, RefusesWhatCannotBeANodesAddress) {
  const std::vector<LocalAddress> local = {
      {"lo", "127.0.0.1"}, {"eth0", "10.0.0.7"}, {"eth0", "fe80::1"}};
  EXPECT_THAT(CheckNodeIp("10.0.0.7", local), IsOk());
  const std::pair<const char*, const char*> rows[] = {
      {"127.0.0.1", "loopback"},   {"169.254.1.1", "link-local"},
      {"224.0.0.1", "multicast"},  {"0.0.0.0", "unspecified"},
      {"fe80::1", "link-local"},   {"10.0.0.8", "on no network interface"},
      {"10.0.0", "no IP address"},
  };
  for (const auto& [ip, why] : rows) {
    EXPECT_THAT(CheckNodeIp(ip, local),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)))
        << ip;
  }
}

HostFacts SmallHost() {
  HostFacts facts;
  facts.cpus = 2;
  facts.memory_bytes = int64_t{4} << 30;
  facts.hugepages = {{"hugepages-2Mi", 64 << 20}};
  return facts;
}

Usage SmallUsage() {
  Usage usage;
  usage.memory_available = int64_t{2} << 30;
  usage.disk_bytes = 100000000;
  usage.disk_available = 50000000;
  usage.inodes = 1000;
  usage.inodes_free = 500;
  usage.pids_max = 1000;
  return usage;
}

TEST(CapacityTest, TakesReservationsAndThresholdsOff) {
  config::KubeletConfig config;
  config.kube_reserved = {{"cpu", "100m"}, {"memory", "100Mi"}};
  config.system_reserved = {{"cpu", "150m"}};
  ASSERT_OK_AND_ASSIGN(const runtime::Json allocatable,
                       Allocatable(SmallHost(), SmallUsage(), config));
  EXPECT_EQ(StringAt(allocatable, "cpu"), "1750m");
  // 4 GiB - 100 MiB reserved - 100 MiB threshold - 64 MiB of huge pages.
  EXPECT_EQ(StringAt(allocatable, "memory"),
            std::to_string((4096 - 264) * 1024) + "Ki");
  EXPECT_EQ(StringAt(allocatable, "ephemeral-storage"), "90000000");
  EXPECT_EQ(StringAt(allocatable, "pods"), "110");
  EXPECT_EQ(StringAt(Capacity(SmallHost(), SmallUsage(), config), "cpu"), "2");
}

TEST(CapacityTest, NamesTheFieldOfABadQuantity) {
  config::KubeletConfig config;
  config.system_reserved = {{"memory", "lots"}};
  EXPECT_THAT(Allocatable(SmallHost(), SmallUsage(), config),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("systemReserved.memory")));
  config = {};
  config.eviction_hard = {{"nodefs.available", "120%"}};
  EXPECT_THAT(Allocatable(SmallHost(), SmallUsage(), config),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("evictionHard.nodefs.available")));
}

const runtime::Json& Named(const runtime::Json& conditions,
                           const std::string& type) {
  static const runtime::Json none;
  for (const runtime::Json& item : conditions) {
    if (StringAt(item, "type") == type) return item;
  }
  return none;
}

TEST(ConditionsTest, TransitionTimeMovesOnlyWithTheStatus) {
  const config::KubeletConfig config;
  Conditions conditions(config);
  const absl::Time begin = absl::FromUnixSeconds(1700000000);
  const auto compute = [&](bool ready, absl::Time now) {
    return conditions.Compute(SmallHost(), SmallUsage(), {ready, "why"}, now);
  };
  const auto first = compute(false, begin);
  EXPECT_EQ(StringAt(Named(first, "Ready"), "status"), "False");
  EXPECT_EQ(StringAt(Named(first, "Ready"), "message"), "why");
  EXPECT_EQ(StringAt(first.back(), "type"), "Ready");
  const auto second = compute(false, begin + absl::Seconds(10));
  EXPECT_EQ(runtime::At(Named(second, "Ready"), "lastTransitionTime"),
            runtime::At(Named(first, "Ready"), "lastTransitionTime"));
  EXPECT_NE(runtime::At(Named(second, "Ready"), "lastHeartbeatTime"),
            runtime::At(Named(first, "Ready"), "lastHeartbeatTime"));
  EXPECT_THAT(conditions.changes(), IsEmpty());
  const auto third = compute(true, begin + absl::Seconds(20));
  EXPECT_EQ(StringAt(Named(third, "Ready"), "lastTransitionTime"),
            "2023-11-14T22:13:40Z");
  EXPECT_THAT(conditions.changes(), testing::ElementsAre("KubeletReady"));
}

TEST(ConditionsTest, PressureLastsFiveMinutesLonger) {
  const config::KubeletConfig config;
  Conditions conditions(config);
  const absl::Time begin = absl::FromUnixSeconds(1700000000);
  Usage full = SmallUsage();
  full.disk_available = 1;
  const auto status = [&](const Usage& usage, absl::Duration after) {
    return StringAt(
        Named(conditions.Compute(SmallHost(), usage, {true, ""}, begin + after),
              "DiskPressure"),
        "status");
  };
  EXPECT_EQ(status(SmallUsage(), absl::ZeroDuration()), "False");
  EXPECT_EQ(status(full, absl::Seconds(10)), "True");
  EXPECT_EQ(status(SmallUsage(), absl::Minutes(4)), "True");
  EXPECT_EQ(status(SmallUsage(), absl::Minutes(6)), "False");
}

TEST(LeaseTest, KeepsWhatOthersWroteAndItsVersion) {
  const absl::Time now = absl::FromUnixMicros(1700000000123456);
  const runtime::Json fresh = MakeLease(runtime::Json(), "n1", "", 40, now);
  EXPECT_EQ(StringAt(fresh, {"spec", "renewTime"}),
            "2023-11-14T22:13:20.123456Z");
  EXPECT_FALSE(
      runtime::Has(runtime::ObjectAt(fresh, "metadata"), "ownerReferences"));
  runtime::Json held = fresh;
  held["metadata"]["resourceVersion"] = "7";
  held["metadata"]["labels"] = {{"a", "b"}};
  const runtime::Json next =
      MakeLease(held, "n1", "uid-1", 40, now + absl::Seconds(10));
  EXPECT_EQ(StringAt(next, {"metadata", "resourceVersion"}), "7");
  EXPECT_EQ(StringAt(next, {"metadata", "labels", "a"}), "b");
  EXPECT_EQ(StringAt(next["metadata"]["ownerReferences"][0], "uid"), "uid-1");
}

}  // namespace
}  // namespace agent::node
