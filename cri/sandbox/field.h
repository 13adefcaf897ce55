// SPDX-License-Identifier: Apache-2.0
// How a field of a request is refused.
#ifndef CORACLE_CRI_SANDBOX_FIELD_H_
#define CORACLE_CRI_SANDBOX_FIELD_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace cri::sandbox {

// INVALID_ARGUMENT "<field>: <why>".
absl::Status InvalidField(absl::string_view field, absl::string_view why);

// Enums are open on the wire: a newer client may send what this server does
// not know, and must not get something else instead.
absl::Status CheckEnum(absl::string_view field, bool valid, int value);

// Absolute, without a NUL, up to which a system call would see it.
absl::Status CheckPath(absl::string_view field, const std::string& path);

}  // namespace cri::sandbox

#endif  // CORACLE_CRI_SANDBOX_FIELD_H_
