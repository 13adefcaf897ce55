// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/spec/result.h"

#include "tests/support/status_matchers.h"

namespace cri::network::cni {
namespace {

using testing::ElementsAre;
using testing::StartsWith;
using tests::IsOk;
using tests::StatusIs;

constexpr char k110[] =
    R"({"cniVersion":"1.1.0","dns":{"nameservers":)"
    R"(["10.0.0.1"]},"interfaces":[{"mac":"00:11:22:33:44:55",)"
    R"("mtu":1450,"name":"v0","pciID":"p","socketPath":"/s"},)"
    R"({"name":"eth0","sandbox":"/run/netns/a"}],"ips":[)"
    R"({"address":"fd00::7/64","interface":1},)"
    R"({"address":"10.1.0.7/24","gateway":"10.1.0.1",)"
    R"("interface":1}],"routes":[{"dst":"0.0.0.0/0",)"
    R"("gw":"10.1.0.1","mtu":1400,"priority":7}]})";

absl::StatusOr<Result> Parse(const char* text, const char* version = "1.0.0") {
  return ParseResult(*runtime::ParseJson(text, "result"), version);
}

TEST(ResultTest, KeepsEverythingOfItsOwnVersion) {
  ASSERT_OK_AND_ASSIGN(const Result result, Parse(k110));
  EXPECT_EQ(PrintResult(result, "1.1.0").dump(), k110);
}

TEST(ResultTest, IsWrittenAsOlderVersionsWriteIt) {
  ASSERT_OK_AND_ASSIGN(const Result result, Parse(k110));
  EXPECT_EQ(
      PrintResult(result, "0.3.1").dump(),
      R"({"cniVersion":"0.3.1","dns":{"nameservers":["10.0.0.1"]},)"
      R"("interfaces":[{"mac":"00:11:22:33:44:55","name":"v0"},)"
      R"({"name":"eth0","sandbox":"/run/netns/a"}],"ips":[)"
      R"({"address":"fd00::7/64","interface":1,"version":"6"},)"
      R"({"address":"10.1.0.7/24","gateway":"10.1.0.1","interface":1,)"
      R"("version":"4"}],"routes":[{"dst":"0.0.0.0/0","gw":"10.1.0.1"}]})");
  ASSERT_OK_AND_ASSIGN(const Result back,
                       ParseResult(PrintResult(result, "0.3.1"), "1.0.0"));
  EXPECT_EQ(PrintResult(back, "1.0.0"), PrintResult(result, "1.0.0"));
}

TEST(ResultTest, PodIpsAreThoseOfItsInterface) {
  ASSERT_OK_AND_ASSIGN(const Result result, Parse(k110));
  EXPECT_THAT(PodIps(result, "eth0"), ElementsAre("10.1.0.7", "fd00::7"));
  EXPECT_THAT(PodIps(result, "v0"), ElementsAre());
  ASSERT_OK_AND_ASSIGN(const Result bare,
                       Parse(R"({"ips": [{"address": "10.1.0.7/24"}]})"));
  EXPECT_THAT(PodIps(bare, "eth0"), ElementsAre("10.1.0.7"));
}

TEST(ResultTest, ErrorsNameTheField) {
  const struct {
    const char* text;
    const char* error;
  } kRows[] = {
      {"[]", "the result is not a JSON object"},
      {R"({"cniVersion": "0.2.0"})", "cniVersion: \"0.2.0\" is not one of"},
      {R"({"ips": [{}]})", "ips[0].address: is missing"},
      {R"({"ips": [{"address": "10.0.0.7"}]})", "ips[0].address: \"10.0.0.7\""},
      {R"({"ips": [{"address": "10.0.0.7/33"}]})", "ips[0].address: "},
      {R"({"ips": [{"address": "10.0.0.7/24", "interface": 0}]})",
       "ips[0].interface: index 0 into 0 interfaces"},
      {R"({"ips": [{"address": "10.0.0.7/24", "interface": -1}]})",
       "ips[0].interface: expected a whole number"},
      {R"({"interfaces": [{"mac": "x"}]})", "interfaces[0].name: is missing"},
      {R"({"routes": [{"dst": "0.0.0.0"}]})", "routes[0].dst: "},
      {R"({"dns": {"search": [1]}})", "dns.search[0]: expected a string"},
      {R"({"dns": []})", "dns: expected an object"},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.text);
    EXPECT_THAT(Parse(row.text), StatusIs(absl::StatusCode::kInvalidArgument,
                                          StartsWith(row.error)));
  }
}

}  // namespace
}  // namespace cri::network::cni
