// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "agent/status/writer.h"

namespace agent::status {
namespace {

TEST(PatchTest, NothingToSay) {
  Json status = {{"phase", "Running"}};
  EXPECT_TRUE(MakePatch("u", status, status).is_null());
}

TEST(PatchTest, CarriesTheUidSoThatANamesakeIsSafe) {
  Json patch = MakePatch("u", Json::object(), {{"phase", "Running"}});
  EXPECT_EQ(patch["metadata"]["uid"], "u");
  EXPECT_EQ(patch["status"]["phase"], "Running");
}

TEST(PatchTest, ChangedPodIpDeletesTheOldOne) {
  Json before = {{"podIPs", Json::array({{{"ip", "10.0.0.1"}}})}};
  Json after = {{"podIPs", Json::array({{{"ip", "10.0.0.2"}}})}};
  Json want = Json::array(
      {{{"ip", "10.0.0.2"}}, {{"ip", "10.0.0.1"}, {"$patch", "delete"}}});
  EXPECT_EQ(MakePatch("u", before, after)["status"]["podIPs"], want);
}

TEST(PatchTest, OnlyChangedConditionsAndNeverForeignOnes) {
  Json ready = {{"type", "Ready"}, {"status", "False"}, {"reason", "x"}};
  Json foreign = {{"type", "lb"}, {"status", "True"}};
  Json now = {{"type", "Ready"}, {"status", "True"}};
  Json patch = MakePatch("u", {{"conditions", {ready, foreign}}},
                         {{"conditions", Json::array({now})}});
  ASSERT_EQ(patch["status"]["conditions"].size(), 1u);
  EXPECT_EQ(patch["status"]["conditions"][0]["status"], "True");
  // A key that is gone is deleted by name.
  EXPECT_TRUE(patch["status"]["conditions"][0]["reason"].is_null());
}

TEST(PatchTest, RemovedFieldsBecomeNull) {
  Json patch =
      MakePatch("u", {{"reason", "x"}, {"phase", "a"}}, {{"phase", "a"}});
  EXPECT_TRUE(patch["status"].contains("reason"));
  EXPECT_TRUE(patch["status"]["reason"].is_null());
}

TEST(PatchTest, ContainerListsAreWhole) {
  Json before = {{"containerStatuses", {{{"name", "a"}}, {{"name", "b"}}}}};
  Json after = {{"containerStatuses",
                 {{{"name", "a"}}, {{"name", "b"}, {"ready", true}}}}};
  EXPECT_EQ(MakePatch("u", before, after)["status"]["containerStatuses"],
            after["containerStatuses"]);
}

}  // namespace
}  // namespace agent::status
