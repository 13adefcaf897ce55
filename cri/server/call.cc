// SPDX-License-Identifier: Apache-2.0
#include "cri/server/call.h"

#include <chrono>

#include "runtime/base/log.h"

namespace cri::server {

uint64_t NextRequestId() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

absl::Time DeadlineOf(const grpc::CallbackServerContext& context) {
  // Without a deadline gRPC gives the end of time, which does not convert.
  std::chrono::system_clock::time_point deadline = context.deadline();
  auto left = deadline - std::chrono::system_clock::now();
  if (left > std::chrono::hours(24 * 365)) return absl::InfiniteFuture();
  return absl::FromChrono(deadline);
}

void LogCall(const Context& context, const absl::Status& status,
             absl::Duration took) {
  if (status.ok()) {
    runtime::log::Debug(context.method, " #", context.request_id, " done in ",
                        absl::FormatDuration(took));
    return;
  }
  if (absl::IsNotFound(status) || absl::IsUnimplemented(status)) {
    runtime::log::Debug(context.method, " #", context.request_id, ": ",
                        status.message());
    return;
  }
  runtime::log::Warning(context.method, " #", context.request_id,
                        " failed after ", absl::FormatDuration(took), ": ",
                        absl::StatusCodeToString(status.code()), ": ",
                        status.message());
}

}  // namespace cri::server
