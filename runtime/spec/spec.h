// SPDX-License-Identifier: Apache-2.0
// The OCI runtime configuration (config.json) as plain structs. Parse is strict
// where a wrong value would loosen the container (types, ranges, names) and
// ignores keys that it does not know, as the specification demands. No I/O.
#ifndef CORACLE_RUNTIME_SPEC_SPEC_H_
#define CORACLE_RUNTIME_SPEC_SPEC_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/spec/plain.h"
#include "runtime/spec/resources.h"
#include "runtime/spec/seccomp.h"

namespace runtime::spec {

struct User {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> additional_gids;
  std::optional<mode_t> umask;
};

struct Process {
  bool terminal = false;
  uint16_t rows = 0, columns = 0;  // of the terminal; 0 = leave
  User user;
  std::vector<std::string> args;
  std::vector<std::string> env;
  std::string cwd = "/";
  std::optional<Capabilities> capabilities;  // absent: none at all
  std::vector<Rlimit> rlimits;
  bool no_new_privileges = false;
  std::optional<int> oom_score_adj;
  std::string apparmor_profile;
  std::string selinux_label;
};

struct IdMapping {
  uint32_t container_id = 0, host_id = 0, size = 0;

  bool operator==(const IdMapping&) const = default;
};

struct Mount {
  std::string destination;
  std::string type;
  std::string source;
  std::vector<std::string> options;
  // How a bind shows the owners of its files; both lists or neither.
  std::vector<IdMapping> uid_mappings, gid_mappings;
};

enum class NamespaceKind {
  kPid,
  kNetwork,
  kMount,
  kIpc,
  kUts,
  kUser,
  kCgroup,
  kTime
};

struct Namespace {
  NamespaceKind kind = NamespaceKind::kMount;
  std::string path;  // "" = a new one
};

struct Device {
  char type = 'c';  // c, b, u or p
  std::string path;
  int64_t major = 0, minor = 0;
  mode_t mode = 0666;
  uid_t uid = 0;
  gid_t gid = 0;
};

struct Linux {
  std::vector<Namespace> namespaces;
  std::vector<IdMapping> uid_mappings, gid_mappings;
  std::vector<Device> devices;
  std::string cgroups_path;
  Resources resources;
  std::vector<std::pair<std::string, std::string>> sysctl;
  std::optional<Seccomp> seccomp;
  std::string rootfs_propagation;
  std::string mount_label;  // SELinux context of what the runtime mounts
  std::vector<std::string> masked_paths, readonly_paths;
};

struct Hook {
  std::string path;
  std::vector<std::string> args, env;
  int timeout_seconds = 0;  // 0 = none
};

struct Hooks {
  std::vector<Hook> prestart, create_runtime, create_container;
  std::vector<Hook> start_container, poststart, poststop;
};

struct Config {
  std::string oci_version;
  Process process;
  std::string root_path;
  bool root_readonly = false;
  std::string hostname, domainname;
  std::vector<Mount> mounts;
  std::map<std::string, std::string> annotations;
  Hooks hooks;
  Linux linux_section;

  // The namespace entry of that kind, or nullptr.
  const Namespace* FindNamespace(NamespaceKind kind) const;
};

// INVALID_ARGUMENT names field and reason: "config.json: process.user.uid:
// expected an integer from 0 to 4294967294".
absl::StatusOr<Config> Parse(absl::string_view json);

// A process object of its own (`exec --process`, ExecRequest::process_json).
// What it does not say about capabilities, rlimits, seccomp and the like is
// taken from `defaults`; user, cwd and env only if absent.
absl::StatusOr<Process> ParseProcess(absl::string_view json,
                                     const Process& defaults);

// Container IDs and all names used in a path: [a-zA-Z0-9_+-][a-zA-Z0-9_+.-]*,
// at most 1024 bytes.
bool IsValidId(absl::string_view id);

}  // namespace runtime::spec

#endif  // CORACLE_RUNTIME_SPEC_SPEC_H_
