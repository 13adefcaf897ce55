// SPDX-License-Identifier: Apache-2.0
#include "agent/command/memory.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace agent::command {
namespace {

using ::testing::ElementsAre;

// Relocated at the start of a position-independent program, then read-only: no
// file holds these addresses.
const char* const kWords[] = {"relocated", "once"};
int written = 0;

TEST(ReleaseUnusedTest, KeepsWhatIsNotInAFile) {
  written = 7;
  const std::string heap(1 << 20, 'x');
  ReleaseUnused();
  EXPECT_THAT(kWords, ElementsAre(std::string("relocated"), "once"));
  EXPECT_EQ(written, 7);
  EXPECT_EQ(heap, std::string(1 << 20, 'x'));
}

}  // namespace
}  // namespace agent::command
