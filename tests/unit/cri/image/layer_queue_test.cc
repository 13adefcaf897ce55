// SPDX-License-Identifier: Apache-2.0
#include "cri/image/layer_queue.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cri::image {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LayerQueueTest : public ::testing::Test {
 protected:
  LayerQueue::Job Make(const std::string& name, uint64_t size) {
    Descriptor descriptor;
    descriptor.digest = name;
    descriptor.size = size;
    return std::make_shared<LayerJob>(nullptr, descriptor, name);
  }
  // A pull of layers "NAME0", "NAME1", … of `size` bytes each.
  void Pull(uint64_t pull, const std::string& name, int layers, uint64_t size) {
    for (int i = 0; i < layers; ++i) {
      queue_.Add(pull, Make(absl::StrCat(name, i), size));
    }
  }
  // Begins what may begin and returns its names.
  std::vector<std::string> Begin() {
    std::vector<std::string> names;
    while (LayerQueue::Job job = queue_.Next()) {
      names.push_back(job->diff_id());
      running_.push_back(job);
    }
    return names;
  }
  // Ends what has run longest.
  void End() {
    queue_.Done(running_.front());
    running_.erase(running_.begin());
  }

  LayerQueue queue_{{3, 4}};
  std::vector<LayerQueue::Job> running_;
};

TEST_F(LayerQueueTest, AnImageHasItsLimitAndAllHaveTheirs) {
  Pull(1, "a", 9, 10);
  EXPECT_THAT(Begin(), ElementsAre("a0", "a1", "a2"));
  EXPECT_EQ(queue_.Waiting(1), 0) << "it has all that one image may have";
  Pull(2, "b", 9, 10);
  EXPECT_THAT(Begin(), ElementsAre("b0"));
  EXPECT_EQ(queue_.Waiting(1), 0);
  EXPECT_EQ(queue_.Waiting(2), 2) << "as many as its own limit leaves";
  End();
  EXPECT_EQ(queue_.Waiting(2), 0) << "there is a slot";
}

TEST_F(LayerQueueTest, ASmallImageDoesNotWaitBehindTheLayersOfAHugeOne) {
  queue_.SetLimits({3, 1});
  Pull(1, "huge", 5, 1000);
  EXPECT_THAT(Begin(), ElementsAre("huge0"));
  Pull(2, "small", 2, 10);
  Pull(3, "middle", 1, 100);
  EXPECT_THAT(Begin(), IsEmpty()) << "what has begun goes on";
  End();
  EXPECT_THAT(Begin(), ElementsAre("small0"));
  End();
  EXPECT_THAT(Begin(), ElementsAre("small1"));
  End();
  EXPECT_THAT(Begin(), ElementsAre("middle0"));
}

TEST_F(LayerQueueTest, BytesCountAndNotLayers) {
  queue_.SetLimits({3, 1});
  Pull(1, "few", 1, 1000);
  Pull(2, "many", 9, 100);
  EXPECT_THAT(Begin(), ElementsAre("many0"));
}

TEST_F(LayerQueueTest, SmallOnesWithoutEndDoNotStopAHugeOne) {
  queue_.SetLimits({3, 1});
  Pull(1, "huge", 2, 1000);
  EXPECT_THAT(Begin(), ElementsAre("huge0"));
  std::vector<std::string> order;
  for (uint64_t i = 2; i < 10; ++i) {
    Pull(i, absl::StrCat("small", i, "."), 1, 10);
    End();
    for (const std::string& name : Begin()) order.push_back(name);
  }
  EXPECT_THAT(order,
              ElementsAre("small2.0", "small3.0", "small4.0", "huge1",
                          "small5.0", "small6.0", "small7.0", "small8.0"));
}

TEST_F(LayerQueueTest, ASharedLayerGoesWithTheSmallestImageThatWantsIt) {
  queue_.SetLimits({3, 1});
  Pull(1, "a", 1, 500);
  Begin();
  Pull(2, "huge", 2, 1000);
  auto shared = Make("shared", 10);
  queue_.Add(2, shared);
  Pull(3, "middle", 1, 100);
  queue_.Join(4, shared);
  End();
  EXPECT_THAT(Begin(), ElementsAre("shared"));
}

TEST_F(LayerQueueTest, WhatNobodyWantsIsNotBegun) {
  queue_.SetLimits({3, 1});
  Pull(1, "a", 1, 10);
  Begin();
  auto one = Make("one", 10), two = Make("two", 10);
  queue_.Add(2, one);
  queue_.Add(2, two);
  queue_.Join(3, two);
  queue_.Leave(2, one);
  queue_.Leave(2, two);
  EXPECT_EQ(queue_.Waiting(2), 0);
  End();
  EXPECT_THAT(Begin(), ElementsAre("two"));
  queue_.Leave(3, two);
  Pull(4, "b", 1, 10);
  EXPECT_THAT(Begin(), IsEmpty()) << "its slot is free when it has ended";
  End();
  EXPECT_THAT(Begin(), ElementsAre("b0"));
}

TEST_F(LayerQueueTest, LimitsMayChange) {
  Pull(1, "a", 9, 10);
  Begin();
  queue_.SetLimits({5, 5});
  EXPECT_THAT(Begin(), ElementsAre("a3", "a4"));
  queue_.SetLimits({1, 1});
  EXPECT_THAT(Begin(), IsEmpty());
  EXPECT_EQ(queue_.Waiting(1), 0);
  for (int i = 0; i < 4; ++i) End();
  EXPECT_THAT(Begin(), IsEmpty());
  End();
  EXPECT_THAT(Begin(), ElementsAre("a5"));
}

}  // namespace
}  // namespace cri::image
