// SPDX-License-Identifier: Apache-2.0
#include "agent/api/outage.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace agent::api {
namespace {

using runtime::log::Level;
using testing::ElementsAre;
using testing::IsEmpty;

class OutageTest : public testing::Test {
 protected:
  OutageTest()
      : outage_(
            "pod watch", [this] { return now_; },
            [this](Level level, absl::string_view line) {
              told_.push_back(absl::StrCat(
                  level == Level::kWarning ? "warning " : "", line));
            }) {}

  // Fails every second for `time`; the message differs each time.
  void FailFor(absl::Duration time) {
    for (const absl::Time end = now_ + time; now_ < end;
         now_ += absl::Seconds(1)) {
      outage_.Failed(
          absl::UnavailableError(absl::StrCat("refused, try ", ++tries_)));
    }
  }

  absl::Time now_ = absl::UnixEpoch();
  int tries_ = 0;
  std::vector<std::string> told_;
  Outage outage_;
};

TEST_F(OutageTest, BeginningAndEndAreToldOnce) {
  FailFor(absl::Seconds(50));
  outage_.Over();
  outage_.Over();
  EXPECT_THAT(told_, ElementsAre("warning pod watch: refused, try 1; trying "
                                 "again",
                                 "pod watch works again, after 50s"));
}

TEST_F(OutageTest, LongOneIsToldEveryMinute) {
  FailFor(absl::Seconds(150));
  outage_.Over();
  EXPECT_THAT(told_,
              ElementsAre("warning pod watch: refused, try 1; trying again",
                          "warning pod watch: refused, try 61; for 1m",
                          "warning pod watch: refused, try 121; for 2m",
                          "pod watch works again, after 2m30s"));
}

TEST_F(OutageTest, AnotherCauseIsToldAtOnce) {
  FailFor(absl::Seconds(2));
  outage_.Failed(absl::PermissionDeniedError("forbidden"));
  EXPECT_THAT(told_, ElementsAre("warning pod watch: refused, try 1; trying "
                                 "again",
                                 "warning pod watch: forbidden; for 2s"));
}

TEST_F(OutageTest, WhatBreaksAgainAndAgainIsToldOnceAMinute) {
  for (int i = 0; i < 30; ++i) {
    FailFor(absl::Seconds(1));
    outage_.Over();
  }
  EXPECT_THAT(told_, ElementsAre("warning pod watch: refused, try 1; trying "
                                 "again",
                                 "pod watch works again, after 1s"));
}

TEST_F(OutageTest, WhatWorksIsNotTold) {
  outage_.Over();
  EXPECT_THAT(told_, IsEmpty());
}

}  // namespace
}  // namespace agent::api
