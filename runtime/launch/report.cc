// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch/report.h"

#include <errno.h>

#include <string>

namespace runtime::launch {
namespace {

// The nearest errno of a status whose own was only text.
int ErrorOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kNotFound:
      return ENOENT;
    case absl::StatusCode::kPermissionDenied:
      return EACCES;
    case absl::StatusCode::kAlreadyExists:
      return EEXIST;
    case absl::StatusCode::kInvalidArgument:
      return EINVAL;
    case absl::StatusCode::kResourceExhausted:
      return ENOSPC;
    case absl::StatusCode::kInternal:
      return EIO;
    default:
      return 0;
  }
}

}  // namespace

void ReportFailure(const absl::Status& status, Reporter* reporter) {
  reporter->Failed(ErrorOf(status), std::string(status.message()).c_str());
}

}  // namespace runtime::launch
