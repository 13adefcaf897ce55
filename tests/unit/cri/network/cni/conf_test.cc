// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/spec/conf.h"

#include <string>

#include "cri/network/cni/plugin/builtin.h"
#include "cri/network/cni/spec/error.h"
#include "tests/support/status_matchers.h"

namespace cri::network::cni {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using tests::IsOk;
using tests::StatusIs;

TEST(ConfTest, ReadsAListOfPlugins) {
  ASSERT_OK_AND_ASSIGN(const NetworkConf conf, ParseConf(R"({
    "cniVersion": "1.0.0", "cniVersions": ["0.4.0", "1.1.0", "9.0.0"],
    "name": "db-net.1", "disableCheck": "True", "disableGC": true,
    "plugins": [
      {"type": "bridge", "more": [1, 2], "ipam": {"type": "host-local"}},
      {"type": "portmap", "capabilities": {"portMappings": true, "mac": false}}
    ]})"));
  EXPECT_EQ(conf.name, "db-net.1");
  EXPECT_EQ(conf.version, "1.1.0");
  EXPECT_TRUE(conf.disable_check);
  EXPECT_TRUE(conf.disable_gc);
  ASSERT_EQ(conf.plugins.size(), 2u);
  EXPECT_EQ(conf.plugins[0].json["more"].dump(), "[1,2]");
  EXPECT_THAT(conf.plugins[1].capabilities, ElementsAre("portMappings"));
  EXPECT_TRUE(conf.HasCapability("portMappings"));
  EXPECT_FALSE(conf.HasCapability("mac"));
}

TEST(ConfTest, ReadsASinglePluginAsAListThatReadsTheSame) {
  ASSERT_OK_AND_ASSIGN(const NetworkConf conf, ParseConf(R"({
    "cniVersion": "0.3.1", "name": "one", "type": "ptp", "mtu": 1400})"));
  ASSERT_OK_AND_ASSIGN(const NetworkConf again, ParseConf(conf.text));
  EXPECT_EQ(again.name, "one");
  EXPECT_EQ(again.version, "0.3.1");
  ASSERT_EQ(again.plugins.size(), 1u);
  EXPECT_EQ(again.plugins[0].json["mtu"], 1400);
}

TEST(ConfTest, ErrorsNameTheFieldAndTheReason) {
  const struct {
    const char* text;
    const char* error;
  } kRows[] = {
      {"", "the file is empty"},
      {"{", "content: byte "},
      {"[]", "expected an object"},
      {R"({"name": "a", "type": "x"})", "cniVersion: is missing"},
      {R"({"cniVersion": "0.2.0", "name": "a", "type": "x"})",
       "cniVersion: 0.2.0 is not supported; supported are 0.3.0, "},
      {R"({"cniVersion": "1", "name": "a", "type": "x"})",
       "cniVersion: \"1\" is not a version"},
      {R"({"cniVersion": 1, "name": "a", "type": "x"})",
       "cniVersion: expected a string, not 1"},
      {R"({"cniVersion": "1.0.0", "type": "x"})", "name: is missing"},
      {R"({"cniVersion": "1.0.0", "name": "../a", "type": "x"})",
       "name: \"../a\" is no network name"},
      {R"({"cniVersion": "1.0.0", "name": "a", "plugins": []})",
       "plugins: is empty"},
      {R"({"cniVersion": "1.0.0", "name": "a", "plugins": {}})",
       "plugins: expected a list"},
      {R"({"cniVersion": "1.0.0", "name": "a", "plugins": [1]})",
       "plugins[0]: expected an object"},
      {R"({"cniVersion": "1.0.0", "name": "a", "plugins": [{}]})",
       "plugins[0].type: is missing"},
      {R"({"cniVersion": "1.0.0", "name": "a", "plugins": [
         {"type": "x", "capabilities": {"mac": "yes"}}]})",
       "plugins[0].capabilities.mac: expected true or false, not \"yes\""},
      {R"({"cniVersion": "1.0.0", "name": "a", "plugins": [
         {"type": "x", "ipam": {"type": "../host-local"}}]})",
       "plugins[0].ipam.type: \"../host-local\" is no plugin name"},
      {R"({"cniVersion": "1.0.0", "name": "a", "disableGC": "maybe",
          "plugins": [{"type": "x"}]})",
       "disableGC: expected true or false"},
      {R"({"cniVersion": "1.0.0", "name": "a", "loadOnlyInlinedPlugins": true})",
       "plugins: is empty"},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.text);
    EXPECT_THAT(
        ParseConf(row.text),
        StatusIs(absl::StatusCode::kInvalidArgument, StartsWith(row.error)));
  }
}

TEST(BuiltinTest, SaysWhyAListIsNotRunInProcess) {
  const struct {
    const char* plugins;
    const char* error;
  } kRows[] = {
      {R"({"type": "tuning"})", "tuning.type: there is no plugin tuning"},
      {R"({"type": "host-local"})", "there is no plugin host-local"},
      {R"({"type": "ptp", "ipam": {"type": "dhcp"}})",
       "ptp.ipam.type: there is no plugin dhcp"},
      {R"({"type": "ptp", "vrf": 1, "ipam": {"type": "host-local"}})",
       "ptp.vrf: is not known here"},
      {R"({"type": "bridge", "vlan": 4095, "ipam": {"type": "host-local"}})",
       "bridge.vlan: expected a whole number from 0 to 4094"},
      {R"({"type": "bridge", "vlan": 7, "preserveDefaultVlan": false,
          "ipam": {"type": "host-local"}})",
       "bridge.preserveDefaultVlan: is not known here"},
      {R"({"type": "ptp", "ipam": {"type": "host-local", "subnet": "10.0.0.0/8",
          "routes": [{"dst": "0.0.0.0/0", "mtu": 1}]}})",
       "ptp.ipam.routes[0].mtu: is not known here"},
      {R"({"type": "portmap", "conditionsV4": ["-i", "eth0"]})",
       "portmap.conditionsV4: of \"-i eth0\" only [!] -s NETWORK and"},
      {R"({"type": "portmap", "conditionsV4": ["-d", "fd00::1"]})",
       "portmap.conditionsV4: of \"-d fd00::1\""},
      {R"({"type": "portmap", "conditionsV6": ["-d", "::/0"]})",
       "portmap.conditionsV6: of \"-d ::/0\""},
      {R"({"type": "portmap", "conditionsV4": ["-s", "10.0.0.1,10.0.0.2"]})",
       "portmap.conditionsV4: "},
      {R"({"type": "portmap", "conditionsV4": ["!", "-s"]})",
       "portmap.conditionsV4: "},
      {R"({"type": "portmap", "conditionsV4": ["!"]})",
       "portmap.conditionsV4: "},
      {R"({"type": "portmap", "conditionsV4":
           ["-d", "10.0.0.1", "-d", "10.0.0.2"]})",
       "portmap.conditionsV4: "},
      {R"({"type": "portmap", "externalSetMarkChain": "MARK"})",
       "portmap.externalSetMarkChain: \"MARK\" is no name of a chain with"},
      {R"({"type": "portmap", "externalSetMarkChain": "A-B",
           "markMasqBit": 3})",
       "portmap.externalSetMarkChain: cannot be set together with"},
      {R"({"type": "ptp", "args": {"cni": {"ips": [], "labels": []}},
          "ipam": {"type": "host-local"}})",
       "ptp.args.cni.labels: is not known here"},
      {R"({"type": "bridge", "args": {"other": 1},
          "ipam": {"type": "host-local"}})",
       "bridge.args.other: is not known here"},
      {R"({"type": "bridge", "args": {"cni": {"mac": "02:00"}},
          "ipam": {"type": "host-local"}})",
       "bridge.args.cni.mac: \"02:00\" is not a link address"},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.plugins);
    ASSERT_OK_AND_ASSIGN(
        const NetworkConf conf,
        ParseConf(std::string(R"({"cniVersion": "1.0.0", "name": "a",
                                  "plugins": [)") +
                  row.plugins + "]}"));
    EXPECT_THAT(
        Builtin::Understands(conf),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(row.error)));
  }
}

TEST(ErrorTest, ShowsAllThatThePluginSaid) {
  const absl::Status status = ToStatus(
      ParseError(R"({"code": 7, "msg": "bad subnet", "details": "too small"})",
                 "log line"));
  EXPECT_EQ(status.message(),
            "bad subnet; too small (CNI code 7: invalid network "
            "configuration)");
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(CodeOf(status), 7);
  EXPECT_EQ(ParseError("", "panic: oops\n").message, "panic: oops");
  EXPECT_EQ(ParseError("not\x01 JSON", "log").message, "not  JSON");
  EXPECT_EQ(ParseError("", "").message, "no message");
  EXPECT_EQ(CodeOf(absl::UnknownError("x")), std::nullopt);
}

}  // namespace
}  // namespace cri::network::cni
