// SPDX-License-Identifier: Apache-2.0
#include "agent/node/facts.h"

#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/base/file.h"

namespace agent::node {
namespace {

// The file's text without surrounding white space, "" if unreadable.
std::string Line(const std::string& path) {
  auto text = runtime::ReadFile(path);
  if (!text.ok()) return "";
  return std::string(absl::StripAsciiWhitespace(*text));
}

int64_t Number(const std::string& path) {
  int64_t value = 0;
  return absl::SimpleAtoi(Line(path), &value) ? value : 0;
}

std::string FirstLine(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    if (std::string line = Line(path); !line.empty()) return line;
  }
  return "";
}

std::string GoArchitecture(absl::string_view machine) {
  if (machine == "x86_64") return "amd64";
  if (machine == "aarch64") return "arm64";
  return std::string(machine);
}

std::map<std::string, int64_t> ReadHugepages() {
  constexpr char kDir[] = "/sys/kernel/mm/hugepages";
  std::map<std::string, int64_t> pages;
  const auto names = runtime::ListDir(kDir);
  if (!names.ok()) return pages;
  for (const std::string& name : *names) {
    absl::string_view size = name;
    int64_t kib = 0;
    if (!absl::ConsumePrefix(&size, "hugepages-") ||
        !absl::ConsumeSuffix(&size, "kB") || !absl::SimpleAtoi(size, &kib)) {
      continue;
    }
    const std::string unit = kib % (1 << 20) == 0
                                 ? absl::StrCat(kib >> 20, "Gi")
                                 : absl::StrCat(kib >> 10, "Mi");
    pages[absl::StrCat("hugepages-", unit)] =
        Number(absl::StrCat(kDir, "/", name, "/nr_hugepages")) * kib * 1024;
  }
  return pages;
}

}  // namespace

int64_t MeminfoBytes(absl::string_view text, absl::string_view key) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    int64_t kib = 0;
    if (!absl::ConsumePrefix(&line, key) || !absl::ConsumePrefix(&line, ":")) {
      continue;
    }
    line = absl::StripSuffix(absl::StripAsciiWhitespace(line), " kB");
    return absl::SimpleAtoi(line, &kib) ? kib * 1024 : 0;
  }
  return 0;
}

std::string PrettyName(absl::string_view os_release) {
  for (absl::string_view line : absl::StrSplit(os_release, '\n')) {
    if (!absl::ConsumePrefix(&line, "PRETTY_NAME=")) continue;
    line = absl::StripAsciiWhitespace(line);
    if (line.size() >= 2 && line.front() == line.back() &&
        (line.front() == '"' || line.front() == '\'')) {
      line = line.substr(1, line.size() - 2);
    }
    return std::string(line);
  }
  return "";
}

HostFacts ReadHostFacts() {
  HostFacts facts;
  facts.machine_id = FirstLine({"/etc/machine-id", "/var/lib/dbus/machine-id"});
  facts.system_uuid =
      FirstLine({"/sys/class/dmi/id/product_uuid", "/proc/device-tree/vm,uuid",
                 "/etc/machine-id"});
  facts.boot_id = Line("/proc/sys/kernel/random/boot_id");
  utsname names = {};
  uname(&names);
  facts.kernel_version = names.release;
  facts.architecture = GoArchitecture(names.machine);
  for (const char* path : {"/etc/os-release", "/usr/lib/os-release"}) {
    const auto text = runtime::ReadFile(path);
    if (!text.ok()) continue;
    facts.os_image = PrettyName(*text);
    break;
  }
  facts.cpus = sysconf(_SC_NPROCESSORS_ONLN);
  const auto meminfo = runtime::ReadFile("/proc/meminfo");
  if (meminfo.ok()) {
    facts.memory_bytes = MeminfoBytes(*meminfo, "MemTotal");
    facts.swap_bytes = MeminfoBytes(*meminfo, "SwapTotal");
  }
  facts.hugepages = ReadHugepages();
  return facts;
}

Usage ReadUsage(const std::string& directory) {
  Usage usage;
  const auto meminfo = runtime::ReadFile("/proc/meminfo");
  if (meminfo.ok()) {
    usage.memory_available = MeminfoBytes(*meminfo, "MemAvailable");
  }
  struct statvfs fs = {};
  if (statvfs(directory.c_str(), &fs) == 0) {
    usage.disk_bytes = static_cast<int64_t>(fs.f_blocks * fs.f_frsize);
    usage.disk_available = static_cast<int64_t>(fs.f_bavail * fs.f_frsize);
    usage.inodes = static_cast<int64_t>(fs.f_files);
    usage.inodes_free = static_cast<int64_t>(fs.f_favail);
  }
  usage.pids_max = Number("/proc/sys/kernel/pid_max");
  // "0.00 0.01 0.05 1/234 5678": the fourth field ends in the number of tasks.
  const std::vector<std::string> load =
      absl::StrSplit(Line("/proc/loadavg"), ' ');
  if (load.size() > 3) {
    const std::vector<std::string> tasks = absl::StrSplit(load[3], '/');
    if (tasks.size() == 2 && !absl::SimpleAtoi(tasks[1], &usage.pids_used)) {
      usage.pids_used = 0;
    }
  }
  return usage;
}

}  // namespace agent::node
