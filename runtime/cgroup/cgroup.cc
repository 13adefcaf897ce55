// SPDX-License-Identifier: Apache-2.0
#include "runtime/cgroup/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/cgroup/limits.h"
#include "runtime/cgroup/meter.h"
#include "runtime/cgroup/meter_parse.h"
#include "runtime/cgroup/processes.h"

namespace runtime::cgroup {
namespace {

constexpr int kMostTries = 100;

// A new v1 cpuset is empty and takes no process: it starts as its parent.
absl::Status InheritCpuset(const std::string& parent,
                           const std::string& child) {
  for (const char* file : {"/cpuset.cpus", "/cpuset.mems"}) {
    ASSIGN_OR_RETURN(std::string value, ReadFile(child + file, 4096));
    if (!absl::StripAsciiWhitespace(value).empty()) continue;
    ASSIGN_OR_RETURN(value, ReadFile(parent + file, 4096));
    RETURN_IF_ERROR(WriteFile(child + file, absl::StripAsciiWhitespace(value)));
  }
  return absl::OkStatus();
}

// Passes every controller on to the children of `directory`. Those that the
// kernel refuses (a process lives here) are left out: a limit that needs one
// then fails by name.
absl::Status EnableControllers(const std::string& directory) {
  ASSIGN_OR_RETURN(std::string controllers,
                   ReadFile(directory + "/cgroup.controllers", 4096));
  for (absl::string_view name : absl::StrSplit(
           absl::StripAsciiWhitespace(controllers), ' ', absl::SkipEmpty())) {
    WriteFile(directory + "/cgroup.subtree_control", absl::StrCat("+", name))
        .IgnoreError();
  }
  return absl::OkStatus();
}

absl::Status TryCreateIn(const Hierarchy& hierarchy, const std::string& path,
                         bool enable_controllers) {
  bool cpuset = false;
  for (const std::string& name : hierarchy.controllers) {
    cpuset |= name == "cpuset";
  }
  std::string full = JoinPath(hierarchy.mount_point, path);
  if (!cpuset && !enable_controllers) {
    if (mkdir(full.c_str(), 0755) == 0 || errno == EEXIST) {
      return absl::OkStatus();
    }
  }
  std::string parent = hierarchy.mount_point;
  for (absl::string_view part : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    if (enable_controllers) RETURN_IF_ERROR(EnableControllers(parent));
    std::string child = absl::StrCat(parent, "/", part);
    if (mkdir(child.c_str(), 0755) != 0 && errno != EEXIST) {
      return ErrnoStatus(absl::StrCat("mkdir ", child));
    }
    if (cpuset) RETURN_IF_ERROR(InheritCpuset(parent, child));
    parent = std::move(child);
  }
  return absl::OkStatus();
}

// Whoever removes an empty parent at the same time (the last pod in it ends)
// can do so between the two mkdirs: then both are made again.
absl::Status CreateIn(const Hierarchy& hierarchy, const std::string& path,
                      bool enable_controllers) {
  absl::Status status;
  for (int tries = 0; tries < kMostTries; ++tries) {
    status = TryCreateIn(hierarchy, path, enable_controllers);
    if (!absl::IsNotFound(status)) break;
  }
  return status;
}

// Memory that the kernel can neither drop nor swap out.
absl::Status CheckMemory(const Layout& layout, const std::string& path,
                         const spec::Resources& resources) {
  const int64_t limit = resources.memory_limit.value_or(-1);
  if (limit < 0) return absl::OkStatus();
  ASSIGN_OR_RETURN(Usage usage, Meter(layout, path).Read());
  uint64_t droppable = usage.cache - std::min(usage.cache, usage.shmem);
  struct sysinfo host {};
  if (sysinfo(&host) == 0) droppable += host.freeswap * host.mem_unit;
  const uint64_t needed = usage.memory - std::min(usage.memory, droppable);
  if (static_cast<uint64_t>(limit) >= needed) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("linux.resources.memory.limit: ", limit, " is below the ",
                   needed, " bytes in use"));
}

}  // namespace

absl::StatusOr<Cgroup> Cgroup::At(const std::string& path) {
  ASSIGN_OR_RETURN(const Layout layout, Detect());
  return At(path, layout);
}

absl::StatusOr<Cgroup> Cgroup::At(const std::string& path,
                                  const Layout& layout) {
  if (path.find(':') != std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat(
        "linux.cgroupsPath: \"", path,
        "\" is a systemd path; this runtime drives cgroupfs directly"));
  }
  std::string clean;
  for (absl::string_view part : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    if (part == "..") {
      return absl::InvalidArgumentError(
          absl::StrCat("linux.cgroupsPath: \"", path, "\" contains .."));
    }
    if (part != ".") absl::StrAppend(&clean, "/", part);
  }
  if (clean.empty()) {
    return absl::InvalidArgumentError("linux.cgroupsPath: names no cgroup");
  }
  Cgroup cgroup;
  cgroup.layout_ = layout;
  cgroup.path_ = std::move(clean);
  return cgroup;
}

std::string Cgroup::Directory(const Hierarchy& hierarchy) const {
  return JoinPath(hierarchy.mount_point, path_);
}

absl::Status Cgroup::Create() {
  for (const Hierarchy& hierarchy : layout_.hierarchies) {
    RETURN_IF_ERROR(Annotate(CreateIn(hierarchy, path_, layout_.v2), "cgroup"));
  }
  return absl::OkStatus();
}

absl::Status Cgroup::Limit(const spec::Resources& resources,
                           const std::vector<spec::Device>& devices) {
  Writes writes(/*undoable=*/false);
  return Annotate(Write(resources, devices, writes), "cgroup");
}

absl::Status Cgroup::Update(const spec::Resources& resources) {
  spec::Resources limits = resources;
  limits.devices.clear();
  RETURN_IF_ERROR(CheckMemory(layout_, path_, limits));
  Writes writes(/*undoable=*/true);
  absl::Status status = Annotate(Write(limits, {}, writes), "cgroup");
  if (status.ok()) return status;
  absl::Status undone = writes.Undo();
  if (undone.ok()) return status;
  return Annotate(status,
                  absl::StrCat("half of it stays (", undone.message(), ")"));
}

absl::Status Cgroup::Write(const spec::Resources& resources,
                           const std::vector<spec::Device>& devices,
                           Writes& writes) {
  return layout_.v2 ? LimitV2(Directory(layout_.hierarchies[0]), resources,
                              devices, writes)
                    : LimitV1(layout_, path_, resources, devices, writes);
}

absl::StatusOr<std::vector<UniqueFd>> Cgroup::OpenDoors(bool v2_joined) const {
  std::vector<UniqueFd> doors;
  for (const Hierarchy& hierarchy : layout_.hierarchies) {
    if (hierarchy.v2 && v2_joined) continue;
    std::string file =
        Directory(hierarchy) + (hierarchy.v2 ? "/cgroup.procs" : "/tasks");
    absl::StatusOr<UniqueFd> fd = OpenFile(file, O_WRONLY);
    RETURN_IF_ERROR(Annotate(fd.status(), "cgroup"));
    doors.push_back(*std::move(fd));
  }
  return doors;
}

UniqueFd Cgroup::OpenUnified() const {
  const Hierarchy* unified = layout_.Unified();
  if (unified == nullptr) return UniqueFd();
  return UniqueFd(
      open(Directory(*unified).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

UniqueFd Cgroup::OpenUnifiedOf(absl::string_view membership) const {
  const Hierarchy* unified = layout_.Unified();
  if (unified == nullptr) return UniqueFd();
  for (absl::string_view line : absl::StrSplit(membership, '\n')) {
    if (!absl::ConsumePrefix(&line, "0::")) continue;
    if (line != path_ && !absl::StartsWith(line, path_ + "/")) break;
    return UniqueFd(open(absl::StrCat(unified->mount_point, line).c_str(),
                         O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  return UniqueFd();
}

absl::StatusOr<std::vector<pid_t>> Cgroup::Pids() const {
  std::vector<pid_t> pids;
  const Hierarchy* hierarchy = layout_.Find("pids");
  if (hierarchy == nullptr) hierarchy = layout_.Find("memory");
  if (hierarchy == nullptr) hierarchy = &layout_.hierarchies[0];
  const std::string directory = Directory(*hierarchy);
  absl::StatusOr<std::string> own = ReadFile(directory + "/cgroup.procs");
  if (own.ok()) pids = ParsePids(*own);
  AddProcessesBelow(directory, pids);
  return pids;
}

absl::Status Cgroup::Freeze(bool frozen) {
  if (layout_.v2) {
    return WriteFile(Directory(layout_.hierarchies[0]) + "/cgroup.freeze",
                     frozen ? "1" : "0");
  }
  const Hierarchy* freezer = layout_.Find("freezer");
  if (freezer == nullptr) {
    return absl::UnimplementedError(
        "this host has no cgroup controller freezer");
  }
  return WriteFile(Directory(*freezer) + "/freezer.state",
                   frozen ? "FROZEN" : "THAWED");
}

UniqueFd Cgroup::OpenFreezer() const {
  std::string file;
  if (layout_.v2) {
    file = Directory(layout_.hierarchies[0]) + "/cgroup.freeze";
  } else if (const Hierarchy* freezer = layout_.Find("freezer")) {
    file = Directory(*freezer) + "/freezer.state";
  }
  return UniqueFd(open(file.c_str(), O_RDONLY | O_CLOEXEC));
}

bool Cgroup::IsFrozen(int freezer) {
  char text[64];
  const ssize_t size = pread(freezer, text, sizeof text, 0);
  if (size <= 0) return false;
  const absl::string_view state = absl::StripAsciiWhitespace(
      absl::string_view(text, static_cast<size_t>(size)));
  return state != "0" && state != "THAWED";
}

bool Cgroup::IsFrozen() const { return IsFrozen(OpenFreezer().get()); }

}  // namespace runtime::cgroup
