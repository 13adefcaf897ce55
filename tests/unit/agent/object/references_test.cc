// SPDX-License-Identifier: Apache-2.0
#include "agent/object/references.h"

#include <gtest/gtest.h>

namespace agent::object {
namespace {

TEST(ReferencesTest, FindsEveryPlaceThatNamesAnObject) {
  Json pod = Json::parse(R"({"metadata":{"namespace":"shop"},"spec":{
    "imagePullSecrets":[{"name":"pull"}],
    "containers":[{"env":[
        {"valueFrom":{"configMapKeyRef":{"name":"c1"}}},
        {"valueFrom":{"secretKeyRef":{"name":"s1"}}},{"value":"x"}],
      "envFrom":[{"configMapRef":{"name":"c2"}},{"secretRef":{"name":"s2"}}]}],
    "initContainers":[{"envFrom":[{"secretRef":{"name":"s3"}}]}],
    "volumes":[{"configMap":{"name":"c3"}},{"secret":{"secretName":"s4"}},
      {"projected":{"sources":[{"configMap":{"name":"c4"}},
         {"secret":{"name":"s5"}},
         {"serviceAccountToken":{"audience":"a","expirationSeconds":3607}},
         {"serviceAccountToken":{}}]}},
      {"emptyDir":{}}]}})");
  std::string all;
  for (const Key& key : ReferencesOf(pod)) {
    EXPECT_EQ(key.ns, "shop");
    all += (key.kind == Kind::kSecret ? "secret:" : "map:") + key.name + " ";
  }
  EXPECT_EQ(all,
            "map:c1 map:c2 map:c3 map:c4 secret:pull secret:s1 secret:s2 "
            "secret:s3 secret:s4 secret:s5 ");
  auto tokens = TokensOf(pod);
  ASSERT_EQ(tokens.size(), 2u);
  EXPECT_EQ(tokens[0].audiences, std::vector<std::string>{"a"});
  EXPECT_EQ(tokens[0].expiration_seconds, 3607);
  EXPECT_EQ(tokens[1].expiration_seconds, 3600);
  EXPECT_TRUE(ReferencesOf(Json("odd")).empty());
}

TEST(ReferencesTest, NamesCannotLeadElsewhere) {
  for (const char* name : {"a", "kube-root-ca.crt", "a.b-c", "system:x"}) {
    EXPECT_TRUE(IsObjectName(name)) << name;
  }
  for (const char* name :
       {"", "..", "a/b", "../x", "a?b", "A", "a%2f", "a b"}) {
    EXPECT_FALSE(IsObjectName(name)) << name;
  }
}

}  // namespace
}  // namespace agent::object
