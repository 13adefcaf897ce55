// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "agent/env/env.h"
#include "agent/env/expand.h"
#include "tests/support/fake_object_source.h"

namespace agent::env {
namespace {

using object::FakeSource;
using ::testing::HasSubstr;

Json Pod() {
  return Json::parse(
      R"({"metadata":{"name":"web","namespace":"shop"},"spec":{}})");
}

std::map<std::string, std::string> Map(const Variables& variables) {
  std::map<std::string, std::string> map;
  for (const auto& [name, value] : variables) {
    EXPECT_TRUE(map.emplace(name, value).second) << name << " twice";
  }
  return map;
}

absl::StatusOr<Variables> Build(const std::string& container,
                                FakeSource& source, const Json& pod = Pod()) {
  return BuildEnvironment(pod, Json::parse(container, nullptr, false),
                          {{"10.1.0.5"}, {"10.0.0.1"}},
                          {"node-1", {"10.0.0.1"}, Json::object()}, source);
}

TEST(ExpandTest, ExpandsAsKubernetesDoes) {
  Lookup lookup = [](absl::string_view name) -> std::optional<std::string> {
    if (name == "A") return "a";
    if (name == "DOLLAR") return "$(A)";
    if (name.empty()) return std::nullopt;
    return std::nullopt;
  };
  const std::pair<const char*, const char*> kRows[] = {
      {"", ""},
      {"plain", "plain"},
      {"$(A)", "a"},
      {"x$(A)y$(A)", "xaya"},
      {"$$(A)", "$(A)"},
      {"$$$(A)", "$a"},
      {"$(UNKNOWN)", "$(UNKNOWN)"},
      {"$(A", "$(A"},
      {"$A", "$A"},
      {"$", "$"},
      {"a$", "a$"},
      {"$()", "$()"},
      {"$(DOLLAR)", "$(A)"},
      {"$(A)$(", "a$("},
      {"`$(A)`", "`a`"},
  };
  for (const auto& [text, expected] : kRows) {
    SCOPED_TRACE(text);
    EXPECT_EQ(Expand(text, lookup), expected);
  }
}

TEST(ExpandTest, ExpandsCommandWords) {
  Variables env = {{"A", "1"}, {"A", "2"}};
  EXPECT_EQ(ExpandWords(Json{"$(A)", "$$(A)", 7, "x"}, env),
            (std::vector<std::string>{"2", "$(A)", "x"}));
  EXPECT_TRUE(ExpandWords(Json("no list"), env).empty());
}

TEST(EnvironmentTest, LaterSourceWinsAndSeesEarlierVariables) {
  FakeSource source;
  source.services["default"] = {FakeSource::Make(
      R"({"metadata":{"name":"kubernetes"},"spec":{"clusterIP":"10.96.0.1",
          "ports":[{"name":"https","port":443,"protocol":"TCP"}]}})")};
  source.config_maps["shop/cm"] =
      FakeSource::Make(R"({"data":{"a":"from-cm","KUBERNETES_PORT":"mine"}})");
  source.secrets["shop/s"] = FakeSource::Make(R"({"data":{"a":"c2VjcmV0"}})");
  auto env = Build(R"json({
    "envFrom":[{"configMapRef":{"name":"cm"}},
               {"prefix":"S_","secretRef":{"name":"s"}},
               {"configMapRef":{"name":"none","optional":true}}],
    "env":[{"name":"URL","value":"https://$(KUBERNETES_SERVICE_HOST):$(KUBERNETES_SERVICE_PORT_HTTPS)"},
           {"name":"LATE","value":"$(LATER)"},
           {"name":"LATER","value":"x"},
           {"name":"a","value":"<$(a)>"},
           {"name":"IP","valueFrom":{"fieldRef":{"fieldPath":"status.podIP"}}},
           {"name":"KEY","valueFrom":{"secretKeyRef":{"name":"s","key":"a"}}},
           {"name":"GONE","valueFrom":{"configMapKeyRef":{"name":"cm","key":"z","optional":true}}}]})json",
                   source);
  ASSERT_TRUE(env.ok()) << env.status();
  auto map = Map(*env);
  EXPECT_EQ(map["URL"], "https://10.96.0.1:443");
  EXPECT_EQ(map["LATE"], "$(LATER)");
  EXPECT_EQ(map["a"], "<from-cm>");
  EXPECT_EQ(map["S_a"], "secret");
  EXPECT_EQ(map["KEY"], "secret");
  EXPECT_EQ(map["IP"], "10.1.0.5");
  EXPECT_EQ(map["KUBERNETES_PORT"], "mine");
  EXPECT_EQ(map.count("GONE"), 0u);
}

TEST(EnvironmentTest, GivesServiceVariablesInEveryForm) {
  FakeSource source;
  source.services["default"] = {FakeSource::Make(
      R"({"metadata":{"name":"other"},"spec":{"clusterIP":"10.96.0.9",
          "ports":[{"port":1}]}})")};
  source.services["shop"] = {
      FakeSource::Make(
          R"({"metadata":{"name":"my-db"},"spec":{"clusterIP":"10.96.0.7",
          "ports":[{"name":"sql-in","port":5432},
                   {"port":53,"protocol":"UDP"}]}})"),
      FakeSource::Make(
          R"({"metadata":{"name":"six"},"spec":{"clusterIP":"fd00::7",
          "ports":[{"port":80}]}})"),
      FakeSource::Make(
          R"({"metadata":{"name":"headless"},"spec":{"clusterIP":"None",
          "ports":[{"port":80}]}})")};
  auto env = Build("{}", source);
  ASSERT_TRUE(env.ok()) << env.status();
  std::map<std::string, std::string> expected = {
      {"MY_DB_SERVICE_HOST", "10.96.0.7"},
      {"MY_DB_SERVICE_PORT", "5432"},
      {"MY_DB_SERVICE_PORT_SQL_IN", "5432"},
      {"MY_DB_PORT", "tcp://10.96.0.7:5432"},
      {"MY_DB_PORT_5432_TCP", "tcp://10.96.0.7:5432"},
      {"MY_DB_PORT_5432_TCP_PROTO", "tcp"},
      {"MY_DB_PORT_5432_TCP_PORT", "5432"},
      {"MY_DB_PORT_5432_TCP_ADDR", "10.96.0.7"},
      {"MY_DB_PORT_53_UDP", "udp://10.96.0.7:53"},
      {"MY_DB_PORT_53_UDP_PROTO", "udp"},
      {"MY_DB_PORT_53_UDP_PORT", "53"},
      {"MY_DB_PORT_53_UDP_ADDR", "10.96.0.7"},
      {"SIX_SERVICE_HOST", "fd00::7"},
      {"SIX_SERVICE_PORT", "80"},
      {"SIX_PORT", "tcp://[fd00::7]:80"},
      {"SIX_PORT_80_TCP", "tcp://[fd00::7]:80"},
      {"SIX_PORT_80_TCP_PROTO", "tcp"},
      {"SIX_PORT_80_TCP_PORT", "80"},
      {"SIX_PORT_80_TCP_ADDR", "fd00::7"},
  };
  EXPECT_EQ(Map(*env), expected);
  Json pod = Pod();
  pod["spec"]["enableServiceLinks"] = false;
  EXPECT_TRUE(Build("{}", source, pod)->empty());
}

TEST(EnvironmentTest, NamesWhatIsMissing) {
  FakeSource source;
  source.config_maps["shop/cm"] = FakeSource::Make(R"({"data":{}})");
  source.secrets["shop/s"] = FakeSource::Make(R"({"data":{"bad":"%%%"}})");
  const std::pair<const char*, const char*> kRows[] = {
      {R"({"env":[{"name":"A","valueFrom":{"configMapKeyRef":{"name":"cm","key":"x"}}}]})",
       "couldn't find key x in ConfigMap shop/cm"},
      {R"({"env":[{"name":"A","valueFrom":{"secretKeyRef":{"name":"s","key":"x"}}}]})",
       "couldn't find key x in Secret shop/s"},
      {R"({"env":[{"name":"A","valueFrom":{"configMapKeyRef":{"name":"no","key":"x"}}}]})",
       "configmap \"no\" not found"},
      {R"({"envFrom":[{"secretRef":{"name":"no"}}]})",
       "secret \"no\" not found"},
      {R"({"env":[{"name":"A","valueFrom":{"secretKeyRef":{"name":"s","key":"bad"}}}]})",
       "data.bad: not base64"},
      {R"({"env":[{"name":"A","valueFrom":{"fileKeyRef":{}}}]})",
       "env A: valueFrom.fileKeyRef is not supported"},
      {R"({"env":[{"name":"A=B","value":""}]})",
       "env: invalid variable name \"A=B\""},
  };
  for (const auto& [container, text] : kRows) {
    SCOPED_TRACE(container);
    EXPECT_EQ(Build(container, source).status().message(), text);
  }
}

TEST(EnvironmentTest, WaitsForTheFirstListOfServices) {
  FakeSource source;
  source.services_known = false;
  auto env = Build("{}", source);
  EXPECT_TRUE(absl::IsUnavailable(env.status()));
  EXPECT_THAT(env.status().message(), HasSubstr("services have not yet"));
}

TEST(EnvironmentTest, SurvivesWrongTypes) {
  FakeSource source;
  for (const char* container :
       {"null", "[]", R"({"env":{"a":1},"envFrom":"x"})",
        R"({"env":[{"name":"A","value":7}]})",
        R"({"envFrom":[{"prefix":3}]})"}) {
    SCOPED_TRACE(container);
    Build(container, source).status().IgnoreError();
  }
}

}  // namespace
}  // namespace agent::env
