// SPDX-License-Identifier: Apache-2.0
#ifndef CORACLE_RUNTIME_SPEC_PROC_FILE_H_
#define CORACLE_RUNTIME_SPEC_PROC_FILE_H_

#include "absl/strings/string_view.h"

namespace runtime::spec {

// True of the files of /proc that tools such as lxcfs replace. No mount may
// cover anything else in a container's procfs, or writes that are meant for it
// would land elsewhere (CVE-2019-16884). `destination` is absolute and clean.
bool MayBeCovered(absl::string_view destination);

}  // namespace runtime::spec

#endif  // CORACLE_RUNTIME_SPEC_PROC_FILE_H_
