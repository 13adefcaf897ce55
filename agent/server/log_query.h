// SPDX-License-Identifier: Apache-2.0
// The query of /containerLogs: which part of a log is wanted, in which form.
#ifndef CORACLE_AGENT_SERVER_LOG_QUERY_H_
#define CORACLE_AGENT_SERVER_LOG_QUERY_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/server/http.h"

namespace agent::server {

struct LogQuery {
  bool follow = false;
  bool previous = false;
  bool timestamps = false;
  std::optional<absl::Time> since;
  std::optional<int64_t> tail_lines;
  std::optional<int64_t> limit_bytes;
  std::string stream;  // "", "stdout", "stderr"
};

// INVALID_ARGUMENT if a value cannot be read (400), OUT_OF_RANGE if it makes no
// sense (422). `now` is what sinceSeconds counts from.
absl::StatusOr<LogQuery> ParseLogQuery(const QueryParameters& query,
                                       absl::Time now);

}  // namespace agent::server

#endif  // CORACLE_AGENT_SERVER_LOG_QUERY_H_
