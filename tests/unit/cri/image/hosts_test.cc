// SPDX-License-Identifier: Apache-2.0
#include "cri/image/hosts.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace cri::image {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;
using ::tests::StatusIs;

constexpr char kPath[] = "/etc/certs.d/x.io/hosts.toml";

TEST(HostsTest, WithoutAFileTheRegistryItself) {
  ASSERT_OK_AND_ASSIGN(auto docker, LoadEndpoints("", "docker.io"));
  ASSERT_EQ(docker.size(), 1u);
  EXPECT_EQ(docker[0].base, "https://registry-1.docker.io/v2");
  EXPECT_FALSE(docker[0].add_namespace);
  ASSERT_OK_AND_ASSIGN(auto local, LoadEndpoints("", "127.0.0.1:5000"));
  EXPECT_EQ(local[0].base, "http://127.0.0.1:5000/v2");
  ASSERT_OK_AND_ASSIGN(auto quay, LoadEndpoints("", "quay.io"));
  EXPECT_EQ(quay[0].base, "https://quay.io/v2");
}

TEST(HostsTest, ReadsEveryFieldAndKeepsTheOrderOfTheFile) {
  ASSERT_OK_AND_ASSIGN(auto endpoints, ParseHosts(R"(
server = "https://origin.x.io"

[host."https://z.first:5000"]
  capabilities = ["pull", "resolve"]
  ca = "ca.pem"
  client = [["cert.pem", "/abs/key.pem"]]
  skip_verify = true
[host."http://a.second/v2/mirror"]
  capabilities = ["pull"]
  override_path = true
  [host."http://a.second/v2/mirror".header]
    x-one = ["1", "2"]
    x-two = "3"
[host."third/sub/"]
)",
                                                  kPath, "x.io"));
  ASSERT_EQ(endpoints.size(), 4u);
  const Endpoint& first = endpoints[0];
  EXPECT_EQ(first.base, "https://z.first:5000/v2");
  EXPECT_EQ(first.host, "z.first:5000");
  EXPECT_TRUE(first.resolve && first.pull && first.add_namespace);
  EXPECT_TRUE(first.tls.skip_verify);
  EXPECT_THAT(first.tls.ca_files, ElementsAre("/etc/certs.d/x.io/ca.pem"));
  EXPECT_EQ(first.tls.client_cert, "/etc/certs.d/x.io/cert.pem");
  EXPECT_EQ(first.tls.client_key, "/abs/key.pem");
  const Endpoint& second = endpoints[1];
  EXPECT_EQ(second.base, "http://a.second/v2/mirror");
  EXPECT_FALSE(second.resolve);
  EXPECT_THAT(second.headers,
              UnorderedElementsAre("x-one: 1", "x-one: 2", "x-two: 3"));
  EXPECT_EQ(endpoints[2].base, "https://third/sub/v2");
  EXPECT_EQ(endpoints[3].base, "https://origin.x.io/v2");
}

TEST(HostsTest, TheDefaultServerIsTheFallback) {
  ASSERT_OK_AND_ASSIGN(
      auto endpoints,
      ParseHosts("[host.\"http://127.0.0.1:1\"]\n", kPath, "docker.io"));
  ASSERT_EQ(endpoints.size(), 2u);
  EXPECT_TRUE(endpoints[0].add_namespace);
  EXPECT_EQ(endpoints[1].base, "https://registry-1.docker.io/v2");
  EXPECT_FALSE(endpoints[1].add_namespace);
}

TEST(HostsTest, MirrorsAloneIfNobodyElseIsToBeAsked) {
  ASSERT_OK_AND_ASSIGN(
      auto endpoints,
      ParseHosts("server = \"https://other.io\"\nfallback = false\n"
                 "[host.\"http://127.0.0.1:1\"]\n[host.\"http://a\"]\n",
                 kPath, "x.io"));
  ASSERT_EQ(endpoints.size(), 2u);
  EXPECT_EQ(endpoints[0].base, "http://127.0.0.1:1/v2");
  EXPECT_EQ(endpoints[1].base, "http://a/v2");
  ASSERT_OK_AND_ASSIGN(
      endpoints,
      ParseHosts("fallback = true\n[host.\"http://a\"]\n", kPath, "x.io"));
  EXPECT_EQ(endpoints.size(), 2u);
}

struct Bad {
  std::string text, reason;
};
class HostsBadTest : public ::testing::TestWithParam<Bad> {};

TEST_P(HostsBadTest, NamesFileLineAndField) {
  EXPECT_THAT(
      ParseHosts(GetParam().text, kPath, "x.io"),
      StatusIs(absl::StatusCode::kInvalidArgument,
               testing::AllOf(HasSubstr(kPath), HasSubstr(GetParam().reason))));
}

INSTANTIATE_TEST_SUITE_P(
    Table, HostsBadTest,
    ::testing::Values(
        Bad{"server = \n", "line 1"},
        Bad{"\n\nserver = 3\n", "line 3: server: expected a string"},
        Bad{"server = \"ftp://x\"\n", "neither http nor https"},
        Bad{"server = \"https://u@x\"\n", "is not a URL"},
        Bad{"host = 1\n", "host: expected a table"},
        Bad{"\nfallback = \"no\"\n", "line 2: fallback: expected true or"},
        Bad{"fallback = false\n", "line 1: fallback: false leaves nobody"},
        Bad{"[host.\"http://a\"]\ncapabilities = \"fly\"\n", "unknown \"fly\""},
        Bad{"[host.\"http://a\"]\nskip_verify = \"yes\"\n",
            "line 2: skip_verify: expected true or false"},
        Bad{"[host.\"http://a\"]\nca = 1\n", "line 2: ca: expected"},
        Bad{"[host.\"http://a\"]\nclient = [[\"a\",\"b\"],[\"c\",\"d\"]]\n",
            "more than one pair"},
        Bad{"[host.\"http://a\"]\n[host.\"http://a\".header]\nx = \"a\\nb\"\n",
            "line break"},
        Bad{"[host.\"http://a\"]\n[host.\"http://a\"]\n", "line 2"}));

TEST(HostsTest, FindsTheDirectoryByEveryForm) {
  tests::TempDir dir;
  auto write = [&](const std::string& name, const std::string& server) {
    ASSERT_OK(runtime::MakeDirs(dir / name));
    ASSERT_OK(runtime::WriteFileAtomic(dir / (name + "/hosts.toml"),
                                       "server = \"" + server + "\"\n"));
  };
  auto base = [&](const std::string& host) {
    auto endpoints = LoadEndpoints(dir.path(), host);
    EXPECT_OK(endpoints);
    return endpoints.ok() ? endpoints->back().base : "";
  };
  EXPECT_EQ(base("a.io:5000"), "https://a.io:5000/v2");
  write("_default", "http://default");
  EXPECT_EQ(base("a.io:5000"), "http://default/v2");
  write("a.io:5000", "http://colon");
  EXPECT_EQ(base("a.io:5000"), "http://colon/v2");
  write("a.io_5000", "http://under");
  EXPECT_EQ(base("a.io:5000"), "http://under/v2");
  write("a.io_5000_", "http://containerd");
  EXPECT_EQ(base("a.io:5000"), "http://containerd/v2");
  EXPECT_EQ(base("b.io"), "http://default/v2");
}

TEST(HostsTest, OnlyRealLoopbackAddressesMayUsePlainHttpByDefault) {
  for (const char* host : {"localhost", "localhost:5000", "127.0.0.1",
                           "127.1.2.3:80", "[::1]:5000", "a.localhost"}) {
    EXPECT_TRUE(IsLoopback(host)) << host;
  }
  for (const char* host : {"127.evil.example", "localhost.example",
                           "10.0.0.1:5000", "127.0.0.1.nip.io"}) {
    EXPECT_FALSE(IsLoopback(host)) << host;
  }
}

}  // namespace
}  // namespace cri::image
