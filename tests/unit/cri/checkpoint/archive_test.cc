// SPDX-License-Identifier: Apache-2.0
// Archives of sparse files, read by tar and by libarchive.
#include "cri/checkpoint/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace cri::checkpoint {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

constexpr off_t kTera = off_t{1} << 40;
constexpr off_t kBlock = 4096;

class ArchiveTest : public ::testing::Test {
 protected:
  // A file of `size` bytes with a block of each letter at its offset.
  std::string Sparse(const std::string& name, off_t size,
                     const std::map<off_t, char>& blocks) {
    const std::string path = dir_ / name;
    const runtime::UniqueFd file =
        *runtime::OpenFile(path, O_WRONLY | O_CREAT, 0640);
    EXPECT_EQ(ftruncate(file.get(), size), 0) << strerror(errno);
    for (const auto& [offset, letter] : blocks) {
      const std::string block(kBlock, letter);
      EXPECT_EQ(pwrite(file.get(), block.data(), block.size(), offset), kBlock);
    }
    return path;
  }
  // All of them in one archive, then a text.
  void Write(const std::vector<std::string>& paths) {
    const runtime::UniqueFd tar =
        *runtime::OpenFile(dir_ / "a.tar", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ASSERT_OK_AND_ASSIGN(ArchiveWriter archive,
                         ArchiveWriter::Open(tar.get(), [this] {
                           if (at_check_ != nullptr) at_check_();
                           return absl::OkStatus();
                         }));
    for (const std::string& path : paths) {
      ASSERT_OK(archive.AddPath(path.substr(path.rfind('/') + 1), path));
    }
    ASSERT_OK(archive.AddText("last", "the end"));
    ASSERT_OK(archive.Close());
  }
  void Unpack() {
    EXPECT_EQ(std::system(absl::StrCat("mkdir ", dir_ / "out", " && tar -xf ",
                                       dir_ / "a.tar", " -C ", dir_ / "out")
                              .c_str()),
              0);
    EXPECT_EQ(*runtime::ReadFile(dir_ / "out/last"), "the end");
  }
  struct stat StatOf(const std::string& name) {
    struct stat info {};
    EXPECT_EQ(stat((dir_ / name).c_str(), &info), 0) << name;
    return info;
  }
  char LetterAt(const std::string& name, off_t offset) {
    const runtime::UniqueFd file = *runtime::OpenFile(dir_ / name, O_RDONLY);
    char letter = '?';
    EXPECT_EQ(pread(file.get(), &letter, 1, offset), 1);
    return letter;
  }

  tests::TempDir dir_;
  std::function<void()> at_check_;
};

// What is not zero of a file in the tar: offset and first letter of each piece.
std::map<off_t, char> DataIn(const std::string& tar, const std::string& name,
                             off_t* size) {
  std::map<off_t, char> found;
  struct archive* reader = archive_read_new();
  archive_read_support_format_tar(reader);
  EXPECT_EQ(archive_read_open_filename(reader, tar.c_str(), 10240), ARCHIVE_OK);
  archive_entry* entry;
  while (archive_read_next_header(reader, &entry) == ARCHIVE_OK) {
    if (archive_entry_pathname(entry) != name) continue;
    *size = archive_entry_size(entry);
    const void* data;
    size_t length;
    la_int64_t offset;
    while (archive_read_data_block(reader, &data, &length, &offset) ==
           ARCHIVE_OK) {
      if (length > 0) found[offset] = *static_cast<const char*>(data);
    }
  }
  EXPECT_EQ(archive_read_free(reader), ARCHIVE_OK);
  return found;
}

TEST_F(ArchiveTest, AHugeSparseFileIsSmallAndComesBackAsItWas) {
  const off_t last = kTera - kBlock;
  Write({Sparse("huge", kTera, {{0, 'a'}, {kTera / 2, 'b'}, {last, 'c'}})});
  EXPECT_LT(StatOf("a.tar").st_size, 1 << 20);
  Unpack();
  EXPECT_EQ(StatOf("out/huge").st_size, kTera);
  EXPECT_LT(StatOf("out/huge").st_blocks * 512, 1 << 20);
  EXPECT_EQ(LetterAt("out/huge", kBlock - 1), 'a');
  EXPECT_EQ(LetterAt("out/huge", kBlock), '\0');
  EXPECT_EQ(LetterAt("out/huge", kTera / 2 - 1), '\0');
  EXPECT_EQ(LetterAt("out/huge", kTera / 2), 'b');
  EXPECT_EQ(LetterAt("out/huge", kTera - 1), 'c');
  off_t size = 0;
  EXPECT_THAT(DataIn(dir_ / "a.tar", "huge", &size),
              ElementsAre(Pair(0, 'a'), Pair(kTera / 2, 'b'), Pair(last, 'c')));
  EXPECT_EQ(size, kTera);
}

TEST_F(ArchiveTest, HolesAtBothEndsStayHoles) {
  Write({Sparse("middle", 64 << 20, {{32 << 20, 'm'}}),
         Sparse("empty", 64 << 20, {}), Sparse("none", 0, {})});
  EXPECT_LT(StatOf("a.tar").st_size, 1 << 20);
  Unpack();
  for (const char* name : {"out/middle", "out/empty"}) {
    EXPECT_EQ(StatOf(name).st_size, 64 << 20);
    EXPECT_LT(StatOf(name).st_blocks * 512, 1 << 20);
  }
  EXPECT_EQ(LetterAt("out/middle", 32 << 20), 'm');
  EXPECT_EQ(LetterAt("out/middle", (32 << 20) + kBlock), '\0');
  EXPECT_EQ(StatOf("out/none").st_size, 0);
  off_t size = 0;
  EXPECT_THAT(DataIn(dir_ / "a.tar", "middle", &size),
              ElementsAre(Pair(32 << 20, 'm')));
}

TEST_F(ArchiveTest, AFileThatShrinksMeanwhileIsFilledWithZeros) {
  const std::string path =
      Sparse("shrinks", 64 << 20, {{0, 'a'}, {16 << 20, 'b'}, {48 << 20, 'c'}});
  at_check_ = [&] { EXPECT_EQ(truncate(path.c_str(), kBlock / 2), 0); };
  Write({path});
  Unpack();
  EXPECT_EQ(StatOf("out/shrinks").st_size, 64 << 20);
  EXPECT_EQ(LetterAt("out/shrinks", kBlock / 2 - 1), 'a');
  EXPECT_EQ(LetterAt("out/shrinks", kBlock / 2), '\0');
  EXPECT_EQ(LetterAt("out/shrinks", 16 << 20), '\0');
  EXPECT_EQ(LetterAt("out/shrinks", 48 << 20), '\0');
}

TEST_F(ArchiveTest, AFileThatGrowsMeanwhileIsAsItWas) {
  const std::string path = Sparse("grows", 2 * kBlock, {{0, 'a'}});
  at_check_ = [&] { EXPECT_EQ(truncate(path.c_str(), 4 * kBlock), 0); };
  Write({path});
  Unpack();
  EXPECT_EQ(StatOf("out/grows").st_size, 2 * kBlock);
  EXPECT_EQ(LetterAt("out/grows", 0), 'a');
}

}  // namespace
}  // namespace cri::checkpoint
