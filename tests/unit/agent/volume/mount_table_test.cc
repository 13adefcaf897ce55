// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/volume/mount.h"

namespace agent::volume {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(MountTableTest, FindsMountsAtAndBelowADirectory) {
  constexpr char kTable[] =
      "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
      "30 22 0:40 / /k/pods/u1 rw - tmpfs tmpfs rw\n"
      "31 22 0:41 / /k/pods/u1/volumes/a\\040b rw shared:3 - tmpfs t rw\n"
      "32 22 0:42 / /k/pods/u12/volumes/c rw - tmpfs tmpfs rw\n"
      "33 31 0:43 / /k/pods/u1/volumes/a\\040b/in rw - tmpfs tmpfs rw\n"
      "broken line\n";
  EXPECT_THAT(MountPointsBelow(kTable, "/k/pods/u1"),
              ElementsAre("/k/pods/u1", "/k/pods/u1/volumes/a b",
                          "/k/pods/u1/volumes/a b/in"));
  EXPECT_THAT(MountPointsBelow(kTable, "/k/pods/u"), IsEmpty());
  EXPECT_THAT(MountPointsBelow("", "/"), IsEmpty());
}

}  // namespace
}  // namespace agent::volume
