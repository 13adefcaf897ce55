// SPDX-License-Identifier: Apache-2.0
#include "cri/sandbox/pod_files.h"

#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace cri::sandbox {
namespace {

using ::tests::IsOkAndHolds;
using ::tests::StatusIs;

TEST(PodFilesTest, ResolvConfHasOneLineOfEach) {
  runtime::v1::DNSConfig dns;
  dns.add_servers("10.96.0.10");
  dns.add_servers("8.8.8.8");
  dns.add_searches("a.svc");
  dns.add_searches("svc");
  dns.add_options("ndots:5");
  EXPECT_THAT(ResolvConf(dns),
              IsOkAndHolds("search a.svc svc\nnameserver 10.96.0.10\n"
                           "nameserver 8.8.8.8\noptions ndots:5\n"));
}

TEST(PodFilesTest, RefusesValuesThatWouldAddLines) {
  for (const char* value : {"8.8.8.8\nnameserver 6.6.6.6", "", "a b", "a\tb"}) {
    runtime::v1::DNSConfig dns;
    dns.add_servers(value);
    EXPECT_THAT(ResolvConf(dns), StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST(PodFilesTest, HostnameIsCheckedAsTheKernelWould) {
  EXPECT_OK(CheckHostname("web-0.example"));
  EXPECT_OK(CheckHostname(""));
  EXPECT_OK(CheckHostname(std::string(64, 'a')));
  for (const std::string& name : {std::string(65, 'a'), std::string("a b"),
                                  std::string("a\nb"), std::string("a/b")}) {
    EXPECT_THAT(CheckHostname(name),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST(PodFilesTest, WritesThreeFilesThatAnyUserCanRead) {
  tests::TempDir dir;
  runtime::v1::DNSConfig dns;
  dns.add_servers("1.2.3.4");
  ASSERT_OK(WritePodFiles(dir.path(), "web-0", false, dns, {"10.0.0.2"}));
  EXPECT_THAT(runtime::ReadFile(dir / "hostname"), IsOkAndHolds("web-0\n"));
  ASSERT_OK_AND_ASSIGN(std::string hosts, runtime::ReadFile(dir / "hosts"));
  EXPECT_NE(hosts.find("10.0.0.2\tweb-0\n"), std::string::npos);
  EXPECT_NE(hosts.find("127.0.0.1\tlocalhost\n"), std::string::npos);
}

}  // namespace
}  // namespace cri::sandbox
