// SPDX-License-Identifier: Apache-2.0
#include "cri/container/capability.h"

#include <algorithm>

#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace cri::container {
namespace {

using ::testing::HasSubstr;
using ::tests::StatusIs;
using Security = runtime::v1::LinuxContainerSecurityContext;

bool Holds(const std::vector<std::string>& set, const char* name) {
  return std::find(set.begin(), set.end(), name) != set.end();
}

CapabilitySets Resolve(std::vector<std::string> add,
                       std::vector<std::string> drop) {
  Security security;
  for (auto& name : add) {
    security.mutable_capabilities()->add_add_capabilities(name);
  }
  for (auto& name : drop) {
    security.mutable_capabilities()->add_drop_capabilities(name);
  }
  auto sets = ResolveCapabilities(security);
  EXPECT_OK(sets);
  return sets.value_or(CapabilitySets());
}

TEST(CapabilityTest, DefaultsAreTheUsualFourteen) {
  CapabilitySets sets = Resolve({}, {});
  EXPECT_EQ(sets.bounding.size(), 14u);
  EXPECT_TRUE(Holds(sets.bounding, "CAP_CHOWN"));
  EXPECT_FALSE(Holds(sets.bounding, "CAP_SYS_ADMIN"));
}

TEST(CapabilityTest, Cve2022_29162_NothingIsInheritable) {
  EXPECT_TRUE(Resolve({"NET_ADMIN"}, {}).ambient.empty());
}

TEST(CapabilityTest, AddAndDropWithAndWithoutPrefix) {
  CapabilitySets sets = Resolve({"net_admin", "CAP_SYS_TIME"}, {"CHOWN"});
  EXPECT_TRUE(Holds(sets.bounding, "CAP_NET_ADMIN"));
  EXPECT_TRUE(Holds(sets.bounding, "CAP_SYS_TIME"));
  EXPECT_FALSE(Holds(sets.bounding, "CAP_CHOWN"));
}

TEST(CapabilityTest, AllMeansAll) {
  EXPECT_EQ(Resolve({"ALL"}, {}).bounding.size(), 41u);
  EXPECT_TRUE(Resolve({}, {"ALL"}).bounding.empty());
  EXPECT_EQ(Resolve({"NET_RAW"}, {"ALL"}).bounding,
            std::vector<std::string>{"CAP_NET_RAW"});
  EXPECT_EQ(Resolve({"ALL"}, {"NET_RAW"}).bounding.size(), 40u);
}

TEST(CapabilityTest, PrivilegedHasAll) {
  Security security;
  security.set_privileged(true);
  ASSERT_OK_AND_ASSIGN(CapabilitySets sets, ResolveCapabilities(security));
  EXPECT_EQ(sets.bounding.size(), 41u);
}

TEST(CapabilityTest, UnknownNameIsRefused) {
  Security security;
  security.mutable_capabilities()->add_drop_capabilities("CHWON");
  EXPECT_THAT(ResolveCapabilities(security),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("drop: \"CHWON\"")));
}

TEST(CapabilityTest, WhatIsMissingIsNamed) {
  const uint64_t all = (uint64_t{1} << 41) - 1;
  EXPECT_THAT(MissingCapabilities(all), testing::IsEmpty());
  EXPECT_THAT(MissingCapabilities(all & ~(uint64_t{1} << 24 | 1)),
              testing::ElementsAre("CAP_CHOWN", "CAP_SYS_RESOURCE"));
}

}  // namespace
}  // namespace cri::container
