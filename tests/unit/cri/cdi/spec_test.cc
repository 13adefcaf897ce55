// SPDX-License-Identifier: Apache-2.0
#include "cri/cdi/spec.h"

#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace cri::cdi {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::tests::StatusIs;

constexpr char kYaml[] = R"(
cdiVersion: 0.7.0
kind: vendor.com/class
annotations: {a: b}
containerEdits:
  env: [ALL=yes]
  hooks:
  - hookName: createContainer
    path: /usr/bin/hook
    args: [hook, --flag]
    env: ["A=B=C"]
    timeout: 5
devices:
- name: "0"
  containerEdits:
    env: [ONE=1]
    deviceNodes:
    - path: /dev/one
      hostPath: /dev/null
      type: c
      major: 0x1
      minor: 3
      fileMode: 0o660
      permissions: rw
      uid: 7
      gid: 8
    - {path: /dev/two, permissions: none}
    mounts:
    - hostPath: /opt/lib
      containerPath: /usr/lib/vendor
      options: [ro, rbind]
      type: bind
    additionalGids: [0, 44]
- name: empty
)";

void CheckWhole(const Spec& spec) {
  EXPECT_EQ(spec.kind, "vendor.com/class");
  EXPECT_THAT(spec.edits.env, ElementsAre("ALL=yes"));
  ASSERT_EQ(spec.edits.hooks.size(), 1u);
  const Hook& hook = spec.edits.hooks[0];
  EXPECT_EQ(hook.name, "createContainer");
  EXPECT_EQ(hook.path, "/usr/bin/hook");
  EXPECT_THAT(hook.args, ElementsAre("hook", "--flag"));
  EXPECT_THAT(hook.env, ElementsAre("A=B=C"));
  EXPECT_EQ(hook.timeout, 5);
  ASSERT_EQ(spec.devices.size(), 2u);
  const Edits& device = spec.devices.at("0");
  EXPECT_THAT(device.env, ElementsAre("ONE=1"));
  ASSERT_EQ(device.nodes.size(), 2u);
  const DeviceNode& node = device.nodes[0];
  EXPECT_EQ(node.path, "/dev/one");
  EXPECT_EQ(node.host_path, "/dev/null");
  EXPECT_EQ(node.type, 'c');
  EXPECT_EQ(node.major, 1);
  EXPECT_EQ(node.minor, 3);
  EXPECT_EQ(node.file_mode, 0660);
  EXPECT_EQ(node.permissions, "rw");
  EXPECT_EQ(node.uid, 7u);
  EXPECT_EQ(node.gid, 8u);
  EXPECT_EQ(device.nodes[1].host_path, "/dev/two");
  EXPECT_EQ(device.nodes[1].permissions, "");
  ASSERT_EQ(device.mounts.size(), 1u);
  EXPECT_EQ(device.mounts[0].host_path, "/opt/lib");
  EXPECT_EQ(device.mounts[0].container_path, "/usr/lib/vendor");
  EXPECT_THAT(device.mounts[0].options, ElementsAre("ro", "rbind"));
  EXPECT_EQ(device.mounts[0].type, "bind");
  EXPECT_THAT(device.gids, ElementsAre(44));
}

TEST(SpecTest, ReadsYaml) {
  absl::StatusOr<Spec> spec = ParseSpec(kYaml, "/etc/cdi/v.yaml");
  ASSERT_OK(spec);
  CheckWhole(*spec);
}

TEST(SpecTest, ReadsTheSameFromJson) {
  constexpr char kJson[] = R"({"cdiVersion": "0.7.0",
    "kind": "vendor.com/class", "annotations": {"a": "b"},
    "containerEdits": {"env": ["ALL=yes"], "hooks": [
      {"hookName": "createContainer", "path": "/usr/bin/hook",
       "args": ["hook", "--flag"], "env": ["A=B=C"], "timeout": 5}]},
    "devices": [{"name": "0", "containerEdits": {"env": ["ONE=1"],
      "deviceNodes": [
        {"path": "/dev/one", "hostPath": "/dev/null", "type": "c", "major": 1,
         "minor": 3, "fileMode": 432, "permissions": "rw", "uid": 7, "gid": 8},
        {"path": "/dev/two", "permissions": "none"}],
      "mounts": [{"hostPath": "/opt/lib", "containerPath": "/usr/lib/vendor",
                  "options": ["ro", "rbind"], "type": "bind"}],
      "additionalGids": [0, 44]}}, {"name": "empty"}]})";
  absl::StatusOr<Spec> spec = ParseSpec(kJson, "/etc/cdi/v.json");
  ASSERT_OK(spec);
  CheckWhole(*spec);
}

TEST(SpecTest, TakesAllVersions) {
  for (const char* version : {"0.1.0", "0.2.0", "0.3.0", "0.4.0", "0.5.0",
                              "0.6.0", "0.7.0", "0.8.0", "1.0.0", "1.1.0"}) {
    EXPECT_OK(ParseSpec(absl::StrCat("{cdiVersion: ", version,
                                     ", kind: v/c, devices: [{name: a}]}"),
                        "x.yaml"));
  }
}

TEST(SpecTest, RemembersWhatIsNotSupported) {
  absl::StatusOr<Spec> spec = ParseSpec(
      "{cdiVersion: 1.1.0, kind: v/c, devices: [{name: a}, {name: b, "
      "containerEdits: {intelRdt: {closID: x}}}, {name: c, containerEdits: "
      "{netDevices: [{hostInterfaceName: eth9, name: e}]}}]}",
      "x.yaml");
  ASSERT_OK(spec);
  EXPECT_EQ(spec->devices.at("a").unsupported, "");
  EXPECT_EQ(spec->devices.at("b").unsupported, "intelRdt");
  EXPECT_EQ(spec->devices.at("c").unsupported, "netDevices");
}

struct BadFile {
  const char* text;
  const char* why;
};

std::string Device(const std::string& edits) {
  return absl::StrCat(
      "{cdiVersion: 0.3.0, kind: v/c, devices: [{name: a, containerEdits: ",
      edits, "}]}");
}

TEST(SpecTest, NamesFileFieldAndReason) {
  for (const BadFile& row : std::initializer_list<BadFile>{
           {"", "x.yaml: expected an object"},
           {"[a]", "x.yaml: expected an object"},
           {"a: [", "x.yaml:"},
           {"{kind: v/c}", "x.yaml: cdiVersion: is missing"},
           {"{cdiVersion: 0.9.0}", "cdiVersion: \"0.9.0\" is not one of"},
           {"{cdiVersion: '1.0'}", "cdiVersion: \"1.0\" is not one of"},
           {"{cdiVersion: 0.3.0, kind: v}", "kind: kind \"v\" is not"},
           {"{cdiVersion: 0.3.0, kind: v/c}", "devices: are missing"},
           {"{cdiVersion: 0.3.0, kind: v/c.d}", "kind: needs cdiVersion 0.6.0"},
           {"{cdiVersion: 0.3.0, knid: v/c}", "knid: is not a field"},
           {"{cdiVersion: 0.3.0, kind: v/c, devices: [{name: -}]}",
            "devices[0].name: device \"-\" does not begin"},
           {"{cdiVersion: 0.3.0, kind: v/c, devices: [{name: 1a}]}",
            "devices[0].name: needs cdiVersion 0.5.0"},
           {"{cdiVersion: 0.3.0, kind: v/c, devices: [{name: a}, {name: a}]}",
            "devices[1].name: \"a\" is given twice"},
           {"{cdiVersion: 0.3.0, kind: v/c, annotations: {}, devices: "
            "[{name: a}]}",
            "annotations: needs cdiVersion 0.6.0"},
           {"{cdiVersion: 0.3.0, kind: v/c, devices: [{name: a, "
            "containerEdits: []}]}",
            "devices[0].containerEdits: expected an object"},
       }) {
    EXPECT_THAT(
        ParseSpec(row.text, "x.yaml"),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(row.why)))
        << row.text;
  }
}

TEST(SpecTest, NamesFieldAndReasonOfBadEdits) {
  for (const BadFile& row : std::initializer_list<BadFile>{
           {"{env: [A]}", "env: \"A\" is not NAME=VALUE"},
           {"{env: ['=A']}", "env: \"=A\" is not NAME=VALUE"},
           {"{deviceNodes: [{}]}", "deviceNodes[0].path: is missing"},
           {"{deviceNodes: [{path: dev/x}]}", "path: is not an absolute path"},
           {"{deviceNodes: [{path: /x, hostPath: /y}]}",
            "hostPath: needs cdiVersion 0.5.0"},
           {"{deviceNodes: [{path: /x, type: x}]}", "type: \"x\" is not c, b"},
           {"{deviceNodes: [{path: /x, major: -1}]}", "major: expected an int"},
           {"{deviceNodes: [{path: /x, permissions: rx}]}", "permissions: are"},
           {"{deviceNodes: [{path: /x, uid: 4294967296}]}", "uid: expected"},
           {"{mounts: [{containerPath: /x}]}",
            "mounts[0].hostPath: is missing"},
           {"{mounts: [{hostPath: /x}]}", "containerPath: is missing"},
           {"{mounts: [{hostPath: /x, containerPath: /y, type: bind}]}",
            "type: needs cdiVersion 0.4.0"},
           {"{mounts: [{hostPath: /x, containerPath: /y, options: ro}]}",
            "options: expected an array of strings"},
           {"{hooks: [{hookName: x, path: /x}]}", "hookName: \"x\" is not a"},
           {"{hooks: [{hookName: poststop}]}", "hooks[0].path: is missing"},
           {"{hooks: [{hookName: poststop, path: x}]}", "path: is not an abs"},
           {"{hooks: [{hookName: poststop, path: /x, timeout: 0}]}",
            "timeout: expected an integer from 1"},
           {"{additionalGids: [1]}", "additionalGids: needs cdiVersion 0.7.0"},
           {"{intelRdt: {}}", "intelRdt: needs cdiVersion 0.7.0"},
           {"{netDevices: []}", "netDevices: needs cdiVersion 1.1.0"},
           {"{mount: []}", "containerEdits.mount: is not a field"},
       }) {
    EXPECT_THAT(
        ParseSpec(Device(row.text), "x.yaml"),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(row.why)))
        << row.text;
  }
}

TEST(SpecTest, AliasesDoNotGrowWithoutEnd) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 7; ++i) {
    absl::StrAppend(&text, "a", i, ": &a", i, " [");
    for (int j = 0; j < 10; ++j) absl::StrAppend(&text, "*a", i - 1, ", ");
    absl::StrAppend(&text, "]\n");
  }
  EXPECT_THAT(ParseSpec(text, "x.yaml"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("too many values")));
}

}  // namespace
}  // namespace cri::cdi
