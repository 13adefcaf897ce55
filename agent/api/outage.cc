// SPDX-License-Identifier: Apache-2.0
#include "agent/api/outage.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace agent::api {
namespace {

constexpr absl::Duration kTellAgain = absl::Minutes(1);

std::string Seconds(absl::Duration time) {
  return absl::FormatDuration(absl::Trunc(time, absl::Milliseconds(100)));
}

}  // namespace

void Outage::Failed(const absl::Status& why) {
  const absl::Time now = clock_();
  began_ = std::min(began_, now);
  if (why.code() == told_ && now - told_at_ < kTellAgain) return;
  std::string line = absl::StrCat(what_, ": ", why.message());
  absl::StrAppend(&line, is_told_
                             ? absl::StrCat("; for ", Seconds(now - began_))
                             : "; trying again");
  log_(runtime::log::Level::kWarning, line);
  told_at_ = now;
  told_ = why.code();
  is_told_ = true;
}

void Outage::Over() {
  if (is_told_) {
    log_(runtime::log::Level::kInfo, absl::StrCat(what_, " works again, after ",
                                                  Seconds(clock_() - began_)));
  }
  began_ = absl::InfiniteFuture();
  is_told_ = false;
}

}  // namespace agent::api
