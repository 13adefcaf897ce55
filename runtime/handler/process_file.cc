// SPDX-License-Identifier: Apache-2.0
#include "runtime/handler/process_file.h"

#include <sys/mman.h>

#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/status.h"

namespace runtime::handler {

absl::StatusOr<UniqueFd> ProcessFile(const std::vector<std::string>& args,
                                     bool terminal) {
  const Json process = {{"args", args}, {"terminal", terminal}};
  UniqueFd fd(memfd_create("process.json", MFD_CLOEXEC));
  if (!fd.ok()) return ErrnoStatus("memfd_create");
  RETURN_IF_ERROR(WriteAll(fd.get(), DumpJson(process), "process.json"));
  return fd;
}

}  // namespace runtime::handler
