// SPDX-License-Identifier: Apache-2.0
#ifndef CORACLE_RUNTIME_SPEC_SYSCTL_H_
#define CORACLE_RUNTIME_SPEC_SYSCTL_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/spec/spec.h"

namespace runtime::spec {

// The kind of namespace that owns the sysctl `name` (dots or slashes), or
// INVALID_ARGUMENT: not a sysctl name, or one that belongs to the whole host.
absl::StatusOr<NamespaceKind> SysctlNamespace(absl::string_view name);

// Its file below /proc/sys. "net.ipv4.ip_forward" → "net/ipv4/ip_forward"; a
// name whose first separator is a slash is a path already, so that interface
// names may contain dots.
std::string SysctlFile(absl::string_view name);

// Letters, digits, dot, slash, dash and underscore, no "..": nothing that could
// form a second path or a second setting (CVE-2022-0811).
bool IsSysctlName(absl::string_view name);

// Words and numbers; no "=", "+", "|" or control character, with which a value
// could be taken for a second setting by whatever reads it.
bool IsSysctlValue(absl::string_view value);

}  // namespace runtime::spec

#endif  // CORACLE_RUNTIME_SPEC_SYSCTL_H_
