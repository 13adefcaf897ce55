// SPDX-License-Identifier: Apache-2.0
// How a session ended, and how large a terminal is, as text.
#include "cri/stream/resize.h"
#include "cri/stream/status_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/json.h"

namespace cri::stream {
namespace {

using runtime::Json;

TEST(StatusTextTest, IsAStatusObjectFromV4On) {
  EXPECT_EQ(Json::parse(StatusText(0, true)),
            Json::parse(R"({"metadata": {}, "status": "Success"})"));
  EXPECT_EQ(Json::parse(StatusText(3, true)), Json::parse(R"({
    "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
    "message": "command terminated with non-zero exit code: 3",
    "details": {"causes": [{"reason": "ExitCode", "message": "3"}]}})"));
  EXPECT_EQ(Json::parse(StatusText(absl::NotFoundError("no"), true)),
            Json::parse(R"({
    "metadata": {}, "status": "Failure", "reason": "InternalError",
    "message": "no", "details": {"causes": [{"message": "no"}]},
    "code": 500})"));
}

TEST(StatusTextTest, IsASentenceBeforeV4AndOnlyOfFailures) {
  EXPECT_EQ(StatusText(0, false), "");
  EXPECT_EQ(StatusText(3, false),
            "command terminated with non-zero exit code: 3");
  EXPECT_EQ(StatusText(absl::NotFoundError("no"), false), "no");
}

TEST(ResizeReaderTest, ReadsObjectsInPieces) {
  ResizeReader reader;
  EXPECT_FALSE(reader.Feed(R"({"Width":80,)"));
  const auto size = reader.Feed(R"("Height":24})");
  ASSERT_TRUE(size);
  EXPECT_EQ(size->columns, 80);
  EXPECT_EQ(size->rows, 24);
}

TEST(ResizeReaderTest, TheLastOneCounts) {
  ResizeReader reader;
  const auto size = reader.Feed(
      "{\"Width\":1,\"Height\":2}\n"
      "{\"Width\":3,\"Height\":4}\n{");
  ASSERT_TRUE(size);
  EXPECT_EQ(size->columns, 3);
  EXPECT_EQ(size->rows, 4);
}

TEST(ResizeReaderTest, SkipsWhatIsNoSize) {
  for (const char* text :
       {"", "}", "{}", "[1,2]", R"({"Width":"80","Height":24})",
        R"({"Width":0,"Height":0})", R"({"Width":70000,"Height":24})",
        R"({"Width":-1,"Height":24})", R"({"Width":1.5,"Height":24})"}) {
    EXPECT_FALSE(ResizeReader().Feed(text)) << text;
  }
}

TEST(ResizeReaderTest, OneThatIsTooLongDoesNotSpoilTheNext) {
  ResizeReader reader;
  EXPECT_FALSE(reader.Feed("{" + std::string(1 << 20, ' ')));
  EXPECT_TRUE(reader.Feed(R"({"Width":80,"Height":24})"));
}

}  // namespace
}  // namespace cri::stream
