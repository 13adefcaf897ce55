// SPDX-License-Identifier: Apache-2.0
// Outage makes few lines of the log out of the tries of a loop that needs the
// API server: one when they begin to fail, one a minute while they go on to,
// and one when they work again. Not thread safe: it belongs to the loop's
// thread.
#ifndef CORACLE_AGENT_API_OUTAGE_H_
#define CORACLE_AGENT_API_OUTAGE_H_

#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "runtime/base/log.h"

namespace agent::api {

class Outage {
 public:
  using Clock = std::function<absl::Time()>;
  using Log = std::function<void(runtime::log::Level, absl::string_view)>;

  // `what` fails and works again in the lines: "pod watch". Clock and log are
  // for tests.
  explicit Outage(std::string what, Clock clock = absl::Now,
                  Log log = runtime::log::Write)
      : what_(std::move(what)),
        clock_(std::move(clock)),
        log_(std::move(log)) {}

  // A try failed. A warning, unless the same cause was told within the last
  // minute, whether it works in between or not. The cause is the status code:
  // messages tell times and ports.
  void Failed(const absl::Status& why);
  // It works. A line with how long it did not, if that was told.
  void Over();

 private:
  const std::string what_;
  const Clock clock_;
  const Log log_;
  absl::Time began_ = absl::InfiniteFuture();  // of the failing; if it works
  absl::Time told_at_ = absl::InfinitePast();
  absl::StatusCode told_ = absl::StatusCode::kOk;
  bool is_told_ = false;  // of this outage
};

}  // namespace agent::api

#endif  // CORACLE_AGENT_API_OUTAGE_H_
