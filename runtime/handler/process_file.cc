// SPDX-License-Identifier: Apache-2.0
#include "runtime/handler/process_file.h"

#include <sys/mman.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/status.h"

namespace runtime::handler {
namespace {

absl::StatusOr<UniqueFd> InMemory(const Json& process) {
  UniqueFd fd(memfd_create("process.json", MFD_CLOEXEC));
  if (!fd.ok()) return ErrnoStatus("memfd_create");
  RETURN_IF_ERROR(WriteAll(fd.get(), DumpJson(process), "process.json"));
  return fd;
}

}  // namespace

absl::StatusOr<UniqueFd> ProcessFile(const std::vector<std::string>& args) {
  return InMemory({{"args", args}});
}

absl::StatusOr<UniqueFd> ProcessFile(const std::string& config_json,
                                     const std::vector<std::string>& args,
                                     bool terminal) {
  ASSIGN_OR_RETURN(Json config, ParseJson(config_json, "config.json"));
  Json process = ObjectAt(config, "process");
  process["args"] = args;
  process["terminal"] = terminal;
  process.erase("consoleSize");  // of the container's own terminal
  const Json env = ArrayAt(process, "env");
  const bool has_term =
      std::any_of(env.begin(), env.end(), [](const Json& entry) {
        return entry.is_string() &&
               absl::StartsWith(entry.get_ref<const std::string&>(), "TERM=");
      });
  if (terminal && !has_term) process["env"].push_back("TERM=xterm");
  return InMemory(process);
}

}  // namespace runtime::handler
