// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/env/env.h"
#include "runtime/base/file.h"
#include "tests/support/temp_dir.h"

namespace agent::env {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Json Pod(const std::string& spec) {
  return {{"metadata", {{"name", "web-0"}, {"namespace", "shop"}}},
          {"spec", Json::parse(spec)}};
}

DnsOptions Options() {
  DnsOptions options;
  options.cluster_domain = "cluster.local";
  return options;
}

TEST(HostnameTest, FollowsTheSpec) {
  const std::string kLong(61, 'a');
  const std::pair<std::string, std::string> kRows[] = {
      {"{}", "web-0"},
      {R"({"hostname":"db"})", "db"},
      {R"({"hostNetwork":true,"hostname":"db"})", "node-1"},
      {R"({"hostnameOverride":"boss","hostname":"db"})", "boss"},
      {R"({"hostname":")" + kLong + R"(--bcd"})", kLong},
  };
  for (const auto& [spec, name] : kRows) {
    EXPECT_EQ(PodHostname(Pod(spec), "node-1"), name) << spec;
  }
}

TEST(HostnameTest, GivesTheWholeNameIfAsked) {
  EXPECT_EQ(
      *KernelHostname(Pod(R"({"subdomain":"db","setHostnameAsFQDN":true})"),
                      "n", Options()),
      "web-0.db.shop.svc.cluster.local");
  EXPECT_EQ(
      *KernelHostname(Pod(R"({"setHostnameAsFQDN":true})"), "n", Options()),
      "web-0");
  Json pod = Pod(R"({"subdomain":"db","setHostnameAsFQDN":true})");
  pod["spec"]["hostname"] = std::string(40, 'h');
  EXPECT_THAT(KernelHostname(pod, "n", Options()).status().message(),
              HasSubstr("is too long (64 characters is the max, 66 characters "
                        "requested)"));
}

TEST(HostsTest, ListsThePodAndItsAliases) {
  Json pod = Pod(R"({"subdomain":"db","hostAliases":[
    {"ip":"1.2.3.4","hostnames":["foo","bar"]}]})");
  EXPECT_EQ(HostsFile(pod, {{"10.1.0.5", "fd00::5"}, {}}, Options()),
            "# Kubernetes-managed hosts file.\n"
            "127.0.0.1\tlocalhost\n"
            "::1\tlocalhost ip6-localhost ip6-loopback\n"
            "fe00::0\tip6-localnet\n"
            "fe00::0\tip6-mcastprefix\n"
            "fe00::1\tip6-allnodes\n"
            "fe00::2\tip6-allrouters\n"
            "10.1.0.5\tweb-0.db.shop.svc.cluster.local\tweb-0\n"
            "fd00::5\tweb-0.db.shop.svc.cluster.local\tweb-0\n"
            "\n# Entries added by HostAliases.\n"
            "1.2.3.4\tfoo\tbar\n");
  EXPECT_THAT(HostsFile(Pod("{}"), {{"10.1.0.5"}, {}}, Options()),
              HasSubstr("\n10.1.0.5\tweb-0\n"));
}

TEST(HostsTest, HostNetworkGetsTheNodesFile) {
  DnsOptions options = Options();
  const tests::TempDir dir;
  options.hosts_file = dir / "hosts";
  ASSERT_TRUE(runtime::WriteFileAtomic(options.hosts_file, "9.9.9.9 x\n").ok());
  EXPECT_EQ(HostsFile(Pod(R"({"hostNetwork":true})"), {}, options),
            "# Kubernetes-managed hosts file (host network).\n9.9.9.9 x\n");
}

TEST(HostsTest, AliasesCannotBreakOutOfTheirLine) {
  Json pod = Pod(R"({"hostAliases":[
    {"ip":"1.2.3.4","hostnames":["a\n6.6.6.6 evil","ok"]},
    {"ip":"1.1.1.1\n6.6.6.6","hostnames":["b"]}]})");
  std::string file = HostsFile(pod, {}, Options());
  EXPECT_THAT(file, Not(HasSubstr("6.6.6.6")));
  EXPECT_THAT(file, HasSubstr("1.2.3.4\tok\n"));
}

// A manifest of a file has seen no API server.
TEST(HostsTest, Cve2022_4318_NamesThatWouldAddALineAreLeftOut) {
  for (const char* spec : {R"({"hostname":"a\n6.6.6.6\tbank"})",
                           R"({"hostname":"a","subdomain":"b\n6.6.6.6\tbank"})",
                           R"({"hostnameOverride":"a\n6.6.6.6\tbank"})"}) {
    const std::string text =
        HostsFile(Pod(spec), {{"10.1.0.5"}, {}}, Options());
    EXPECT_THAT(text, Not(HasSubstr("6.6.6.6"))) << spec;
    EXPECT_THAT(text, HasSubstr("127.0.0.1\tlocalhost\n"));
  }
}

}  // namespace
}  // namespace agent::env
