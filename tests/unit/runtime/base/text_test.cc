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

}  // namespace
}  // namespace runtime
