// SPDX-License-Identifier: Apache-2.0
#include "agent/server/log_query.h"

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace agent::server {
namespace {

absl::Status Undecodable(absl::string_view name, absl::string_view value) {
  return absl::InvalidArgumentError(
      absl::StrCat("Unable to decode query: ", name, "=", value.substr(0, 64)));
}

absl::Status Invalid(absl::string_view what) {
  return absl::OutOfRangeError(absl::StrCat("Invalid request: ", what));
}

// As the API machinery reads booleans: present without a value is true.
bool Flag(const QueryParameters& query, absl::string_view name) {
  const std::string* value = FindParameter(query, name);
  return value != nullptr && *value != "0" &&
         !absl::EqualsIgnoreCase(*value, "false");
}

absl::StatusOr<std::optional<int64_t>> Number(const QueryParameters& query,
                                              absl::string_view name) {
  const std::string* value = FindParameter(query, name);
  if (value == nullptr || value->empty()) return std::nullopt;
  int64_t number = 0;
  if (!absl::SimpleAtoi(*value, &number)) return Undecodable(name, *value);
  return number;
}

absl::Status ReadSince(const QueryParameters& query, absl::Time now,
                       LogQuery* out) {
  ASSIGN_OR_RETURN(std::optional<int64_t> seconds,
                   Number(query, "sinceSeconds"));
  const std::string* time = FindParameter(query, "sinceTime");
  bool has_time = time != nullptr && !time->empty();
  if (seconds && has_time) {
    return Invalid("at most one of sinceTime or sinceSeconds may be specified");
  }
  if (seconds) {
    if (*seconds < 1) return Invalid("sinceSeconds must be greater than 0");
    out->since = now - absl::Seconds(*seconds);
  }
  if (has_time) {
    absl::Time since;
    std::string error;
    if (!absl::ParseTime(absl::RFC3339_full, *time, &since, &error)) {
      return Undecodable("sinceTime", *time);
    }
    out->since = since;
  }
  return absl::OkStatus();
}

absl::Status ReadStream(const QueryParameters& query, LogQuery* out) {
  const std::string* stream = FindParameter(query, "stream");
  if (stream == nullptr || stream->empty() || *stream == "All") {
    return absl::OkStatus();
  }
  if (*stream != "Stdout" && *stream != "Stderr") {
    return Invalid("stream must be All, Stdout or Stderr");
  }
  if (out->tail_lines) {
    return Invalid("tailLines and a specific stream cannot both be given");
  }
  out->stream = *stream == "Stdout" ? "stdout" : "stderr";
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LogQuery> ParseLogQuery(const QueryParameters& query,
                                       absl::Time now) {
  LogQuery out;
  out.follow = Flag(query, "follow");
  out.previous = Flag(query, "previous");
  out.timestamps = Flag(query, "timestamps");
  // "tail" is the parameter's old name; "all" is the same as none.
  const std::string* tail = FindParameter(query, "tail");
  if (tail == nullptr || tail->empty()) {
    ASSIGN_OR_RETURN(out.tail_lines, Number(query, "tailLines"));
  } else if (*tail != "all") {
    ASSIGN_OR_RETURN(out.tail_lines, Number(query, "tail"));
  }
  if (out.tail_lines && *out.tail_lines < 0) {
    return Invalid("tailLines must be greater than or equal to 0");
  }
  ASSIGN_OR_RETURN(out.limit_bytes, Number(query, "limitBytes"));
  if (out.limit_bytes && *out.limit_bytes < 1) {
    return Invalid("limitBytes must be greater than 0");
  }
  RETURN_IF_ERROR(ReadSince(query, now, &out));
  RETURN_IF_ERROR(ReadStream(query, &out));
  return out;
}

}  // namespace agent::server
