// SPDX-License-Identifier: Apache-2.0
// The store within its budget.
#include <fcntl.h>
#include <sys/stat.h>

#include "absl/time/clock.h"
#include "cri/image/catalog.h"
#include "cri/image/digest.h"
#include "gmock/gmock.h"
#include "tests/unit/cri/image/store_fixture.h"

namespace cri::image {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class StoreBudgetTest : public StoreTest {
 protected:
  // Takes `image` for unused for so long, from the next start on.
  void Age(const ImagePtr& image, absl::Duration age) {
    const std::string config =
        dir_ / ("root/images/blobs/" + FileName(image->id));
    timespec times[2];
    times[0] = times[1] = absl::ToTimespec(absl::Now() - age);
    ASSERT_EQ(utimensat(AT_FDCWD, config.c_str(), times, 0), 0);
  }
  void AwaitImages(size_t count) {
    const absl::Time end = absl::Now() + absl::Seconds(20);
    while (store_->List().size() != count && absl::Now() < end) {
      absl::SleepFor(absl::Milliseconds(5));
    }
    ASSERT_THAT(store_->List(), SizeIs(count));
    // Its turn comes after the removal's.
    store_->Release("nobody");
  }
  ImageUse UseOf(const ImagePtr& image) {
    for (const ImageUse& use : store_->Explain().images) {
      if (use.image->id == image->id) return use;
    }
    ADD_FAILURE() << image->id << " is gone";
    return {};
  }
};

TEST_F(StoreBudgetTest, ByAgeWhatNobodyHoldsGoesAlsoAfterARestart) {
  ImagePtr held = Import("held:1"), old = Import("old:1"),
           young = Import("y:1");
  ASSERT_OK(store_->Hold(held->id, "c1"));
  for (const ImagePtr& image : {held, old}) Age(image, absl::Hours(2));
  Age(young, absl::Minutes(30));
  Reopen();
  store_->SetBudget({0, absl::Hours(1)});
  AwaitImages(2);
  EXPECT_EQ(store_->Find("old:1"), nullptr);
  EXPECT_FALSE(runtime::Exists(old->layer_dirs[1]));
  EXPECT_THAT(Room("index"), SizeIs(2));
}

TEST_F(StoreBudgetTest, BySizeTheLongestUnusedGoes) {
  ImagePtr one = Import("one:1"), two = Import("two:1");
  Age(one, absl::Hours(1));
  Age(two, absl::Hours(2));
  Reopen();
  const uint64_t both = store_->Usage().used_bytes;
  store_->SetBudget({both, absl::ZeroDuration()});
  EXPECT_EQ(store_->Explain().least_bytes, both);
  store_->SetBudget({both - 1, absl::ZeroDuration()});
  AwaitImages(1);
  EXPECT_NE(store_->Find("one:1"), nullptr);
  EXPECT_LT(store_->Usage().used_bytes, both);
}

TEST_F(StoreBudgetTest, WhatIsPinnedStaysUntilItIsNoMore) {
  ImagePtr one = Import("one:1"), two = Import("two:1");
  for (const ImagePtr& each : {one, two}) Age(each, absl::Hours(2));
  Reopen();
  StoreOptions options{dir_ / "root", "", 3};
  options.pinned_images = {"one:1"};
  store_->Configure(options);
  EXPECT_TRUE(store_->Find("one:1")->pinned);
  EXPECT_FALSE(store_->Find("two:1")->pinned);
  store_->SetBudget({1, absl::Hours(1)});
  AwaitImages(1);
  EXPECT_NE(store_->Find("one:1"), nullptr);
  store_->Configure({dir_ / "root", "", 3});
  store_->SetBudget({1, absl::Hours(1)});
  AwaitImages(0);
}

TEST_F(StoreBudgetTest, ANameThatMovesTakesThePinAlong) {
  StoreOptions options{dir_ / "root", "", 3};
  options.pinned_images = {"*"};
  store_->Configure(options);
  ImagePtr loser = Import("app:1");
  EXPECT_TRUE(loser->pinned);
  ImageBuilder other;
  other.AddLayer({File("other", "")});
  other.Write(dir_ / "other", "app:1");
  ASSERT_OK_AND_ASSIGN(const auto winner, store_->Import(dir_ / "other", ""));
  EXPECT_TRUE(winner.front()->pinned);
  EXPECT_FALSE(store_->Find(loser->id)->pinned);
}

TEST_F(StoreBudgetTest, AnImportMakesRoomForItself) {
  ImagePtr one = Import("one:1");
  Age(one, absl::Hours(1));
  Reopen();
  store_->SetBudget({store_->Usage().used_bytes, absl::ZeroDuration()});
  ImagePtr two = Import("two:1");
  AwaitImages(1);
  EXPECT_NE(store_->Find("two:1"), nullptr);
  EXPECT_EQ(store_->Find("one:1"), nullptr);
}

TEST_F(StoreBudgetTest, ExplainTellsWhatCannotGo) {
  ImagePtr image = Import("app:1");
  ASSERT_OK(store_->Hold(image->id, "c1"));
  store_->SetBudget({1, absl::ZeroDuration()});
  StoreUse use = store_->Explain();
  EXPECT_EQ(use.least_bytes, use.bytes);
  EXPECT_EQ(use.bytes, store_->Usage().used_bytes);
  EXPECT_THAT(use.images[0].holders, ElementsAre("c1"));
  EXPECT_EQ(use.images[0].own_bytes, use.bytes);
  ASSERT_OK(store_->Remove("app:1"));
  use = store_->Explain();
  EXPECT_THAT(use.images, IsEmpty());
  EXPECT_THAT(use.removed, ElementsAre(std::pair(std::vector<std::string>{"c1"},
                                                 use.bytes)));
}

TEST_F(StoreBudgetTest, LettingGoIsTheLastUseAlsoAfterARestart) {
  ImagePtr image = Import("app:1"), other = Import("other:1");
  for (const ImagePtr& each : {image, other}) Age(each, absl::Hours(2));
  Reopen();
  const absl::Time before = absl::Now() - absl::Seconds(1);
  EXPECT_LT(UseOf(image).used, before);
  ASSERT_OK(store_->Hold(image->id, "c1"));
  store_->Release("c1");
  EXPECT_GE(UseOf(image).used, before);
  Reopen();
  EXPECT_GE(UseOf(image).used, before);
  EXPECT_LT(UseOf(other).used, before);
}

TEST_F(StoreBudgetTest, LosingATagIsNoUse) {
  ImagePtr loser = Import("app:1");
  Age(loser, absl::Hours(2));
  Reopen();
  ImageBuilder other;
  other.AddLayer({File("other", "")});
  other.Write(dir_ / "other", "app:1");
  ASSERT_OK(store_->Import(dir_ / "other", ""));
  EXPECT_THAT(store_->Find(loser->id)->repo_tags, IsEmpty());
  Reopen();
  EXPECT_LT(UseOf(loser).used, absl::Now() - absl::Hours(1));
}

TEST_F(StoreBudgetTest, ATimeAheadOfTheClockIsNow) {
  ImagePtr image = Import("app:1");
  Age(image, -absl::Hours(100));
  Reopen();
  EXPECT_LE(UseOf(image).used, absl::Now());
}

TEST(CatalogRetireTest, WhatWasUsedExpectedOrHeldMeanwhileStays) {
  const absl::Time then = absl::FromUnixSeconds(1000);
  const absl::Time later = then + absl::Seconds(1);
  Catalog catalog;
  const ImageRecord record{"sha256:a", {{"a:1", 1}}, {}, {"sha256:l"}};
  catalog.PutLayer({"sha256:l", 5, 1, {}});
  catalog.Put(record, std::make_shared<Image>(), then);
  catalog.PutHold({"c1", {"sha256:l"}, {"sha256:a"}});
  EXPECT_FALSE(catalog.Retire("sha256:a", later).has_value());
  EXPECT_THAT(*catalog.EraseHold("c1"), ElementsAre("sha256:a"));
  EXPECT_TRUE(catalog.Expect("sha256:a", later));
  EXPECT_FALSE(catalog.Retire("sha256:a", then).has_value());
  EXPECT_TRUE(catalog.Use("sha256:a", later + absl::Seconds(1)));
  EXPECT_FALSE(catalog.Retire("sha256:a", later).has_value());
  // Whoever used it once more is told of it only if it stays.
  EXPECT_TRUE(catalog.Retire("sha256:a", later + absl::Seconds(1)).has_value());
  EXPECT_FALSE(catalog.Use("sha256:a", absl::Now()));
  EXPECT_FALSE(catalog.Expect("sha256:a", absl::Now()));
  EXPECT_FALSE(catalog.Retire("sha256:a", absl::Now()).has_value());
  EXPECT_EQ(catalog.OwnerOf("a:1"), "");
}

}  // namespace
}  // namespace cri::image
