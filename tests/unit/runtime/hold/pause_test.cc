// SPDX-License-Identifier: Apache-2.0
#include "runtime/hold/pause.h"

#include <fcntl.h>

#include <cerrno>

#include "gtest/gtest.h"

namespace runtime::hold {
namespace {

// How often it is tried for three pods, if the tries end so.
int Tries(int error) {
  EmptyRoot root;
  int tries = 0;
  for (int pod = 0; pod < 3; ++pod) {
    const int ended = root.Ensure([&](UniqueFd* mounts) {
      ++tries;
      if (error == 0) mounts->reset(open("/dev/null", O_RDONLY | O_CLOEXEC));
      return error;
    });
    EXPECT_EQ(ended, error);
    EXPECT_EQ(root.fd() >= 0, error == 0);
  }
  return tries;
}

TEST(EmptyRootTest, IsMadeOnce) { EXPECT_EQ(Tries(0), 1); }

TEST(EmptyRootTest, WhatIsRefusedIsNotTriedAgain) {
  EXPECT_EQ(Tries(EPERM), 1);
  EXPECT_EQ(Tries(ENOSYS), 1);
}

TEST(EmptyRootTest, WhatWasRefusedIsTriedAgainOnDemand) {
  EmptyRoot root;
  const auto refuse = [](UniqueFd*) { return EPERM; };
  const auto allow = [](UniqueFd* mounts) {
    mounts->reset(open("/dev/null", O_RDONLY | O_CLOEXEC));
    return 0;
  };
  EXPECT_EQ(root.Ensure(refuse), EPERM);
  EXPECT_EQ(root.Ensure(allow), EPERM);
  root.AskAgain();
  EXPECT_EQ(root.Ensure(allow), 0);
  EXPECT_GE(root.fd(), 0);
}

TEST(EmptyRootTest, WhatLackedRoomIsTriedAgain) {
  EXPECT_EQ(Tries(ENOMEM), 3);
  EXPECT_EQ(Tries(ENOSPC), 3);
}

}  // namespace
}  // namespace runtime::hold
