// SPDX-License-Identifier: Apache-2.0
// The normal world's side of report_child.h.
#ifndef CORACLE_RUNTIME_LAUNCH_REPORT_H_
#define CORACLE_RUNTIME_LAUNCH_REPORT_H_

#include "absl/status/status.h"
#include "runtime/launch/report_child.h"

namespace runtime::launch {

// Tells the keeper what went wrong.
void ReportFailure(const absl::Status& status, Reporter* reporter);

}  // namespace runtime::launch

#endif  // CORACLE_RUNTIME_LAUNCH_REPORT_H_
