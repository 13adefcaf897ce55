// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/status.h"

#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "absl/strings/cord.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/unique_fd.h"
#include "tests/support/status_matchers.h"

namespace runtime {
namespace {

using ::tests::IsOk;
using ::tests::StatusIs;

TEST(ErrnoStatusTest, MapsWhatCallersActOn) {
  struct {
    int error;
    absl::StatusCode code;
  } const cases[] = {
      {ENOENT, absl::StatusCode::kNotFound},
      {EEXIST, absl::StatusCode::kAlreadyExists},
      {EACCES, absl::StatusCode::kPermissionDenied},
      {EPERM, absl::StatusCode::kPermissionDenied},
      {EINVAL, absl::StatusCode::kInvalidArgument},
      {ELOOP, absl::StatusCode::kInvalidArgument},
      {ENOSPC, absl::StatusCode::kResourceExhausted},
      {ECONNREFUSED, absl::StatusCode::kUnavailable},
      {ETIMEDOUT, absl::StatusCode::kDeadlineExceeded},
      {ENOSYS, absl::StatusCode::kUnimplemented},
      {EBUSY, absl::StatusCode::kFailedPrecondition},
      {ERANGE, absl::StatusCode::kOutOfRange},
      {EIO, absl::StatusCode::kInternal},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(ErrnoStatus(c.error, "x").code(), c.code) << c.error;
  }
}

TEST(ErrnoStatusTest, NamesCallObjectAndCause) {
  EXPECT_EQ(ErrnoStatus(ENOENT, "open /a").message(),
            "open /a: No such file or directory");
  errno = EACCES;
  EXPECT_EQ(ErrnoStatus("open /a").message(), "open /a: Permission denied");
}

TEST(AnnotateTest, PutsContextBeforeAndKeepsTheRest) {
  EXPECT_THAT(Annotate(absl::OkStatus(), "doing"), IsOk());
  absl::Status inner = absl::NotFoundError("gone");
  inner.SetPayload("url", absl::Cord("detail"));
  absl::Status outer = Annotate(inner, "doing");
  EXPECT_THAT(outer, StatusIs(absl::StatusCode::kNotFound, "doing: gone"));
  EXPECT_EQ(outer.GetPayload("url"), absl::Cord("detail"));
}

absl::StatusOr<int> Half(int value) {
  if (value % 2 != 0) return absl::InvalidArgumentError("odd");
  return value / 2;
}

absl::StatusOr<int> Quarter(int value) {
  ASSIGN_OR_RETURN(int half, Half(value));
  ASSIGN_OR_RETURN(half, Half(half));
  RETURN_IF_ERROR(Half(0).status());
  return half;
}

TEST(StatusMacrosTest, PassValuesAndErrorsOn) {
  EXPECT_THAT(Quarter(12), tests::IsOkAndHolds(3));
  EXPECT_THAT(Quarter(6), StatusIs(absl::StatusCode::kInvalidArgument, "odd"));
}

TEST(UniqueFdTest, ClosesOnceAndMoves) {
  UniqueFd fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(fd.ok());
  int raw = fd.get();
  UniqueFd other = std::move(fd);
  EXPECT_FALSE(fd.ok());  // NOLINT: what a moved one is, is the contract
  EXPECT_EQ(other.get(), raw);
  other.reset();
  EXPECT_EQ(fcntl(raw, F_GETFD), -1);
}

}  // namespace
}  // namespace runtime
