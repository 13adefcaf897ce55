// SPDX-License-Identifier: Apache-2.0
#include "cri/image/budget.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cri::image {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const absl::Time kNow = absl::FromUnixSeconds(2'000'000'000);

class BudgetTest : public ::testing::Test {
 protected:
  // An image of layers of 100 bytes each, last used so long ago.
  Stock::Item& Add(const std::string& id, std::vector<std::string> layers,
                   absl::Duration unused,
                   std::vector<std::string> holders = {}) {
    auto image = std::make_shared<Image>();
    image->id = id;
    Stock::Item item;
    item.image = std::move(image);
    item.record.id = id;
    item.record.layers = layers;
    item.used = kNow - unused;
    item.expected = absl::InfinitePast();
    item.holders = holders;
    for (const std::string& layer : layers) {
      stock_.layers[layer].bytes = 100;
      for (const auto& h : holders) stock_.layers[layer].holders.push_back(h);
    }
    stock_.items.push_back(std::move(item));
    return stock_.items.back();
  }
  BudgetPlan Plan(uint64_t max_bytes,
                  absl::Duration max_unused = absl::ZeroDuration()) {
    return PlanRemovals(stock_, Budget{max_bytes, max_unused}, kNow);
  }
  static std::vector<std::string> Ids(const BudgetPlan& plan) {
    std::vector<std::string> ids;
    for (const Removal& removal : plan.removals) ids.push_back(removal.id);
    return ids;
  }

  Stock stock_;
};

TEST_F(BudgetTest, WithoutOneNothingGoes) {
  Add("a", {"1"}, absl::Hours(10000));
  const BudgetPlan plan = Plan(0);
  EXPECT_THAT(plan.removals, IsEmpty());
  EXPECT_EQ(plan.next, absl::InfiniteFuture());
}

TEST_F(BudgetTest, ForTheSizeTheLongestUnusedGoesUntilItFits) {
  Add("new", {"1"}, absl::Hours(1));
  Add("old", {"2"}, absl::Hours(3));
  Add("middle", {"3"}, absl::Hours(2));
  const BudgetPlan plan = Plan(100);
  EXPECT_THAT(Ids(plan), ElementsAre("old", "middle"));
  EXPECT_EQ(plan.bytes_left, 100u);
  EXPECT_EQ(plan.removals[0].why,
            "images take 300 B, image_max_bytes is 100 B; unused for 3h");
  EXPECT_EQ(plan.removals[1].quiet_since, kNow - absl::Hours(2));
  EXPECT_EQ(plan.next, absl::InfiniteFuture());
  EXPECT_THAT(Plan(300).removals, IsEmpty());
}

TEST_F(BudgetTest, WhatIsHeldPinnedOrHasJustComeStays) {
  Add("held", {"1"}, absl::Hours(9), {"c1"});
  auto pinned = std::make_shared<Image>();
  pinned->pinned = true;
  Add("pinned", {"2"}, absl::Hours(9)).image = pinned;
  Add("fresh", {"3"}, absl::Seconds(119));
  const BudgetPlan plan = Plan(1, absl::Hours(1));
  EXPECT_THAT(plan.removals, IsEmpty());
  EXPECT_EQ(plan.bytes_left, 300u);
  EXPECT_EQ(plan.next, kNow + absl::Seconds(1));
}

TEST_F(BudgetTest, OneThatIsAskedForStaysAWhileButIsNotUsed) {
  Add("asked", {"1"}, absl::Hours(3)).expected = kNow - absl::Seconds(30);
  Add("other", {"2"}, absl::Hours(2));
  EXPECT_THAT(Ids(Plan(1)), ElementsAre("other"));
  EXPECT_EQ(Plan(1).next, kNow + absl::Seconds(90));
  stock_.items[0].expected = kNow - absl::Minutes(3);
  EXPECT_THAT(Ids(Plan(1)), ElementsAre("asked", "other"));
}

TEST_F(BudgetTest, ForTheSizeNothingGoesThatFreesNothing) {
  Add("base", {"1"}, absl::Hours(9));
  Add("on-it", {"1", "2"}, absl::Hours(1), {"c1"});
  Add("with-a-fresh-one", {"3"}, absl::Hours(9));
  Add("fresh", {"3", "4"}, absl::Seconds(1));
  const BudgetPlan plan = Plan(1);
  EXPECT_THAT(plan.removals, IsEmpty());
  EXPECT_EQ(plan.bytes_left, 400u);
}

TEST_F(BudgetTest, ImagesThatShareFreeItTogether) {
  Add("one", {"1", "1"}, absl::Hours(2));
  Add("two", {"1"}, absl::Hours(1));
  Add("last", {"2"}, absl::Minutes(30));
  const BudgetPlan plan = Plan(100);
  EXPECT_THAT(Ids(plan), ElementsAre("one", "two"));
  EXPECT_EQ(plan.bytes_left, 100u);
}

TEST_F(BudgetTest, LayersOfImagesThatAreGoneCountAsLongAsTheyAreHeld) {
  stock_.layers["gone"] = {500, false, {"c1"}};
  stock_.layers["pulled"] = {50, true, {}};
  Add("a", {"1"}, absl::Hours(1));
  EXPECT_THAT(Ids(Plan(600)), ElementsAre("a"));
  EXPECT_EQ(Plan(600).bytes_left, 550u);
}

TEST_F(BudgetTest, ForTheAgeAllGoesThatIsOlder) {
  Add("old", {"1"}, absl::Hours(9));
  Add("base-of-held", {"2"}, absl::Hours(8));
  Add("held", {"2", "3"}, absl::Hours(9), {"c1"});
  Add("new", {"4"}, absl::Hours(2));
  const BudgetPlan plan = Plan(0, absl::Hours(8));
  EXPECT_THAT(Ids(plan), ElementsAre("old", "base-of-held"));
  EXPECT_THAT(plan.removals[0].why,
              HasSubstr("unused for 9h, image_max_unused is 8h"));
  EXPECT_EQ(plan.bytes_left, 300u);
  EXPECT_EQ(plan.next, kNow + absl::Hours(6));
}

TEST_F(BudgetTest, AnAgeBelowTheLeastIsTheLeast) {
  Add("a", {"1"}, absl::Minutes(1));
  const BudgetPlan plan = Plan(0, absl::Seconds(1));
  EXPECT_THAT(plan.removals, IsEmpty());
  EXPECT_EQ(plan.next, kNow + absl::Minutes(1));
}

TEST_F(BudgetTest, ExplainTellsOwnBytesAndWhoHoldsWhatHasNoImage) {
  Add("a", {"1", "2"}, absl::Hours(1), {"c1"});
  Add("b", {"2", "3", "3"}, absl::Hours(2));
  stock_.layers["4"] = {7, false, {"c2", "c3"}};
  const StoreUse use = ExplainStock(stock_);
  EXPECT_EQ(use.bytes, 307u);
  EXPECT_EQ(use.images[0].own_bytes, 100u);
  EXPECT_THAT(use.images[0].holders, ElementsAre("c1"));
  EXPECT_EQ(use.images[1].own_bytes, 100u);
  EXPECT_EQ(use.images[1].used, kNow - absl::Hours(2));
  EXPECT_THAT(use.removed,
              ElementsAre(std::pair(std::vector<std::string>{"c2", "c3"}, 7u)));
}

TEST(IsHeldTest, ByImageAndByLayersInRecordsOfOlderVersions) {
  const ImageRecord base{"base", {}, {}, {"1"}}, app{"app", {}, {}, {"1", "2"}};
  const HoldRecord named{"c", {"1", "2"}, {"app"}}, old{"c", {"1"}, {}};
  EXPECT_TRUE(IsHeld(app, named));
  EXPECT_FALSE(IsHeld(base, named));
  EXPECT_TRUE(IsHeld(base, old));
  EXPECT_FALSE(IsHeld(app, old));
}

}  // namespace
}  // namespace cri::image
