// SPDX-License-Identifier: Apache-2.0
#include "cri/network/link_name.h"

#include <string>

#include "gtest/gtest.h"

namespace cri::network {
namespace {

TEST(LinkNameTest, IsWhatTheKernelTakes) {
  for (const char* good : {"a", "coracle0", "br-1.5_x", "fifteen-letters"}) {
    EXPECT_TRUE(IsLinkName(good)) << good;
  }
  for (const char* bad : {"", ".", "..", "sixteen-letters!", "a/b", "a:b",
                          "a b", "a\tb", "a\nb", "\x7f", "ä"}) {
    EXPECT_FALSE(IsLinkName(bad)) << bad;
  }
  EXPECT_FALSE(IsLinkName(std::string("a\0b", 3)));
}

}  // namespace
}  // namespace cri::network
