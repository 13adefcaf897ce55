// SPDX-License-Identifier: Apache-2.0
#include "cri/sandbox/sysctl.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace cri::sandbox {
namespace {

absl::Status Refuse(absl::string_view name, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("sysctl \"", name, "\" ", why));
}

bool IsIpc(absl::string_view name) {
  return absl::StartsWith(name, "kernel.shm") ||
         absl::StartsWith(name, "kernel.msg") || name == "kernel.sem" ||
         absl::StartsWith(name, "fs.mqueue.");
}

absl::Status CheckName(absl::string_view name) {
  auto fine = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' ||
           c == '-' || c == '.' || c == '@';
  };
  if (name.empty() || name.size() > 253 ||
      !std::all_of(name.begin(), name.end(), fine) ||
      absl::StrContains(name, "..") || absl::StartsWith(name, ".") ||
      absl::EndsWith(name, ".")) {
    return Refuse(name, "is not a sysctl name");
  }
  return absl::OkStatus();
}

absl::Status CheckValue(absl::string_view name, absl::string_view value) {
  auto fine = [](char c) {
    return c == '\t' || c == ' ' ||
           (absl::ascii_isgraph(static_cast<unsigned char>(c)) && c != '+' &&
            c != '=' && c != '/' && c != '\\');
  };
  if (value.empty() || value.size() > 1024 ||
      !std::all_of(value.begin(), value.end(), fine) ||
      absl::StripAsciiWhitespace(value) != value) {
    return Refuse(name,
                  "has a value that is empty or holds a character "
                  "no sysctl takes");
  }
  return absl::OkStatus();
}

absl::Status CheckNamespace(absl::string_view name, bool host_network,
                            bool host_ipc) {
  if (absl::StartsWith(name, "net.")) {
    return host_network ? Refuse(name,
                                 "would change the host: the pod uses "
                                 "the host's network")
                        : absl::OkStatus();
  }
  if (IsIpc(name)) {
    return host_ipc ? Refuse(name,
                             "would change the host: the pod uses the "
                             "host's IPC namespace")
                    : absl::OkStatus();
  }
  return Refuse(name, "is not of a namespace that a pod has of its own");
}

}  // namespace

absl::StatusOr<std::map<std::string, std::string>> ValidateSysctls(
    const SysctlMap& sysctls, bool host_network, bool host_ipc) {
  std::map<std::string, std::string> result;
  for (const auto& [key, value] : sysctls) {
    std::string name = key;
    // As sysctl(8): the first separator decides which one is used, and with
    // slashes a dot is part of a component (an interface such as eth0.1).
    size_t separator = name.find_first_of("./");
    if (separator != std::string::npos && name[separator] == '/') {
      if (absl::StrContains(name, ".")) {
        return Refuse(key, "mixes slashes and dots");
      }
      std::replace(name.begin(), name.end(), '/', '.');
    }
    RETURN_IF_ERROR(CheckName(name));
    RETURN_IF_ERROR(CheckValue(name, value));
    RETURN_IF_ERROR(CheckNamespace(name, host_network, host_ipc));
    if (!result.emplace(name, value).second) {
      return Refuse(name, "is given twice, with dots and with slashes");
    }
  }
  return result;
}

}  // namespace cri::sandbox
