// SPDX-License-Identifier: Apache-2.0
#include "agent/api/splitter.h"

#include "tests/support/status_matchers.h"

namespace agent::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

// Feeds `text` in pieces of `step` bytes.
std::vector<std::string> Split(const std::string& text, size_t step,
                               absl::Status* status) {
  JsonSplitter splitter(64);
  std::vector<std::string> out;
  for (size_t i = 0; i < text.size() && status->ok(); i += step) {
    *status = splitter.Feed(absl::string_view(text).substr(i, step),
                            [&](const std::string& object) {
                              out.push_back(object);
                              return absl::OkStatus();
                            });
  }
  return out;
}

TEST(JsonSplitterTest, CutsObjectsWhereverThePiecesEnd) {
  const std::string text =
      "{\"a\":\"}{\"}\n{\"b\":[{\"c\":1}]}{\"d\":\"\\\"}\"}\r\n ";
  for (size_t step = 1; step <= text.size(); ++step) {
    absl::Status status;
    EXPECT_THAT(Split(text, step, &status),
                ElementsAre("{\"a\":\"}{\"}", "{\"b\":[{\"c\":1}]}",
                            "{\"d\":\"\\\"}\"}"))
        << "step " << step;
    EXPECT_THAT(status, IsOk());
  }
}

TEST(JsonSplitterTest, RefusesWhatIsNoObject) {
  absl::Status status;
  Split("{} <html>", 100, &status);
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                               HasSubstr("<html>")));
}

TEST(JsonSplitterTest, RefusesAnObjectAboveTheCapEvenUnfinished) {
  for (const bool finished : {true, false}) {
    absl::Status status;
    Split("{\"a\":\"" + std::string(70, 'x') + (finished ? "\"}" : ""), 7,
          &status);
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted));
  }
}

TEST(JsonSplitterTest, KnowsWhetherAnObjectIsHalfRead) {
  JsonSplitter splitter(64);
  const auto sink = [](const std::string&) { return absl::OkStatus(); };
  ASSERT_THAT(splitter.Feed("{\"a\":", sink), IsOk());
  EXPECT_FALSE(splitter.AtBoundary());
  ASSERT_THAT(splitter.Feed("1}", sink), IsOk());
  EXPECT_TRUE(splitter.AtBoundary());
}

}  // namespace
}  // namespace agent::api
