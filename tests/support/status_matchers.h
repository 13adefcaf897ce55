// SPDX-License-Identifier: Apache-2.0
// GoogleTest matchers for absl::Status and absl::StatusOr<T>.
//   EXPECT_THAT(store.Remove("a"), IsOk());
//   EXPECT_THAT(Parse("x"), StatusIs(absl::StatusCode::kInvalidArgument));
//   EXPECT_THAT(Parse("x"), StatusIs(kInvalidArgument, HasSubstr("line 1")));
//   EXPECT_THAT(Parse("7"), IsOkAndHolds(7));
//   ASSERT_OK_AND_ASSIGN(auto value, Parse("7"));
#ifndef CORACLE_TESTS_SUPPORT_STATUS_MATCHERS_H_
#define CORACLE_TESTS_SUPPORT_STATUS_MATCHERS_H_

#include <string>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tests {

inline const absl::Status& StatusOf(const absl::Status& status) {
  return status;
}
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

// Status or StatusOr that is OK; a failure prints code and message.
MATCHER(IsOk, negation ? "is not OK" : "is OK") {
  if (StatusOf(arg).ok()) return true;
  *result_listener << "which is " << StatusOf(arg);
  return false;
}

MATCHER_P2(StatusIsMatcher, code, message,
           "has code " + absl::StatusCodeToString(code) +
               " and a message that " +
               testing::DescribeMatcher<std::string>(message, negation)) {
  const absl::Status& status = StatusOf(arg);
  *result_listener << "which is " << status;
  return status.code() == code &&
         testing::ExplainMatchResult(message, std::string(status.message()),
                                     result_listener);
}

// Matches code and, if given, message (a string or a string matcher).
template <typename Message>
auto StatusIs(absl::StatusCode code, Message message) {
  return StatusIsMatcher(code, testing::Matcher<std::string>(message));
}
inline auto StatusIs(absl::StatusCode code) {
  return StatusIs(code, testing::Matcher<std::string>(testing::_));
}

// A StatusOr that is OK and whose value matches.
MATCHER_P(IsOkAndHolds, value, "is OK and holds the expected value") {
  if (!arg.ok()) {
    *result_listener << "which is " << arg.status();
    return false;
  }
  using Value = typename std::decay_t<decltype(arg)>::value_type;
  return testing::ExplainMatchResult(
      testing::SafeMatcherCast<const Value&>(value), *arg, result_listener);
}

}  // namespace tests

#define ASSERT_OK(expr) ASSERT_THAT(expr, ::tests::IsOk())
#define EXPECT_OK(expr) EXPECT_THAT(expr, ::tests::IsOk())

// Declares or assigns `lhs` from the StatusOr `expr`, or fails the test.
#define ASSERT_OK_AND_ASSIGN(lhs, expr)                                       \
  ASSERT_OK_AND_ASSIGN_IMPL_(CORACLE_TEST_CONCAT_(test_status_or_, __LINE__), \
                             lhs, expr)
#define ASSERT_OK_AND_ASSIGN_IMPL_(tmp, lhs, expr) \
  auto tmp = (expr);                               \
  ASSERT_THAT(tmp, ::tests::IsOk());               \
  lhs = *std::move(tmp)
#define CORACLE_TEST_CONCAT_(a, b) CORACLE_TEST_CONCAT_INNER_(a, b)
#define CORACLE_TEST_CONCAT_INNER_(a, b) a##b

#endif  // CORACLE_TESTS_SUPPORT_STATUS_MATCHERS_H_
