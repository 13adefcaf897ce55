// SPDX-License-Identifier: Apache-2.0
#include "runtime/spec/sysctl.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace runtime::spec {
namespace {

constexpr std::array<absl::string_view, 8> kIpcFiles = {
    "kernel/msgmax", "kernel/msgmnb",         "kernel/msgmni",
    "kernel/sem",    "kernel/shmall",         "kernel/shmmax",
    "kernel/shmmni", "kernel/shm_rmid_forced"};

}  // namespace

bool IsSysctlName(absl::string_view name) {
  if (name.empty() || absl::StrContains(name, "..") ||
      absl::StrContains(name, "//") || absl::StrContains(name, "./") ||
      absl::StrContains(name, "/.")) {
    return false;
  }
  for (char c : name) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '.' &&
        c != '/' && c != '_' && c != '-') {
      return false;
    }
  }
  return name.front() != '.' && name.front() != '/' && name.back() != '.' &&
         name.back() != '/';
}

bool IsSysctlValue(absl::string_view value) {
  for (char c : value) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) &&
        !absl::StrContains(" \t.,:/_-", c)) {
      return false;
    }
  }
  return value.size() <= 4096;
}

std::string SysctlFile(absl::string_view name) {
  std::string file(name);
  size_t separator = file.find_first_of("./");
  if (separator == std::string::npos || file[separator] == '/') return file;
  // Here a slash stands for a dot within a name ("net.ipv4.conf.eth0/1.…").
  for (char& c : file) {
    if (c == '.') {
      c = '/';
    } else if (c == '/') {
      c = '.';
    }
  }
  return file;
}

absl::StatusOr<NamespaceKind> SysctlNamespace(absl::string_view name) {
  if (!IsSysctlName(name)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", name, "\" is not a sysctl name"));
  }
  std::string file = SysctlFile(name);
  // A swapped slash may have made a ".." that the name did not show.
  if (IsSysctlName(file)) {
    if (absl::StartsWith(file, "net/")) return NamespaceKind::kNetwork;
    if (absl::StartsWith(file, "fs/mqueue/")) return NamespaceKind::kIpc;
    if (file == "kernel/hostname" || file == "kernel/domainname") {
      return NamespaceKind::kUts;
    }
    if (std::find(kIpcFiles.begin(), kIpcFiles.end(), file) !=
        kIpcFiles.end()) {
      return NamespaceKind::kIpc;
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat(name, " is not a namespaced sysctl"));
}

}  // namespace runtime::spec
