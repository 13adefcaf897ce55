// SPDX-License-Identifier: Apache-2.0
#include "agent/source/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace agent::source {
namespace {

using testing::HasSubstr;

constexpr char kPod[] = R"(apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  containers:
  - name: web
    image: web:1
)";

Manifest Parse(const std::string& text,
               const std::string& file = "/m/web.yaml") {
  return ParseManifest(text, file, "node1", "2026-01-01T00:00:00Z");
}

TEST(ManifestTest, MakesAStaticPod) {
  Manifest m = Parse(kPod);
  ASSERT_EQ(m.pods.size(), 1u)
      << (m.errors.empty() ? "" : m.errors[0].message());
  const Json& meta = m.pods[0]["metadata"];
  EXPECT_EQ(meta["name"], "web-node1");
  EXPECT_EQ(meta["namespace"], "default");
  EXPECT_EQ(meta["annotations"]["kubernetes.io/config.source"], "file");
  EXPECT_EQ(meta["annotations"]["kubernetes.io/config.hash"], meta["uid"]);
  EXPECT_EQ(m.pods[0]["spec"]["restartPolicy"], "Always");
}

TEST(ManifestTest, UidFollowsContentAndFile) {
  auto uid = [](const Manifest& m) { return m.pods[0]["metadata"]["uid"]; };
  std::string other = kPod;
  other.replace(other.find("web:1"), 5, "web:2");
  EXPECT_EQ(uid(Parse(kPod)), uid(Parse(kPod)));
  EXPECT_NE(uid(Parse(kPod)), uid(Parse(other)));
  EXPECT_NE(uid(Parse(kPod)), uid(Parse(kPod, "/m/b.yaml")));
}

TEST(ManifestTest, BadDocumentDoesNotStopTheOthers) {
  Manifest m = Parse(std::string("kind: Pod\napiVersion: v1\n---\n") + kPod);
  EXPECT_EQ(m.pods.size(), 1u);
  ASSERT_EQ(m.errors.size(), 1u);
  EXPECT_THAT(std::string(m.errors[0].message()),
              HasSubstr("/m/web.yaml: document 1"));
}

TEST(ManifestTest, JsonIsTaken) {
  Manifest m =
      Parse(R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"j"},)"
            R"("spec":{"containers":[{"name":"c","image":"i"}]}})");
  EXPECT_EQ(m.pods.size(), 1u);
}

struct BadRow {
  const char* name;
  const char* from;
  const char* to;
  const char* want;
};

class BadManifest : public testing::TestWithParam<BadRow> {};

TEST_P(BadManifest, NamesFileFieldAndReason) {
  const BadRow& row = GetParam();
  std::string text = kPod;
  size_t at = text.find(row.from);
  ASSERT_NE(at, std::string::npos);
  text.replace(at, std::string(row.from).size(), row.to);
  Manifest m = Parse(text);
  EXPECT_TRUE(m.pods.empty());
  ASSERT_EQ(m.errors.size(), 1u);
  std::string message(m.errors[0].message());
  EXPECT_THAT(message, HasSubstr("/m/web.yaml"));
  EXPECT_THAT(message, HasSubstr(row.want));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadManifest,
    testing::Values(
        BadRow{"Syntax", "spec:", "spec: [", "line"},
        BadRow{"Kind", "kind: Pod", "kind: Job", "kind: expected \"Pod\""},
        BadRow{"Version", "apiVersion: v1", "apiVersion: v2", "apiVersion"},
        BadRow{"UnknownField", "    image: web:1", "    imag: web:1",
               "spec.containers[0].imag: unknown field"},
        BadRow{"WrongType", "    image: web:1", "    image: [1]",
               "spec.containers[0].image: expected a string"},
        BadRow{"NoImage", "    image: web:1", "    command: [a]",
               "spec.containers[0].image: is required"},
        BadRow{"NoName", "name: web, labels", "labels",
               "metadata.name: is required"},
        BadRow{"NameIsAPath", "- name: web", "- name: ../../etc",
               "spec.containers[0].name"},
        BadRow{"UnknownVolume", "    image: web:1",
               "    image: i\n    volumeMounts: [{name: v, mountPath: /v}]",
               "no volume \"v\""},
        BadRow{"LabelType", "labels: {app: web}", "labels: {app: [1]}",
               "metadata.labels[app]: expected a string"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace agent::source
