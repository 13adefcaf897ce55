// SPDX-License-Identifier: Apache-2.0
// Layer jobs with a source that waits until the test lets it go on.
#include "cri/image/layers.h"

#include <unistd.h>

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "cri/image/digest.h"
#include "cri/image/io_priority.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/cri/image/image_builder.h"

namespace cri::image {
namespace {

using ::testing::UnorderedElementsAre;

class StopSource : public Source {
 public:
  absl::StatusOr<std::string> FetchManifest(const Descriptor&, const Control&,
                                            std::string*) override {
    return absl::UnimplementedError("no manifests");
  }
  absl::Status FetchBlob(const Descriptor& descriptor, const Control& control,
                         const Sink& sink) override {
    {
      absl::MutexLock lock(&mutex_);
      asked_.push_back(descriptor.digest);
      while (!open_ && control.Check().ok()) {
        mutex_.AwaitWithTimeout(absl::Condition(&open_),
                                absl::Milliseconds(10));
      }
    }
    RETURN_IF_ERROR(control.Check());
    return sink(blobs_.at(descriptor.digest));
  }
  WantedLayer AddLayer(const std::string& content) {
    const std::string tar = MakeTar({File("a", content)});
    WantedLayer layer;
    layer.diff_id = layer.descriptor.digest = Sha256(tar);
    layer.descriptor.size = tar.size();
    blobs_[layer.diff_id] = tar;
    return layer;
  }
  // What has been asked for, once that are `count`.
  std::vector<std::string> Asked(size_t count) {
    absl::MutexLock lock(&mutex_);
    const auto there = [this, count]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return asked_.size() >= count;
    };
    mutex_.AwaitWithTimeout(absl::Condition(&there), absl::Seconds(30));
    return asked_;
  }
  void Open() {
    absl::MutexLock lock(&mutex_);
    open_ = true;
  }

 private:
  absl::Mutex mutex_;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::string> asked_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> blobs_;
};

// Threads of this process with a low priority of their disk use.
int LowThreads() {
  auto threads = runtime::ListDir("/proc/self/task");
  EXPECT_OK(threads);
  int low = 0;
  for (const std::string& thread : *threads) {
    int id = 0;
    EXPECT_TRUE(absl::SimpleAtoi(thread, &id));
    if (LowIoPriority::Of(id) == LowIoPriority::kLow) ++low;
  }
  return low;
}

class LayersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (getuid() != 0) GTEST_SKIP() << "needs root: layers carry owners";
    ASSERT_OK_AND_ASSIGN(disk_, Disk::Open(dir_.path()));
  }
  // Makes a fetcher, which must go after the executor.
  void Use(LayerLimits limits) {
    executor_ = std::make_unique<runtime::Executor>("layers", 16);
    fetcher_ =
        std::make_unique<LayerFetcher>(disk_.get(), executor_.get(), limits);
  }
  void TearDown() override {
    source_->Open();
    executor_.reset();
  }

  tests::TempDir dir_;
  std::unique_ptr<Disk> disk_;
  std::shared_ptr<StopSource> source_ = std::make_shared<StopSource>();
  std::unique_ptr<LayerFetcher> fetcher_;
  std::unique_ptr<runtime::Executor> executor_;
};

TEST_F(LayersTest, WhoFetchesUsesTheDiskLessAndOnlyMeanwhile) {
  Use({3, 8});
  ASSERT_EQ(LowThreads(), 0);
  auto tickets =
      fetcher_->Start(fetcher_->NewPull(), source_,
                      {source_->AddLayer("one"), source_->AddLayer("two")});
  source_->Asked(2);
  // Who unpacks may be on its way to it.
  for (int i = 0; i < 3000 && LowThreads() < 4; ++i) usleep(10000);
  EXPECT_EQ(LowThreads(), 4) << "two that download, two that unpack";
  source_->Open();
  for (LayerTicket& ticket : tickets) {
    ASSERT_TRUE(ticket->WaitFor(absl::Seconds(30)));
    EXPECT_OK(ticket->status());
  }
  // Not so long that idle threads end, which would be no proof.
  for (int i = 0; i < 500 && LowThreads() > 0; ++i) usleep(10000);
  EXPECT_EQ(LowThreads(), 0) << "the executor's threads do other things, too";
}

TEST_F(LayersTest, AWaitingLayerIsToldAndBegunWhenTheLimitGrows) {
  Use({3, 1});
  const WantedLayer one = source_->AddLayer("one"),
                    two = source_->AddLayer("two");
  const uint64_t first = fetcher_->NewPull(), second = fetcher_->NewPull();
  auto running = fetcher_->Start(first, source_, {one});
  source_->Asked(1);
  auto waiting = fetcher_->Start(second, source_, {two});
  EXPECT_EQ(fetcher_->Waiting(first), 0);
  EXPECT_EQ(fetcher_->Waiting(second), 1);
  fetcher_->SetLimits({3, 2});
  EXPECT_EQ(fetcher_->Waiting(second), 0);
  EXPECT_THAT(source_->Asked(2),
              UnorderedElementsAre(one.diff_id, two.diff_id));
}

TEST_F(LayersTest, AGivenUpLayerMakesRoomForTheNext) {
  Use({3, 1});
  const WantedLayer one = source_->AddLayer("one"),
                    two = source_->AddLayer("two"),
                    three = source_->AddLayer("three");
  auto running = std::make_unique<std::vector<LayerTicket>>(
      fetcher_->Start(fetcher_->NewPull(), source_, {one}));
  source_->Asked(1);
  auto waiting = std::make_unique<std::vector<LayerTicket>>(
      fetcher_->Start(fetcher_->NewPull(), source_, {two}));
  auto last = fetcher_->Start(fetcher_->NewPull(), source_, {three});
  waiting.reset();
  running.reset();
  EXPECT_EQ(source_->Asked(2).back(), three.diff_id) << "two is not wanted";
  source_->Open();
  ASSERT_TRUE(last.front()->WaitFor(absl::Seconds(30)));
  EXPECT_OK(last.front()->status());
}

TEST(LowIoPriorityTest, NestsAndRestores) {
  const int before = LowIoPriority::Of(0);
  ASSERT_NE(before, LowIoPriority::kLow);
  {
    const LowIoPriority outer;
    EXPECT_EQ(LowIoPriority::Of(0), LowIoPriority::kLow);
    { const LowIoPriority inner; }
    EXPECT_EQ(LowIoPriority::Of(0), LowIoPriority::kLow);
  }
  EXPECT_EQ(LowIoPriority::Of(0), before);
}

}  // namespace
}  // namespace cri::image
