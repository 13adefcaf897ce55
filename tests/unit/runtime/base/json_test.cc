// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/json.h"

#include <random>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace runtime {
namespace {

using ::testing::HasSubstr;
using ::tests::IsOk;
using ::tests::IsOkAndHolds;
using ::tests::StatusIs;

Json Parse(const std::string& text) {
  auto value = ParseJson(text, "test");
  EXPECT_THAT(value, IsOk());
  return value.value_or(Json());
}

TEST(ParseJsonTest, NamesSourceAndPlace) {
  EXPECT_THAT(ParseJson("{\"a\": tru}", "config.json"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("config.json: byte ")));
  EXPECT_THAT(ParseJson("", "x"), testing::Not(IsOk()));
  EXPECT_THAT(ParseJson("{} {}", "x"), testing::Not(IsOk()));
}

TEST(ParseJsonTest, NestingIsLimited) {
  EXPECT_THAT(ParseJson(std::string(100, '[') + std::string(100, ']'), "x"),
              IsOk());
  EXPECT_THAT(ParseJson(std::string(100000, '['), "x"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("deeper than 128")));
}

TEST(ParseJsonTest, GarbageIsAnErrorOrAValueButNeverAnAbort) {
  const std::string good =
      R"({"a":[1,2.5,"x\u00e9",{"b":null}],"c":true,"d":-17})";
  std::mt19937 random(5);
  for (int round = 0; round < 20000; ++round) {
    std::string text = good;
    for (int i = 0; i < 3; ++i) {
      text[random() % text.size()] = static_cast<char>(random());
    }
    auto value = ParseJson(text, "x");
    if (value.ok()) DumpJson(*value);
  }
}

TEST(DumpJsonTest, InvalidUtf8IsReplaced) {
  EXPECT_EQ(DumpJson(Json("a\xff")), "\"a\xef\xbf\xbd\"");
}

TEST(LenientReadersTest, WrongTypesAndMissingKeysGiveTheDefault) {
  Json value = Parse(R"({"s":"x","n":7,"b":true,"o":{"p":{"q":"deep"}},
                         "l":[1],"z":null,"f":1.5})");
  EXPECT_EQ(StringAt(value, "s"), "x");
  EXPECT_EQ(StringAt(value, "n", "d"), "d");
  EXPECT_EQ(StringAt(value, {"o", "p", "q"}), "deep");
  EXPECT_EQ(StringAt(value, {"s", "p", "q"}, "d"), "d");
  EXPECT_EQ(IntAt(value, "n"), 7);
  EXPECT_EQ(IntAt(value, "s", -1), -1);
  EXPECT_EQ(BoolAt(value, "b"), true);
  EXPECT_EQ(BoolAt(value, "n", true), true);
  EXPECT_EQ(ArrayAt(value, "l").size(), 1u);
  EXPECT_EQ(ArrayAt(value, "o").size(), 0u);
  EXPECT_EQ(ObjectAt(value, "o").size(), 1u);
  EXPECT_EQ(ObjectAt(value, "l").size(), 0u);
  EXPECT_TRUE(Has(value, "z"));
  EXPECT_FALSE(Has(value, "y"));
  EXPECT_FALSE(Has(Json(3), "y"));
  EXPECT_TRUE(At(value, "y").is_null());
  EXPECT_TRUE(At(Json(), {"a", "b"}).is_null());
}

TEST(StrictReadersTest, WrongTypesNameTheField) {
  Json value = Parse(R"({"s":"x","n":7,"b":true,"z":null})");
  EXPECT_THAT(OptionalString(value, "s"), IsOkAndHolds(std::string("x")));
  EXPECT_THAT(OptionalString(value, "z"), IsOkAndHolds(std::nullopt));
  EXPECT_THAT(OptionalString(value, "y"), IsOkAndHolds(std::nullopt));
  EXPECT_THAT(
      OptionalString(value, "n"),
      StatusIs(absl::StatusCode::kInvalidArgument, "n: expected a string"));
  EXPECT_THAT(OptionalInt(value, "n"), IsOkAndHolds(7));
  EXPECT_THAT(
      OptionalInt(value, "s"),
      StatusIs(absl::StatusCode::kInvalidArgument, "s: expected an integer"));
  EXPECT_THAT(OptionalBool(value, "b"), IsOkAndHolds(true));
  EXPECT_THAT(OptionalBool(value, "n"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "n: expected true or false"));
}

}  // namespace
}  // namespace runtime
