// SPDX-License-Identifier: Apache-2.0
#include "cri/sandbox/registry.h"

#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace cri::sandbox {
namespace {

using ::tests::StatusIs;

struct Item {
  std::string id;
  std::string color;
};

std::vector<std::string> ColorOf(const Item& item) { return {item.color}; }

TEST(RegistryTest, FindsByUniquePrefixOnly) {
  Registry<Item> registry("thing", &ColorOf);
  for (const char* id : {"abc1", "abc2", "b", "bb"}) {
    registry.Add(std::make_shared<Item>(Item{id}));
  }
  EXPECT_EQ((*registry.Find("abc1"))->id, "abc1");
  EXPECT_THAT(registry.Find("abc"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "thing id prefix \"abc\" fits more than one"));
  // A whole ID wins over longer ones that it begins.
  EXPECT_EQ((*registry.Find("b"))->id, "b");
  EXPECT_EQ((*registry.Find("bb"))->id, "bb");
  EXPECT_THAT(registry.Find("x"),
              StatusIs(absl::StatusCode::kNotFound, "no thing with id \"x\""));
  EXPECT_THAT(registry.Find(""), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(registry.Find("bbb"), StatusIs(absl::StatusCode::kNotFound));
}

TEST(RegistryTest, RemovedIsNotFound) {
  Registry<Item> registry("thing", &ColorOf);
  registry.Add(std::make_shared<Item>(Item{"abc"}));
  registry.Remove("abc");
  EXPECT_THAT(registry.Find("a"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_TRUE(registry.List().empty());
}

TEST(RegistryTest, ListsAGroup) {
  Registry<Item> registry("thing", &ColorOf);
  registry.Add(std::make_shared<Item>(Item{"c", "red"}));
  registry.Add(std::make_shared<Item>(Item{"b", "blue"}));
  registry.Add(std::make_shared<Item>(Item{"a", "red"}));
  const auto ids = [&](const std::string& color) {
    std::string all;
    for (const auto& item : registry.ListGroup(color)) all += item->id;
    return all;
  };
  EXPECT_EQ(ids("red"), "ca");
  EXPECT_EQ(ids("green"), "");
  registry.Remove("c");
  registry.Remove("c");
  EXPECT_EQ(ids("red"), "a");
  registry.Remove("a");
  EXPECT_EQ(ids("red"), "");
  EXPECT_EQ(ids("blue"), "b");
}

TEST(RegistryTest, ListsByPrefix) {
  Registry<Item> registry("thing", &ColorOf);
  for (const char* id : {"bc", "ab", "b", "c"}) {
    registry.Add(std::make_shared<Item>(Item{id}));
  }
  const auto ids = [&](const std::string& prefix) {
    std::string all;
    for (const auto& item : registry.List(prefix)) all += item->id + " ";
    return all;
  };
  EXPECT_EQ(ids(""), "ab b bc c ");
  EXPECT_EQ(ids("b"), "b bc ");
  EXPECT_EQ(ids("bcd"), "");
  EXPECT_EQ(ids("d"), "");
}

std::vector<std::string> ColorAndHex(const Item& item) {
  return {item.color, item.color == "red" ? "f00" : item.color};
}

TEST(RegistryTest, OneMayBeInSeveralGroups) {
  Registry<Item> registry("thing", &ColorAndHex);
  registry.Add(std::make_shared<Item>(Item{"a", "red"}));
  registry.Add(std::make_shared<Item>(Item{"b", "both"}));
  EXPECT_EQ(registry.ListGroup("red").size(), 1u);
  EXPECT_EQ(registry.ListGroup("f00").size(), 1u);
  const auto is_a = [](const Item& item) { return item.id == "a"; };
  EXPECT_TRUE(registry.AnyOfGroup("f00", is_a));
  EXPECT_FALSE(registry.AnyOfGroup("both", is_a));
  EXPECT_FALSE(registry.AnyOfGroup("none", is_a));
  registry.Remove("a");
  registry.Remove("b");  // whose two groups have one name
  EXPECT_FALSE(registry.AnyOfGroup("f00", is_a));
  EXPECT_TRUE(registry.ListGroup("both").empty());
}

}  // namespace
}  // namespace cri::sandbox
