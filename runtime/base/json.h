// SPDX-License-Identifier: Apache-2.0
// Reading JSON that others wrote, without exceptions: a missing key or a wrong
// type gives the default or a Status that names the field, never an abort.
#ifndef CORACLE_RUNTIME_BASE_JSON_H_
#define CORACLE_RUNTIME_BASE_JSON_H_

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace runtime {

using Json = nlohmann::json;

// Parses `text`; `source` names it in the error ("config.json: byte 17: …").
// Nesting is limited to 128 levels.
absl::StatusOr<Json> ParseJson(absl::string_view text,
                               absl::string_view source);

// Compact text; invalid UTF-8 is replaced, never an abort.
std::string DumpJson(const Json& value);

// The value at `path` (object keys), or a null value that lives for ever.
const Json& At(const Json& value, absl::string_view key);
const Json& At(const Json& value,
               std::initializer_list<absl::string_view> path);

bool Has(const Json& value, absl::string_view key);

// Lenient readers: the default if the key is missing or of another type.
std::string StringAt(const Json& value, absl::string_view key,
                     absl::string_view fallback = "");
std::string StringAt(const Json& value,
                     std::initializer_list<absl::string_view> path,
                     absl::string_view fallback = "");
int64_t IntAt(const Json& value, absl::string_view key, int64_t fallback = 0);
bool BoolAt(const Json& value, absl::string_view key, bool fallback = false);

// Array or object at `key`; an empty one if missing or of another type. Safe to
// iterate: `for (const Json& item : ArrayAt(pod, "items"))`.
const Json& ArrayAt(const Json& value, absl::string_view key);
const Json& ObjectAt(const Json& value, absl::string_view key);

// Strict readers for our own formats and the OCI config: INVALID_ARGUMENT with
// "<field>: expected a string" on a wrong type; nullopt if missing or null.
absl::StatusOr<std::optional<std::string>> OptionalString(
    const Json& value, absl::string_view key);
absl::StatusOr<std::optional<int64_t>> OptionalInt(const Json& value,
                                                   absl::string_view key);
absl::StatusOr<std::optional<bool>> OptionalBool(const Json& value,
                                                 absl::string_view key);

}  // namespace runtime

#endif  // CORACLE_RUNTIME_BASE_JSON_H_
