// SPDX-License-Identifier: Apache-2.0
#include "agent/command/image_usage.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/json.h"

namespace agent::command {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

ImageUsage Example(int64_t max_bytes = 0) {
  const auto json = runtime::Json::parse(R"({
    "bytes": 7340032,
    "images": [
      {"id": "sha256:0123456789abcdef", "name": "app:1", "bytes": 3145728,
       "own_bytes": 1048576, "holders": ["default/web/app"]},
      {"id": "sha256:a", "name": "idle:1", "bytes": 4194304,
       "own_bytes": 2097152, "holders": [], "unused_seconds": 93600},
      {"id": "sha256:b", "name": "many:1", "bytes": 1024, "own_bytes": 0,
       "pinned": true, "holders": ["a/b/1", "a/b/2", "a/b/3", "a/b/4", "5"]}],
    "removed": [{"holders": ["default/old/c"], "bytes": 1048576}],
    "budget": {"max_bytes": 0, "max_unused_seconds": 604800,
               "least_bytes": 5242880}})");
  ImageUsage usage = ImageUsageOf(json);
  usage.max_bytes = max_bytes;
  usage.written = {{"default/web/app", 2048}, {"default/web/side", {}}};
  usage.temporary = 4096;
  usage.directory = "/r/images";
  usage.disk_bytes = uint64_t{40} << 30;
  usage.disk_used = uint64_t{30} << 30;
  usage.disk_free = uint64_t{8} << 30;
  return usage;
}

TEST(ImageUsageTest, TablesAreAligned) {
  EXPECT_EQ(
      FormatImageUsage(Example()),
      "IMAGE                  ID             SIZE      OWN       UNUSED   USED "
      "BY\n"
      "idle:1                 a              4.0 MiB   2.0 MiB   26h      -\n"
      "app:1                  0123456789ab   3.0 MiB   1.0 MiB   -        "
      "default/web/app\n"
      "many:1                 b              1.0 KiB   0 B       -        "
      "pinned, a/b/1, a/b/2, a/b/3 and 2 more\n"
      "(of a removed image)   -              1.0 MiB   1.0 MiB   -        "
      "default/old/c\n"
      "\n"
      "CONTAINER          WRITTEN\n"
      "default/web/app    2.0 KiB\n"
      "default/web/side   not known yet\n"
      "\n"
      "Images                        7.0 MiB    what they share counts once\n"
      "Written by containers         2.0 KiB    1 not known yet\n"
      "Pulls and imports under way   4.0 KiB\n"
      "Being removed                 0 B\n"
      "Sum                           7.0 MiB\n"
      "File system                   40.0 GiB   30.0 GiB used, 8.0 GiB free, "
      "of /r/images\n"
      "\n"
      "Budget: image_max_unused 168h\n");
}

TEST(ImageUsageTest, SaysWhatIsInTheWayOfTheBudget) {
  EXPECT_EQ(BudgetProblem(Example()), "");
  EXPECT_EQ(BudgetProblem(Example(5 << 20)), "");
  const ImageUsage over = Example((5 << 20) - 1);
  EXPECT_EQ(
      BudgetProblem(over),
      "images take 7.0 MiB, of which 5.0 MiB are in use, pinned or have "
      "just come; image_max_bytes is 5.0 MiB; the largest in use: app:1 (3.0 "
      "MiB, default/web/app), many:1 (1.0 KiB, pinned, a/b/1, a/b/2, "
      "a/b/3 and 2 more)");
  EXPECT_THAT(FormatImageUsage(over), HasSubstr("168h\n  images take 7.0 MiB"));
  EXPECT_EQ(ImageUsageJson(over)["budget"]["problem"], BudgetProblem(over));
}

TEST(ImageUsageTest, AnEmptyStoreHasASum) {
  const std::string text = FormatImageUsage(ImageUsageOf({}));
  EXPECT_THAT(text, HasSubstr("No images.\n\nImages  "));
  EXPECT_THAT(text, HasSubstr("Budget: none"));
  EXPECT_THAT(text, Not(HasSubstr("CONTAINER")));
}

TEST(ImageUsageTest, JsonHasTheNumbers) {
  const runtime::Json json = ImageUsageJson(Example());
  EXPECT_EQ(json["images"][0]["name"], "idle:1");
  EXPECT_EQ(json["images"][0]["unusedSeconds"], 93600);
  EXPECT_EQ(json["images"][1]["ownBytes"], 1 << 20);
  EXPECT_THAT(json["images"][1]["usedBy"], ElementsAre("default/web/app"));
  EXPECT_FALSE(json["images"][1].contains("unusedSeconds"));
  EXPECT_EQ(json["removedImages"][0]["bytes"], 1 << 20);
  EXPECT_EQ(json["containers"][0]["bytes"], 2048);
  EXPECT_FALSE(json["containers"][1].contains("bytes"));
  EXPECT_EQ(json["writtenBytes"], 2048);
  EXPECT_EQ(json["budget"]["problem"], "");
  EXPECT_EQ(json["fileSystem"]["freeBytes"], uint64_t{8} << 30);
}

}  // namespace
}  // namespace agent::command
