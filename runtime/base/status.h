// SPDX-License-Identifier: Apache-2.0
// The normal world's errors: absl::Status, how a failed system call becomes
// one, and the macros that pass one on. See tests and README.md of this room.
#ifndef CORACLE_RUNTIME_BASE_STATUS_H_
#define CORACLE_RUNTIME_BASE_STATUS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace runtime {

// Status of a system call that failed: `what` names call and object
// ("open /etc/hosts"); the text of `error` (an errno) follows after a colon.
// The code is mapped from errno (ENOENT → NOT_FOUND, EEXIST → ALREADY_EXISTS,
// EACCES and EPERM → PERMISSION_DENIED, …), so that callers can act on it.
absl::Status ErrnoStatus(int error, absl::string_view what);

// The same with the current errno.
absl::Status ErrnoStatus(absl::string_view what);

// `status` with "context: " before its message; OK stays OK. Payloads and code
// are kept.
absl::Status Annotate(const absl::Status& status, absl::string_view context);

}  // namespace runtime

// Returns from the enclosing function if `expr` is not OK.
#define RETURN_IF_ERROR(expr)                                       \
  do {                                                              \
    if (absl::Status status_macro_ = (expr); !status_macro_.ok()) { \
      return status_macro_;                                         \
    }                                                               \
  } while (false)

#define CORACLE_CONCAT_INNER_(a, b) a##b
#define CORACLE_CONCAT_(a, b) CORACLE_CONCAT_INNER_(a, b)

// `lhs` = value of the StatusOr `expr`, or returns its status.
#define ASSIGN_OR_RETURN(lhs, expr) \
  ASSIGN_OR_RETURN_IMPL_(CORACLE_CONCAT_(status_or_, __LINE__), lhs, expr)
#define ASSIGN_OR_RETURN_IMPL_(tmp, lhs, expr)   \
  auto tmp = (expr);                             \
  if (!tmp.ok()) return std::move(tmp).status(); \
  lhs = *std::move(tmp)

#endif  // CORACLE_RUNTIME_BASE_STATUS_H_
