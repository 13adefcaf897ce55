// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "agent/env/env.h"

namespace agent::env {
namespace {

const Json& Pod() {
  static const Json& pod = *new Json(Json::parse(R"({
    "metadata": {"name": "web", "namespace": "shop", "uid": "u-1",
      "labels": {"b": "2", "a": "1"},
      "annotations": {"note": "two\nlines \"and\" a \u0001 byte"}},
    "spec": {"serviceAccountName": "sa", "containers": [
      {"name": "full", "resources": {
        "limits": {"cpu": "1250m", "memory": "64Mi", "hugepages-2Mi": "4Mi"},
        "requests": {"cpu": "250m", "memory": "32Mi"}}},
      {"name": "bare"},
      {"name": "limited", "resources": {"limits": {"cpu": 2}}}]}})"));
  return pod;
}

volume::NodeFacts Node() {
  return {"node-1", {"10.0.0.1"}, Json{{"cpu", "4"}, {"memory", "1000Ki"}}};
}

TEST(FieldTest, GivesEachField) {
  PodAddresses addresses{{"10.1.0.5", "fd00::5"}, {"10.0.0.1", "fd00::1"}};
  const std::pair<const char*, const char*> kRows[] = {
      {"metadata.name", "web"},
      {"metadata.namespace", "shop"},
      {"metadata.uid", "u-1"},
      {"metadata.labels['a']", "1"},
      {"metadata.labels['none']", ""},
      {"metadata.labels", "a=\"1\"\nb=\"2\""},
      {"metadata.annotations", "note=\"two\\nlines \\\"and\\\" a \\x01 byte\""},
      {"spec.nodeName", "node-1"},
      {"spec.serviceAccountName", "sa"},
      {"status.hostIP", "10.0.0.1"},
      {"status.hostIPs", "10.0.0.1,fd00::1"},
      {"status.podIP", "10.1.0.5"},
      {"status.podIPs", "10.1.0.5,fd00::5"},
  };
  for (const auto& [path, value] : kRows) {
    SCOPED_TRACE(path);
    auto got = FieldValue(Pod(), path, addresses, Node());
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_EQ(*got, value);
  }
}

TEST(FieldTest, RefusesOtherFields) {
  for (const char* path : {"", "spec.hostname", "metadata.labels['a'",
                           "status.phase", "metadata"}) {
    auto got = FieldValue(Pod(), path, {}, Node());
    EXPECT_EQ(got.status().message(),
              std::string("unsupported fieldPath: ") + path);
  }
}

TEST(FieldTest, GivesResourcesByDivisorRoundedUp) {
  const struct {
    const char *container, *resource, *divisor, *value;
  } kRows[] = {
      {"full", "limits.cpu", "", "2"},
      {"full", "limits.cpu", "0", "2"},
      {"full", "limits.cpu", "1m", "1250"},
      {"full", "requests.cpu", "1", "1"},
      {"full", "limits.memory", "1", "67108864"},
      {"full", "limits.memory", "1Mi", "64"},
      {"full", "requests.memory", "1Gi", "1"},
      {"full", "limits.hugepages-2Mi", "1Mi", "4"},
      {"bare", "limits.cpu", "1", "4"},
      {"bare", "limits.memory", "1", "1024000"},
      {"bare", "requests.cpu", "1", "0"},
      {"limited", "requests.cpu", "1", "2"},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(std::string(row.container) + " " + row.resource);
    Json ref = {{"containerName", row.container}, {"resource", row.resource}};
    if (*row.divisor != 0) ref["divisor"] = row.divisor;
    auto got = ResourceValue(Pod(), Json(), ref, Node());
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_EQ(*got, row.value);
  }
}

TEST(FieldTest, NamesTheResourceOrContainerItDoesNotKnow) {
  EXPECT_EQ(ResourceValue(Pod(), Json(), {{"resource", "limits.foo"}}, Node())
                .status()
                .message(),
            "unsupported container resource : limits.foo");
  EXPECT_EQ(ResourceValue(Pod(), Json(),
                          {{"containerName", "x"}, {"resource", "limits.cpu"}},
                          Node())
                .status()
                .message(),
            "container x not found");
  EXPECT_FALSE(ResourceValue(Pod(), Json(),
                             {{"containerName", "full"},
                              {"resource", "limits.cpu"},
                              {"divisor", "-1"}},
                             Node())
                   .ok());
}

}  // namespace
}  // namespace agent::env
