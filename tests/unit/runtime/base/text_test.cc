// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/text.h"

#include "gtest/gtest.h"

namespace runtime {
namespace {

TEST(OneLineTest, NothingDrivesATerminal) {
  EXPECT_EQ(OneLine("a\nb\r\x1b[31mc\x7f\t"), "a b  [31mc  ");
  EXPECT_EQ(OneLine(std::string("a\0b", 3)), "a b");
  EXPECT_EQ(OneLine("\xc2\x9b"
                    "31m\xc2\x80\xc2\x9f"),
            " 31m  ");
}

TEST(OneLineTest, OtherTextStays) {
  EXPECT_EQ(OneLine(""), "");
  EXPECT_EQ(OneLine("käse … \xc2\xa0 日本 ~"), "käse … \xc2\xa0 日本 ~");
  EXPECT_EQ(OneLine("cut \xc2"), "cut \xc2");
}

TEST(HumanBytesTest, HasOneDigitBehindThePoint) {
  EXPECT_EQ(HumanBytes(0), "0 B");
  EXPECT_EQ(HumanBytes(1023), "1023 B");
  EXPECT_EQ(HumanBytes(1024), "1.0 KiB");
  EXPECT_EQ(HumanBytes(1536), "1.5 KiB");
  EXPECT_EQ(HumanBytes((1 << 20) - 1), "1.0 MiB");
  EXPECT_EQ(HumanBytes(uint64_t{3} << 30), "3.0 GiB");
  EXPECT_EQ(HumanBytes(UINT64_MAX), "16.0 EiB");
}

}  // namespace
}  // namespace runtime
