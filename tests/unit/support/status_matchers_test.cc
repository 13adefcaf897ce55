// SPDX-License-Identifier: Apache-2.0
#include "tests/support/status_matchers.h"

#include <memory>
#include <string>

namespace tests {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(StatusMatchersTest, TellOkFromErrors) {
  EXPECT_THAT(absl::OkStatus(), IsOk());
  EXPECT_THAT(absl::StatusOr<int>(7), IsOk());
  EXPECT_THAT(absl::StatusOr<int>(absl::NotFoundError("gone")), Not(IsOk()));
}

TEST(StatusMatchersTest, CompareCodeAndMessage) {
  const absl::Status gone = absl::NotFoundError("pod web: gone");
  EXPECT_THAT(gone, StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(gone, StatusIs(absl::StatusCode::kNotFound, "pod web: gone"));
  EXPECT_THAT(gone, StatusIs(absl::StatusCode::kNotFound, HasSubstr("web")));
  EXPECT_THAT(gone,
              Not(StatusIs(absl::StatusCode::kNotFound, HasSubstr("db"))));
  EXPECT_THAT(gone, Not(StatusIs(absl::StatusCode::kInternal)));
}

TEST(StatusMatchersTest, CompareValues) {
  EXPECT_THAT(absl::StatusOr<int>(7), IsOkAndHolds(7));
  EXPECT_THAT(absl::StatusOr<int>(7), IsOkAndHolds(testing::Gt(6)));
  EXPECT_THAT(absl::StatusOr<std::string>("a"), Not(IsOkAndHolds("b")));
}

TEST(StatusMatchersTest, AssignMovesTheValueOut) {
  ASSERT_OK_AND_ASSIGN(
      std::unique_ptr<int> value,
      absl::StatusOr<std::unique_ptr<int>>(std::make_unique<int>(3)));
  EXPECT_EQ(*value, 3);
}

}  // namespace
}  // namespace tests
