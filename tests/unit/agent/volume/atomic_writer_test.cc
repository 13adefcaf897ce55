// SPDX-License-Identifier: Apache-2.0
#include "agent/volume/atomic_writer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"

namespace agent::volume {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using tests::IsOk;
using tests::IsOkAndHolds;
using tests::StatusIs;

class AtomicWriterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "/coracle-writer-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override {
    EXPECT_THAT(runtime::RemoveTree(directory_), IsOk());
  }
  std::string Path(const std::string& name) const {
    return absl::StrCat(directory_, "/", name);
  }
  std::string Read(const std::string& name) const {
    auto text = runtime::ReadFile(Path(name));
    return text.ok() ? *text : text.status().ToString();
  }
  mode_t Mode(const std::string& name) const {
    struct stat st;
    return stat(Path(name).c_str(), &st) == 0 ? st.st_mode & 07777 : 0;
  }
  std::string directory_;
};

TEST_F(AtomicWriterTest, LaysFilesOutBehindTheDataLink) {
  ASSERT_THAT(
      WritePayload(directory_,
                   {{"a", {"1", 0644, {}}}, {"d/e/f", {"2", 0400, {}}}}, {}),
      IsOkAndHolds(true));
  EXPECT_EQ(Read("a"), "1");
  EXPECT_EQ(Read("d/e/f"), "2");
  EXPECT_EQ(Mode("d/e/f"), 0400u);
  EXPECT_EQ(Mode("d/e"), 0755u);
  char target[256] = {};
  ASSERT_GT(readlink(Path("a").c_str(), target, sizeof target - 1), 0);
  EXPECT_STREQ(target, "..data/a");
  ASSERT_GT(readlink(Path("d").c_str(), target, sizeof target - 1), 0);
  EXPECT_STREQ(target, "..data/d");
}

TEST_F(AtomicWriterTest, DoesNothingIfNothingChanged) {
  Payload payload = {{"a", {"1", 0644, {}}}};
  ASSERT_THAT(WritePayload(directory_, payload, {}), IsOkAndHolds(true));
  EXPECT_THAT(WritePayload(directory_, payload, {}), IsOkAndHolds(false));
  payload["a"].mode = 0600;
  EXPECT_THAT(WritePayload(directory_, payload, {}), IsOkAndHolds(true));
  EXPECT_EQ(Mode("a"), 0600u);
}

TEST_F(AtomicWriterTest, ReplacesAddsAndRemoves) {
  ASSERT_THAT(WritePayload(directory_,
                           {{"a", {"1"}}, {"b", {"1"}}, {"d/x", {"1"}}}, {}),
              IsOk());
  ASSERT_THAT(WritePayload(directory_, {{"a", {"2"}}, {"c", {"2"}}}, {}),
              IsOk());
  EXPECT_EQ(Read("a"), "2");
  EXPECT_EQ(Read("c"), "2");
  EXPECT_THAT(*runtime::ListDir(directory_), SizeIs(4));  // a c ..data ..2026…
  ASSERT_THAT(WritePayload(directory_, {}, {}), IsOk());
  EXPECT_THAT(*runtime::ListDir(directory_), SizeIs(2));
}

TEST_F(AtomicWriterTest, TidiesUpAfterACrash) {
  ASSERT_THAT(WritePayload(directory_, {{"a", {"1"}}}, {}), IsOk());
  ASSERT_EQ(mkdir(Path("..2020_01_01_00_00_00.000000001").c_str(), 0755), 0);
  ASSERT_EQ(symlink("nowhere", Path("..data_tmp").c_str()), 0);
  ASSERT_EQ(symlink("..data/gone", Path("gone").c_str()), 0);
  ASSERT_THAT(WritePayload(directory_, {{"a", {"1"}}}, {}), IsOk());
  EXPECT_THAT(*runtime::ListDir(directory_), SizeIs(3));
  // a link that was never made
  ASSERT_EQ(unlink(Path("a").c_str()), 0);
  ASSERT_THAT(WritePayload(directory_, {{"a", {"1"}}}, {}), IsOk());
  EXPECT_EQ(Read("a"), "1");
}

TEST_F(AtomicWriterTest, GivesFilesToTheGroupAndTheUser) {
  if (geteuid() != 0) GTEST_SKIP() << "chown needs root";
  Ownership ownership;
  ownership.group = 4242;
  ASSERT_THAT(WritePayload(directory_,
                           {{"a", {"1", 0600, 1234}}, {"d/b", {"2", 0644, {}}}},
                           ownership),
              IsOkAndHolds(true));
  struct stat st;
  ASSERT_EQ(stat(Path("a").c_str(), &st), 0);
  EXPECT_EQ(st.st_uid, 1234u);
  EXPECT_EQ(st.st_gid, 4242u);
  EXPECT_EQ(Mode("a"), 0640u);
  EXPECT_EQ(Mode("d"), 02755u);
  EXPECT_EQ(Mode("d/b"), 0644u);
  EXPECT_THAT(WritePayload(directory_,
                           {{"a", {"1", 0600, 1234}}, {"d/b", {"2", 0644, {}}}},
                           ownership),
              IsOkAndHolds(false));
}

TEST_F(AtomicWriterTest, RefusesPathsThatLeadElsewhere) {
  for (const char* path : {"", "/etc/passwd", "..", "../x", "a/../b", "a//b",
                           "..data", "..data/x", "./a", "a/", "a/."}) {
    SCOPED_TRACE(path);
    EXPECT_THAT(WritePayload(directory_, {{path, {"x"}}}, {}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("invalid path")));
  }
  EXPECT_THAT(WritePayload(directory_, {{"a", {"x"}}, {"a/b", {"y"}}}, {}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("both a file and a directory: a")));
  EXPECT_THAT(*runtime::ListDir(directory_), ElementsAre());
}

// A reader that holds the directory behind ..data sees one version only.
TEST_F(AtomicWriterTest, ReaderNeverSeesAMixture) {
  ASSERT_THAT(WritePayload(directory_, {{"a", {"0"}}, {"b", {"0"}}}, {}),
              IsOk());
  std::atomic<bool> done{false};
  std::atomic<int> mixed{0}, whole{0};
  std::thread reader([&] {
    while (!done || whole == 0) {
      runtime::UniqueFd at(open(Path("..data").c_str(), O_PATH | O_CLOEXEC));
      runtime::UniqueFd a(openat(at.get(), "a", O_RDONLY | O_CLOEXEC));
      runtime::UniqueFd b(openat(at.get(), "b", O_RDONLY | O_CLOEXEC));
      if (!a.ok() || !b.ok()) continue;  // replaced meanwhile
      auto left = runtime::ReadFd(a.get(), "a");
      auto right = runtime::ReadFd(b.get(), "b");
      ++(*left == *right ? whole : mixed);
    }
  });
  for (int i = 1; i <= 300; ++i) {
    std::string text = absl::StrCat(i);
    EXPECT_THAT(WritePayload(directory_, {{"a", {text}}, {"b", {text}}}, {}),
                IsOk());
  }
  done = true;
  reader.join();
  EXPECT_EQ(mixed, 0);
}

}  // namespace
}  // namespace agent::volume
