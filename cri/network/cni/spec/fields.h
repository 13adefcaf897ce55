// SPDX-License-Identifier: Apache-2.0
// Reading the JSON of CNI strictly: each reader names the field and what was
// expected in it. A missing field or null leaves the target as it is.
#ifndef CORACLE_CRI_NETWORK_CNI_SPEC_FIELDS_H_
#define CORACLE_CRI_NETWORK_CNI_SPEC_FIELDS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "cri/network/cni/spec/address.h"
#include "runtime/base/json.h"

namespace cri::network::cni {

using runtime::Json;

// INVALID_ARGUMENT "<field>: <reason>". An empty field is the value itself that
// is being read.
absl::Status FieldError(absl::string_view field, absl::string_view reason);

absl::Status Read(const Json& object, absl::string_view key, std::string& to);
absl::Status Read(const Json& object, absl::string_view key, bool& to);
absl::Status Read(const Json& object, absl::string_view key, Ip& to);
absl::Status Read(const Json& object, absl::string_view key,
                  std::optional<Ip>& to);
absl::Status Read(const Json& object, absl::string_view key, IpNet& to);
absl::Status Read(const Json& object, absl::string_view key,
                  std::vector<std::string>& to);
// A whole number from `least` to `most`.
absl::Status ReadNumber(const Json& object, absl::string_view key,
                        int64_t least, int64_t most, int64_t& to);

// Calls `each` with every item of the array `key`; errors get "key[i]" before.
absl::Status ReadEach(const Json& object, absl::string_view key,
                      const std::function<absl::Status(const Json&)>& each);

// OK if `value` is an object, else INVALID_ARGUMENT.
absl::Status CheckObject(const Json& value);

// `status`, an error about a part of `field`, with that said before.
absl::Status Within(const absl::Status& status, absl::string_view field);

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_SPEC_FIELDS_H_
