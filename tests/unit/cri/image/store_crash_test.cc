// SPDX-License-Identifier: Apache-2.0
// What the store makes of a directory that a killed process left.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cri/image/digest.h"
#include "gmock/gmock.h"
#include "tests/unit/cri/image/store_fixture.h"

namespace cri::image {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class StoreCrashTest : public StoreTest {};

TEST_F(StoreCrashTest, HalfMadeThingsAreSweptAtOpen) {
  ImagePtr image = Import("app:1");
  const std::string images = dir_ / "root/images/";
  store_.reset();
  ASSERT_OK(runtime::MakeDirs(images + "tmp/7/fs/etc"));
  ASSERT_OK(runtime::MakeDirs(images + "trash/8/fs"));
  ASSERT_OK(runtime::MakeDirs(images + "layers/0123456789abcdef/fs"));
  ASSERT_OK(runtime::WriteFileAtomic(images + "index/.x.tmp", "half"));
  ASSERT_OK(runtime::WriteFileAtomic(images + "holds/.y.tmp", "half"));
  ASSERT_OK(runtime::WriteFileAtomic(
      images + "blobs/sha256-" + std::string(64, '0'), "orphan"));
  Reopen();
  EXPECT_THAT(store_->List(), SizeIs(1));
  store_.reset();  // the trash is emptied in the background
  EXPECT_THAT(Room("tmp"), IsEmpty());
  EXPECT_THAT(Room("trash"), IsEmpty());
  EXPECT_THAT(Room("layers"), SizeIs(2));
  EXPECT_THAT(Room("index"), SizeIs(1));
  EXPECT_THAT(Room("holds"), IsEmpty());
  EXPECT_THAT(Room("blobs"), SizeIs(1));
}

TEST_F(StoreCrashTest, UnreadableRecordsAreSetAsideAndTheRestLives) {
  ImagePtr bad = Import("bad:1"), good = Import("good:1");
  ASSERT_OK(store_->Hold(good->id, "c1"));
  store_.reset();
  const std::string record =
      dir_ / absl::StrCat("root/images/index/", FileName(bad->id));
  ASSERT_OK_AND_ASSIGN(std::string text, runtime::ReadFile(record));
  text[text.size() / 2] ^= 1;
  ASSERT_OK(runtime::WriteFileAtomic(record, text));
  ASSERT_OK(runtime::WriteFileAtomic(dir_ / "root/images/holds/c1", "?"));
  Reopen();
  EXPECT_THAT(store_->List(), SizeIs(1));
  EXPECT_NE(store_->Find("good:1"), nullptr);
  EXPECT_THAT(Room("aside"), SizeIs(2));
  // Pulling again makes it whole.
  ASSERT_NE(Import("bad:1"), nullptr);
  EXPECT_EQ(store_->Find("bad:1")->id, bad->id);
}

TEST_F(StoreCrashTest, AnImageWithAMissingLayerIsSetAside) {
  ImagePtr bad = Import("bad:1");
  store_.reset();
  const std::string home =
      bad->layer_dirs[1].substr(0, bad->layer_dirs[1].rfind('/'));
  ASSERT_OK(runtime::RemoveTree(home));
  Reopen();
  EXPECT_EQ(store_->Find("bad:1"), nullptr);
  EXPECT_THAT(Room("layers"), IsEmpty());
  EXPECT_THAT(Room("aside"), SizeIs(1));
}

// A child imports and removes until it is killed.
[[noreturn]] void Churn(const std::string& root,
                        const std::vector<std::string>& layouts) {
  auto store = OpenImageStore({root, "", 2});
  if (!store.ok()) _exit(1);
  while (true) {
    for (const std::string& layout : layouts) {
      auto images = (*store)->Import(layout, "");
      if (!images.ok()) _exit(2);
      if (!(*store)->Hold(images->front()->id, "holder").ok()) _exit(3);
    }
    for (const ImagePtr& image : (*store)->List()) {
      if (!(*store)->Remove(image->id).ok()) _exit(4);
    }
    (*store)->Release("holder");
  }
}

TEST_F(StoreCrashTest, AKillAtAnyMomentLeavesNothingWrong) {
  store_.reset();
  std::vector<std::string> layouts;
  for (const char* name : {"one", "two"}) {
    ImageBuilder builder;
    builder.AddLayer({File("base", std::string(5000, 'b'))});
    builder.AddLayer({File("own", name)});
    layouts.push_back(dir_ / name);
    // Both have the tag, so that it moves to and fro.
    builder.Write(layouts.back(), "moving:1");
  }
  for (int i = 0; i < 25; ++i) {
    pid_t child = fork();
    if (child == 0) Churn(dir_ / "root", layouts);
    absl::SleepFor(absl::Milliseconds(3 + i * 17 % 400));
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "child failed: " << status;
    Reopen();
    EXPECT_THAT(Room("tmp"), IsEmpty());
    EXPECT_THAT(Room("aside"), IsEmpty());
    int owners = 0;
    for (const ImagePtr& image : store_->List()) {
      owners += static_cast<int>(image->repo_tags.size());
      ASSERT_OK_AND_ASSIGN(auto own, store_->ReadFile(*image, "own", 100));
      EXPECT_THAT(own.value_or(""), testing::AnyOf("one", "two"));
      ASSERT_OK_AND_ASSIGN(auto base, store_->ReadFile(*image, "base", 9999));
      EXPECT_EQ(base.value_or(""), std::string(5000, 'b'));
    }
    EXPECT_LE(owners, 1);
    store_.reset();
  }
}

}  // namespace
}  // namespace cri::image
