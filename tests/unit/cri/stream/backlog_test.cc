// SPDX-License-Identifier: Apache-2.0
#include "cri/stream/backlog.h"

#include <malloc.h>

#include <algorithm>
#include <string>

#include "gtest/gtest.h"

namespace cri::stream {
namespace {

// Takes `size` bytes from the front.
std::string Take(Backlog& backlog, size_t size) {
  std::string taken;
  while (taken.size() < size && !backlog.empty()) {
    const size_t n = std::min(size - taken.size(), backlog.Front().size());
    taken.append(backlog.Front().data(), n);
    backlog.RemovePrefix(n);
  }
  return taken;
}

TEST(BacklogTest, KeepsTheOrderOfPiecesOfAnySize) {
  Backlog backlog;
  std::string all, taken;
  for (size_t size : {1, 0, 70000, 3, 64 << 10, 5, 200000, 1}) {
    const std::string piece(size, static_cast<char>('a' + size % 26));
    all += piece;
    backlog.Append(piece);
    taken += Take(backlog, size / 2);
    EXPECT_EQ(backlog.size(), all.size() - taken.size());
  }
  taken += Take(backlog, all.size());
  EXPECT_TRUE(taken == all);
  EXPECT_TRUE(backlog.empty());
  EXPECT_EQ(backlog.Front(), "");
}

TEST(BacklogTest, StartsAgainAfterClear) {
  Backlog backlog;
  backlog.Append("one");
  backlog.RemovePrefix(1);
  backlog.Clear();
  EXPECT_TRUE(backlog.empty());
  backlog.Append("two");
  EXPECT_EQ(backlog.Front(), "two");
}

// A reader who is always a little behind must not cost memory for all that it
// has read.
TEST(BacklogTest, KeepsNoMemoryOfWhatIsGone) {
  Backlog backlog;
  const std::string piece(32 << 10, 'x');
  backlog.Append(piece);
  size_t before = 0;
  for (int i = 0; i < 2000; ++i) {
    backlog.Append(piece);
    Take(backlog, piece.size());
    const struct mallinfo2 info = mallinfo2();
    if (i == 10) before = info.uordblks + info.hblkhd;
  }
  const struct mallinfo2 info = mallinfo2();
  EXPECT_LE(info.uordblks + info.hblkhd, before + (256 << 10));
  EXPECT_EQ(backlog.size(), piece.size());
}

}  // namespace
}  // namespace cri::stream
