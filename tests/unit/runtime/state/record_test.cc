// SPDX-License-Identifier: Apache-2.0
#include "runtime/state/record.h"

#include <fcntl.h>

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "runtime/state/codec.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace runtime::state {
namespace {

using ::testing::HasSubstr;
using ::tests::IsOk;
using ::tests::IsOkAndHolds;
using ::tests::StatusIs;

TEST(ChecksumTest, IsCrc32c) {
  EXPECT_EQ(Checksum(""), 0u);
  EXPECT_EQ(Checksum("123456789"), 0xe3069283u);  // the standard check value
}

TEST(RecordTest, ComesBackAsWritten) {
  tests::TempDir dir;
  auto fd = OpenFile(dir.path(), O_RDONLY | O_DIRECTORY);
  ASSERT_THAT(fd, IsOk());
  ASSERT_EQ(WriteRecord(fd->get(), "a.rec", 7, "first"), 0);
  ASSERT_EQ(WriteRecord(fd->get(), "a.rec", 7, std::string("x\0y", 3)), 0);
  EXPECT_THAT(ReadRecord(dir / "a.rec", 7),
              IsOkAndHolds(std::string("x\0y", 3)));
  EXPECT_THAT(ListDir(dir.path()),
              IsOkAndHolds(std::vector<std::string>{"a.rec"}));
  EXPECT_THAT(ReadRecord(dir / "b.rec", 7),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST(RecordTest, EveryTornOrChangedRecordIsSetAside) {
  tests::TempDir dir;
  const std::string good = FrameRecord(7, "some body");
  for (size_t size = 0; size < good.size(); ++size) {
    SCOPED_TRACE(size);
    ASSERT_THAT(WriteFileAtomic(dir / "r", good.substr(0, size)), IsOk());
    EXPECT_THAT(ReadRecord(dir / "r", 7),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("set aside")));
    EXPECT_FALSE(Exists(dir / "r"));
    EXPECT_TRUE(Exists(dir / "r.corrupt"));
  }
  for (size_t at = 0; at < good.size(); ++at) {
    SCOPED_TRACE(at);
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x20);
    EXPECT_THAT(UnframeRecord(7, bad), StatusIs(absl::StatusCode::kDataLoss));
  }
}

TEST(RecordTest, AnotherKindOrVersionIsNamed) {
  EXPECT_THAT(
      UnframeRecord(8, FrameRecord(7, "")),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("of kind 7, not 8")));
  std::string newer = FrameRecord(7, "");
  newer[4] = 99;
  EXPECT_THAT(UnframeRecord(7, newer),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("version 99")));
}

TEST(ReaderTest, StopsAtTheEnd) {
  Writer writer;
  writer.Str("abc");
  for (size_t size = 0; size < writer.data().size(); ++size) {
    Reader reader(absl::string_view(writer.data()).substr(0, size));
    EXPECT_EQ(reader.Str(), "");
    EXPECT_FALSE(reader.ok());
    EXPECT_EQ(reader.U64(), 0u);
  }
}

TEST(ReaderTest, ACountIsBoundedByWhatIsThere) {
  Writer writer;
  writer.U32(0xffffffff);
  writer.U32(0);
  Reader reader(writer.data());
  EXPECT_EQ(reader.Count(4), 0u);
  EXPECT_FALSE(reader.ok());
}

}  // namespace
}  // namespace runtime::state
