// SPDX-License-Identifier: Apache-2.0
#include "agent/config/yaml.h"

#include "agent/config/paths.h"
#include "tests/support/status_matchers.h"

namespace agent::config {
namespace {

using testing::HasSubstr;
using tests::StatusIs;

TEST(YamlTest, TypesScalarsAsKubectlDoes) {
  const struct {
    const char *yaml, *json;
  } rows[] = {
      {"1", "1"},
      {"-7", "-7"},
      {"9223372036854775807", "9223372036854775807"},
      {"0x10", "16"},
      {"1.5", "1.5"},
      {"1e3", "1000.0"},
      {"'1'", "\"1\""},
      {"\"true\"", "\"true\""},
      {"true", "true"},
      {"no", "false"},
      {"~", "null"},
      {"", "null"},
      {"1Gi", "\"1Gi\""},
      {"1.2.3.4", "\"1.2.3.4\""},
      {"10s", "\"10s\""},
      {"2024-01-01", "\"2024-01-01\""},
      {"-", "[null]"},
      {"inf", "\"inf\""},
      {"[a, {b: c}]", "[\"a\",{\"b\":\"c\"}]"},
      {"a: &x [1]\nb: *x", "{\"a\":[1],\"b\":[1]}"},
      {"a: |\n  x\n  y\n", "{\"a\":\"x\\ny\\n\"}"},
      {"{\"j\": [1, \"x\", null]}", "{\"j\":[1,\"x\",null]}"},
  };
  for (const auto& row : rows) {
    const auto value = ParseYaml(row.yaml, "f");
    ASSERT_THAT(value, tests::IsOk()) << row.yaml;
    EXPECT_EQ(runtime::DumpJson(*value), row.json) << row.yaml;
  }
}

TEST(YamlTest, NamesSourceAndLineOfWhatIsWrong) {
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c <= 'i'; ++c) {
    const std::string p(1, static_cast<char>(c - 1));
    bomb += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 10; ++i) bomb += "*" + p + ",";
    bomb += "]\n";
  }
  const struct {
    std::string yaml, message;
  } rows[] = {
      {"a: [1", "f: line "},
      {"a: 1\nb: 2\na: 3", "key \"a\" is given twice"},
      {"[1]: 2", "a key is not a scalar"},
      {"a: 1\n---\nb: 2", "f: more than one document"},
      {bomb, "too many nodes"},
      {std::string(200, '[') + std::string(200, ']'), "f: "},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(
        ParseYaml(row.yaml, "f"),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(row.message)))
        << row.yaml.substr(0, 40);
  }
}

TEST(YamlTest, ReadsBackWhatItFormats) {
  const runtime::Json value = {
      {"number", 1},       {"text", "1"},
      {"yes", "yes"},      {"empty", ""},
      {"none", nullptr},   {"list", {1, "a: b", runtime::Json::object()}},
      {"lines", "a\nb\n"}, {"object", {{"x", runtime::Json::array()}}},
      {"colon", "a:b #c"}, {"real", 1.5}};
  ASSERT_OK_AND_ASSIGN(const runtime::Json read,
                       ParseYaml(FormatYaml(value), "f"));
  EXPECT_EQ(read, value) << FormatYaml(value);
}

TEST(PathsTest, PutsTheUsualPlacesBelowTheRoot) {
  const Paths host("/");
  EXPECT_EQ(host.kubeconfig, "/etc/kubernetes/kubelet.conf");
  EXPECT_EQ(host.Resolve("/etc/kubernetes/pki/ca.crt"),
            "/etc/kubernetes/pki/ca.crt");
  const Paths other("/srv/n1/");
  EXPECT_EQ(other.client_cert,
            "/srv/n1/var/lib/kubelet/pki/kubelet-client-current.pem");
  EXPECT_EQ(other.Resolve("/etc/kubernetes/pki/ca.crt"),
            "/srv/n1/etc/kubernetes/pki/ca.crt");
  EXPECT_EQ(other.Resolve("/run/systemd/resolve/resolv.conf"),
            "/run/systemd/resolve/resolv.conf");
}

}  // namespace
}  // namespace agent::config
