// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "agent/env/env.h"
#include "runtime/base/file.h"
#include "tests/support/temp_dir.h"

namespace agent::env {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class DnsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.cluster_dns = {"10.96.0.10"};
    options_.cluster_domain = "cluster.local";
    options_.resolv_conf = dir_ / "resolv.conf";
    options_.host_resolv_conf = dir_ / "host.conf";
    options_.resolved_conf = dir_ / "resolved.conf";
    Write(
        "# comment\nnameserver 192.0.2.1\nsearch old.example\n"
        "search example.com. corp.example\noptions ndots:2 rotate\n");
  }
  void Write(const std::string& text) { Write(options_.resolv_conf, text); }
  static void Write(const std::string& path, const std::string& text) {
    ASSERT_TRUE(runtime::WriteFileAtomic(path, text).ok());
  }
  Dns Get(const std::string& spec) {
    Json pod = {{"metadata", {{"name", "p"}, {"namespace", "shop"}}},
                {"spec", Json::parse(spec)}};
    auto dns = PodDns(pod, options_);
    EXPECT_TRUE(dns.ok()) << dns.status();
    return dns.ok() ? *dns : Dns();
  }
  tests::TempDir dir_;
  DnsOptions options_;
};

TEST_F(DnsTest, ClusterFirstAsksTheClusterAndKeepsHostSearches) {
  Dns dns = Get("{}");
  EXPECT_THAT(dns.servers, ElementsAre("10.96.0.10"));
  EXPECT_THAT(dns.searches,
              ElementsAre("shop.svc.cluster.local", "svc.cluster.local",
                          "cluster.local", "example.com", "corp.example"));
  EXPECT_THAT(dns.options, ElementsAre("ndots:5"));
  EXPECT_EQ(dns.warning, "");
}

TEST_F(DnsTest, HostNetworkFallsBackToTheNode) {
  Dns dns = Get(R"({"hostNetwork":true,"dnsPolicy":"ClusterFirst"})");
  EXPECT_THAT(dns.servers, ElementsAre("192.0.2.1"));
  EXPECT_THAT(dns.searches, ElementsAre("example.com", "corp.example"));
  EXPECT_THAT(dns.options, ElementsAre("ndots:2", "rotate"));
  EXPECT_THAT(
      Get(R"({"hostNetwork":true,"dnsPolicy":"ClusterFirstWithHostNet"})")
          .servers,
      ElementsAre("10.96.0.10"));
  EXPECT_THAT(Get(R"({"dnsPolicy":"Default"})").servers,
              ElementsAre("192.0.2.1"));
}

TEST_F(DnsTest, MergesTheConfigOfThePod) {
  Dns dns = Get(R"({"dnsPolicy":"ClusterFirst","dnsConfig":{
    "nameservers":["1.1.1.1","10.96.0.10"],"searches":["more.example"],
    "options":[{"name":"ndots","value":"3"},{"name":"edns0"}]}})");
  EXPECT_THAT(dns.servers, ElementsAre("10.96.0.10", "1.1.1.1"));
  EXPECT_EQ(dns.searches.back(), "more.example");
  EXPECT_THAT(dns.options, ElementsAre("ndots:3", "edns0"));
  dns = Get(R"({"dnsPolicy":"None","dnsConfig":{"nameservers":["9.9.9.9"]}})");
  EXPECT_THAT(dns.servers, ElementsAre("9.9.9.9"));
  EXPECT_THAT(dns.searches, IsEmpty());
  EXPECT_THAT(dns.options, IsEmpty());
}

TEST_F(DnsTest, CutsToTheLimitsAndSaysSo) {
  Dns dns = Get(R"({"dnsPolicy":"None","dnsConfig":{
    "nameservers":["1.1.1.1","2.2.2.2","3.3.3.3","4.4.4.4"]}})");
  EXPECT_EQ(dns.servers.size(), 3u);
  EXPECT_EQ(dns.warning_reason, "DNSConfigForming");
  EXPECT_EQ(dns.warning,
            "Nameserver limits were exceeded, some nameservers have been "
            "omitted, the applied nameserver line is: 1.1.1.1 2.2.2.2 3.3.3.3");
  Json spec = {{"dnsConfig", {{"searches", Json::array()}}}};
  for (int i = 0; i < 40; ++i) {
    spec["dnsConfig"]["searches"].push_back(absl::StrCat("d", i));
  }
  dns = Get(spec.dump());
  EXPECT_EQ(dns.searches.size(), 32u);
  EXPECT_THAT(dns.warning, HasSubstr("Search Line limits were exceeded"));
  spec["dnsConfig"]["searches"] = Json::array(
      {std::string(1000, 'a'), std::string(1000, 'b'), std::string(1000, 'c')});
  EXPECT_EQ(Get(spec.dump()).searches.size(), 6u);
}

TEST_F(DnsTest, WithoutAClusterServerFallsBackWithAWarning) {
  options_.cluster_dns.clear();
  Dns dns = Get("{}");
  EXPECT_THAT(dns.servers, ElementsAre("192.0.2.1"));
  EXPECT_EQ(dns.warning_reason, "MissingClusterDNS");
  EXPECT_THAT(dns.warning, HasSubstr("Falling back to \"Default\" policy."));
}

TEST_F(DnsTest, RefusesWhatItCannotRead) {
  EXPECT_EQ(
      PodDns({{"spec", {{"dnsPolicy", "Odd"}}}}, options_).status().message(),
      "invalid DNSPolicy=Odd");
  Write("nameserver\n");
  EXPECT_THAT(PodDns(Json::object(), options_).status().message(),
              HasSubstr("nameserver without an address"));
  options_.resolv_conf = "/nonexistent/resolv.conf";
  EXPECT_THAT(std::string(PodDns(Json::object(), options_).status().message()),
              AllOf(HasSubstr("/nonexistent/resolv.conf is missing"),
                    HasSubstr(options_.host_resolv_conf)));
  options_.resolv_conf = "";
  EXPECT_THAT(PodDns({{"spec", {{"dnsPolicy", "Default"}}}}, options_)->servers,
              ElementsAre("127.0.0.1"));
}

// The stub listens on the host's loopback, which no pod reaches.
TEST_F(DnsTest, ResolvedStubGivesWayToItsRealServers) {
  const struct {
    const char *name, *own, *resolved;  // resolved null: no such file
    std::vector<std::string> servers;
  } rows[] = {
      {"stub",
       "nameserver 127.0.0.53\nsearch a.example\n",
       "nameserver 192.0.2.7\nsearch b.example\n",
       {"192.0.2.7"}},
      {"stub twice",
       "nameserver 127.0.0.53\nnameserver 127.0.0.53\n",
       "nameserver 192.0.2.7\n",
       {"192.0.2.7"}},
      {"resolved is not there",
       "nameserver 127.0.0.53\n",
       nullptr,
       {"127.0.0.53"}},
      {"stub among others",
       "nameserver 127.0.0.53\nnameserver 192.0.2.9\n",
       "nameserver 192.0.2.7\n",
       {"127.0.0.53", "192.0.2.9"}},
      {"another server",
       "nameserver 192.0.2.9\n",
       "nameserver 192.0.2.7\n",
       {"192.0.2.9"}},
      {"no server", "search a.example\n", "nameserver 192.0.2.7\n", {}},
  };
  options_.resolv_conf = options_.host_resolv_conf;
  for (const auto& row : rows) {
    Write(options_.host_resolv_conf, row.own);
    std::filesystem::remove(options_.resolved_conf);
    if (row.resolved != nullptr) Write(options_.resolved_conf, row.resolved);
    EXPECT_EQ(Get(R"({"dnsPolicy":"Default"})").servers, row.servers)
        << row.name;
  }
  Write(options_.host_resolv_conf, rows[0].own);
  Write(options_.resolved_conf, rows[0].resolved);
  EXPECT_EQ(Get("{}").searches.back(), "b.example");
  // A file that somebody chose is taken as it is.
  options_.resolv_conf = dir_ / "resolv.conf";
  Write(rows[0].own);
  EXPECT_THAT(Get(R"({"dnsPolicy":"Default"})").servers,
              ElementsAre("127.0.0.53"));
}

// A cluster's configuration names the control plane's file, which need not be
// here.
TEST_F(DnsTest, MissingFileGivesWayToTheHostsOwn) {
  EXPECT_EQ(ResolvConfWarning(options_), "");
  Write(options_.host_resolv_conf, "nameserver 192.0.2.9\n");
  options_.resolv_conf = "/nonexistent/resolv.conf";
  EXPECT_THAT(Get(R"({"dnsPolicy":"Default"})").servers,
              ElementsAre("192.0.2.9"));
  EXPECT_THAT(ResolvConfWarning(options_),
              AllOf(HasSubstr("/nonexistent/resolv.conf is missing"),
                    HasSubstr(options_.host_resolv_conf)));
  Write(options_.host_resolv_conf, "nameserver 127.0.0.53\n");
  Write(options_.resolved_conf, "nameserver 192.0.2.7\n");
  EXPECT_THAT(Get(R"({"dnsPolicy":"Default"})").servers,
              ElementsAre("192.0.2.7"));
  options_.resolv_conf = "";
  EXPECT_EQ(ResolvConfWarning(options_), "");
}

}  // namespace
}  // namespace agent::env
