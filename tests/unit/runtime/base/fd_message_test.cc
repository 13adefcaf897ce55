// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/fd_message.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace runtime {
namespace {

class FdMessageTest : public testing::Test {
 protected:
  void SetUp() override {
    int pair[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    left_.reset(pair[0]);
    right_.reset(pair[1]);
  }

  UniqueFd left_, right_;
};

TEST_F(FdMessageTest, CarriesBytesAndADescriptor) {
  int pipe_ends[2];
  ASSERT_EQ(pipe2(pipe_ends, O_CLOEXEC), 0);
  UniqueFd read_end(pipe_ends[0]), write_end(pipe_ends[1]);
  ASSERT_TRUE(SendWithFd(left_.get(), "abc", 3, write_end.get()));
  char data[8] = {};
  UniqueFd passed;
  ASSERT_EQ(ReceiveWithFd(right_.get(), data, sizeof(data), &passed), 3);
  EXPECT_STREQ(data, "abc");
  ASSERT_TRUE(passed.ok());
  EXPECT_NE(fcntl(passed.get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_EQ(write(passed.get(), "x", 1), 1);
  EXPECT_EQ(read(read_end.get(), data, 1), 1);
}

TEST_F(FdMessageTest, ClosesADescriptorThatNobodyAskedFor) {
  int pipe_ends[2];
  ASSERT_EQ(pipe2(pipe_ends, O_CLOEXEC), 0);
  UniqueFd read_end(pipe_ends[0]), write_end(pipe_ends[1]);
  ASSERT_TRUE(SendWithFd(left_.get(), "a", 1, write_end.get()));
  write_end.reset();
  char byte;
  ASSERT_EQ(ReceiveWithFd(right_.get(), &byte, 1, nullptr), 1);
  EXPECT_EQ(read(read_end.get(), &byte, 1), 0) << "a write end is still open";
}

TEST_F(FdMessageTest, LeavesTheDescriptorAloneIfNoneCame) {
  UniqueFd passed(dup(left_.get()));
  const int before = passed.get();
  ASSERT_TRUE(SendWithFd(left_.get(), "a", 1));
  char byte;
  ASSERT_EQ(ReceiveWithFd(right_.get(), &byte, 1, &passed), 1);
  EXPECT_EQ(passed.get(), before);
}

TEST_F(FdMessageTest, TellsEndOfFileEmptinessAndAReaderThatIsGone) {
  char byte;
  EXPECT_EQ(ReceiveWithFd(right_.get(), &byte, 1, nullptr, MSG_DONTWAIT), -1);
  EXPECT_EQ(errno, EAGAIN);
  left_.reset();
  EXPECT_EQ(ReceiveWithFd(right_.get(), &byte, 1, nullptr), 0);
  EXPECT_FALSE(SendWithFd(right_.get(), "a", 1));
  EXPECT_EQ(errno, EPIPE);
}

}  // namespace
}  // namespace runtime
