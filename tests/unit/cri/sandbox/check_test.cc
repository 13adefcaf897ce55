// SPDX-License-Identifier: Apache-2.0
// What CheckConfig refuses, each by the name of its field.
#include <string>

#include "cri/sandbox/sandboxes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace cri::sandbox {
namespace {

namespace v1 = ::runtime::v1;
using ::testing::HasSubstr;
using ::tests::StatusIs;

struct BadRow {
  const char* name;
  void (*spoil)(v1::PodSandboxConfig&);
  absl::StatusCode code;
  const char* error;
};

class BadSandboxTest : public ::testing::TestWithParam<BadRow> {};

TEST_P(BadSandboxTest, ErrorNamesTheField) {
  v1::PodSandboxConfig config;
  config.mutable_metadata()->set_name("a");
  config.mutable_metadata()->set_namespace_("default");
  config.mutable_metadata()->set_uid("uid-a");
  ASSERT_OK(CheckConfig(config));
  GetParam().spoil(config);
  EXPECT_THAT(CheckConfig(config),
              StatusIs(GetParam().code, HasSubstr(GetParam().error)));
}

v1::LinuxSandboxSecurityContext& Security(v1::PodSandboxConfig& config) {
  return *config.mutable_linux()->mutable_security_context();
}

v1::UserNamespace& UserNamespace(v1::PodSandboxConfig& config,
                                 v1::NamespaceMode mode) {
  v1::UserNamespace& user =
      *Security(config).mutable_namespace_options()->mutable_userns_options();
  user.set_mode(mode);
  return user;
}

void MapIds(v1::UserNamespace& user, uint32_t from, uint32_t to) {
  for (v1::IDMapping* map : {user.add_uids(), user.add_gids()}) {
    map->set_container_id(from);
    map->set_host_id(to);
    map->set_length(65536);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Rows, BadSandboxTest,
    ::testing::Values(
        BadRow{
            "NoName",
            [](v1::PodSandboxConfig& c) { c.mutable_metadata()->clear_name(); },
            absl::StatusCode::kInvalidArgument, "metadata.name"},
        BadRow{
            "NoUid",
            [](v1::PodSandboxConfig& c) { c.mutable_metadata()->clear_uid(); },
            absl::StatusCode::kInvalidArgument, "metadata.uid"},
        BadRow{"Hostname",
               [](v1::PodSandboxConfig& c) { c.set_hostname("a b"); },
               absl::StatusCode::kInvalidArgument, "hostname"},
        BadRow{"CgroupParent",
               [](v1::PodSandboxConfig& c) {
                 c.mutable_linux()->set_cgroup_parent("/a/../../b");
               },
               absl::StatusCode::kInvalidArgument, "linux.cgroup_parent"},
        BadRow{"GroupWithoutUser",
               [](v1::PodSandboxConfig& c) {
                 Security(c).mutable_run_as_group()->set_value(1);
               },
               absl::StatusCode::kInvalidArgument, "run_as_group"},
        BadRow{"NetworkContainer",
               [](v1::PodSandboxConfig& c) {
                 Security(c).mutable_namespace_options()->set_network(
                     v1::CONTAINER);
               },
               absl::StatusCode::kInvalidArgument, "namespace_options.network"},
        BadRow{"UserNamespaceWithoutMappings",
               [](v1::PodSandboxConfig& c) { UserNamespace(c, v1::POD); },
               absl::StatusCode::kInvalidArgument,
               "userns_options.uids: has 0 mappings"},
        BadRow{"UserNamespaceOfTwoMappings",
               [](v1::PodSandboxConfig& c) {
                 MapIds(UserNamespace(c, v1::POD), 0, 1000);
                 MapIds(UserNamespace(c, v1::POD), 0, 2000);
               },
               absl::StatusCode::kInvalidArgument,
               "userns_options.uids: has 2 mappings"},
        BadRow{"UserNamespaceWithoutRoot",
               [](v1::PodSandboxConfig& c) {
                 MapIds(UserNamespace(c, v1::POD), 1, 1000);
               },
               absl::StatusCode::kInvalidArgument,
               "userns_options.uids: does not map ID 0"},
        BadRow{"UserNamespaceBeyondAllIds",
               [](v1::PodSandboxConfig& c) {
                 MapIds(UserNamespace(c, v1::POD), 0, UINT32_MAX - 5);
               },
               absl::StatusCode::kInvalidArgument,
               "userns_options.uids: 65536"},
        BadRow{"UserNamespaceOfContainer",
               [](v1::PodSandboxConfig& c) { UserNamespace(c, v1::CONTAINER); },
               absl::StatusCode::kInvalidArgument,
               "userns_options.mode: must be POD or NODE, not CONTAINER"},
        BadRow{"UserNamespaceOfTarget",
               [](v1::PodSandboxConfig& c) { UserNamespace(c, v1::TARGET); },
               absl::StatusCode::kInvalidArgument, "not TARGET"},
        BadRow{"UserNamespaceOnTheHostsNetwork",
               [](v1::PodSandboxConfig& c) {
                 MapIds(UserNamespace(c, v1::POD), 0, 1000);
                 Security(c).mutable_namespace_options()->set_network(v1::NODE);
               },
               absl::StatusCode::kInvalidArgument,
               "namespace_options.network: is NODE"},
        BadRow{"HostPort",
               [](v1::PodSandboxConfig& c) {
                 c.add_port_mappings()->set_host_port(80);
               },
               absl::StatusCode::kInvalidArgument,
               "host port 80 for container port 0"},
        BadRow{"HostPortRange",
               [](v1::PodSandboxConfig& c) {
                 auto* port = c.add_port_mappings();
                 port->set_container_port(80);
                 port->set_host_port(65536);
               },
               absl::StatusCode::kInvalidArgument, "from 0 to 65535"},
        BadRow{"HostPortProtocol",
               [](v1::PodSandboxConfig& c) {
                 auto* port = c.add_port_mappings();
                 port->set_container_port(80);
                 port->set_protocol(static_cast<v1::Protocol>(7));
               },
               absl::StatusCode::kInvalidArgument,
               "protocol 7 is not TCP, UDP or SCTP"},
        BadRow{"HostPortIp",
               [](v1::PodSandboxConfig& c) {
                 auto* port = c.add_port_mappings();
                 port->set_container_port(80);
                 port->set_host_port(80);
                 port->set_host_ip("10.0.0.256");
               },
               absl::StatusCode::kInvalidArgument,
               "host_ip \"10.0.0.256\" is not an IP address"},
        BadRow{"HostPortTwice",
               [](v1::PodSandboxConfig& c) {
                 for (int port = 80; port < 82; ++port) {
                   auto* mapping = c.add_port_mappings();
                   mapping->set_container_port(port);
                   mapping->set_host_port(8080);
                 }
               },
               absl::StatusCode::kInvalidArgument,
               "config.port_mappings[1]: host port 8080 on that address is "
               "mapped by port_mappings[0] already"},
        BadRow{"HostPortTwiceInOtherWords",
               [](v1::PodSandboxConfig& c) {
                 for (const char* ip : {"127.0.0.1", "", "0.0.0.0"}) {
                   auto* mapping = c.add_port_mappings();
                   mapping->set_container_port(80);
                   mapping->set_host_port(8080);
                   mapping->set_host_ip(ip);
                 }
               },
               absl::StatusCode::kInvalidArgument,
               "config.port_mappings[2]: host port 8080 on that address is "
               "mapped by port_mappings[1] already"},
        BadRow{"LogDirectory",
               [](v1::PodSandboxConfig& c) { c.set_log_directory("logs"); },
               absl::StatusCode::kInvalidArgument, "log_directory"},
        BadRow{"Dns",
               [](v1::PodSandboxConfig& c) {
                 c.mutable_dns_config()->add_servers("a\nb");
               },
               absl::StatusCode::kInvalidArgument, "dns_config.servers"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace cri::sandbox
