// SPDX-License-Identifier: Apache-2.0
#include "runtime/checkpoint/criu.h"

#include <sys/utsname.h>
#include <unistd.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/base/status.h"

namespace runtime::checkpoint {
namespace {

// Files that are deleted but still open are part of the images up to this.
constexpr char kGhostLimit[] = "1G";
// The names that other engines expect when they restore.
constexpr char kNetworkKey[] = "extRootNetNS";
constexpr char kPidKey[] = "extRootPidNS";

std::string Release() {
  utsname name{};
  return uname(&name) == 0 ? name.release : "";
}

std::string FindProgram(absl::string_view name, absl::string_view dirs) {
  for (absl::string_view dir : absl::StrSplit(dirs, ':', absl::SkipEmpty())) {
    std::string path = absl::StrCat(dir, "/", name);
    if (access(path.c_str(), X_OK) == 0) return path;
  }
  return "";
}

// "mnt: no such thing" of "(00.416) Error (criu/mount.c:426): mnt: no …".
bool ParseError(absl::string_view line, std::string* text) {
  const size_t error = line.find("Error (");
  if (error == absl::string_view::npos) return false;
  const size_t end = line.find("): ", error);
  if (end == absl::string_view::npos) return false;
  *text = std::string(absl::StripAsciiWhitespace(line.substr(end + 3)));
  return true;
}

std::string Version(absl::string_view printed) {
  const size_t at = printed.find("Version: ");
  if (at == absl::string_view::npos) return "of unknown version";
  const std::vector<absl::string_view> words =
      absl::StrSplit(printed.substr(at + 9), absl::ByAnyChar(" \n"));
  return std::string(words.front());
}

}  // namespace

std::string FirstError(absl::string_view text) {
  std::string error;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (ParseError(line, &error)) break;
  }
  return error;
}

std::string LastError(absl::string_view log) {
  std::string error, last;
  for (absl::string_view line : absl::StrSplit(log, '\n')) {
    if (ParseError(line, &error) && !absl::StrContains(error, "FAILED")) {
      last = error;
    }
  }
  return last;
}

absl::StatusOr<Criu> FindCriu(const Runner& run, absl::string_view dirs) {
  Criu criu;
  criu.path = FindProgram("criu", dirs);
  if (criu.path.empty()) {
    return absl::UnimplementedError(
        absl::StrCat("checkpoints need CRIU, and there is no criu in ", dirs,
                     ": install the package criu"));
  }
  ASSIGN_OR_RETURN(const Output version, run({criu.path, "--version"}));
  criu.version = Version(version.out);
  ASSIGN_OR_RETURN(const Output check, run({criu.path, "check"}));
  if (check.code != 0) {
    const std::string said = FirstError(absl::StrCat(check.out, check.err));
    return absl::UnimplementedError(absl::StrCat(
        "CRIU ", criu.version, " does not work with Linux ", Release(), ": ",
        criu.path, " check: ",
        said.empty() ? absl::StrCat("exit code ", check.code) : said,
        "; install a newer criu, or a kernel that it knows"));
  }
  // Without it criu calls iptables-restore, which need not be there.
  ASSIGN_OR_RETURN(const Output lock, run({criu.path, "check", "--feature",
                                           "network_lock_nftables"}));
  criu.nftables = lock.code == 0;
  return criu;
}

std::vector<std::string> DumpCommand(const Criu& criu, const Dump& dump,
                                     size_t most_bytes) {
  std::vector<std::string> args = {
      criu.path, "dump", "--leave-running", "--tree", absl::StrCat(dump.pid),
      "--images-dir", dump.images_dir, "--work-dir", dump.work_dir,
      "--log-file", "dump.log", "-v4", "--action-script", dump.script,
      "--file-locks", "--tcp-established", "--skip-in-flight", "--ghost-limit",
      kGhostLimit, "--manage-cgroups=soft",
      // Whatever is not named below: also what is shared with the host.
      "--external", "mnt[]:ms"};
  const auto add = [&](std::initializer_list<std::string> words) {
    args.insert(args.end(), words);
  };
  if (criu.nftables) add({"--network-lock", "nftables"});
  if (!dump.freezer.empty()) add({"--freeze-cgroup", dump.freezer});
  // The terminal is a bind mount of a device whose master is outside.
  if (dump.tty) add({"--shell-job", "--external", "mnt[/dev/console]:console"});
  if (dump.network_namespace != 0) {
    add({"--external",
         absl::StrCat("net[", dump.network_namespace, "]:", kNetworkKey)});
  }
  if (dump.pid_namespace != 0) {
    add({"--external",
         absl::StrCat("pid[", dump.pid_namespace, "]:", kPidKey)});
  }
  size_t bytes = 0;
  for (const std::string& arg : args) bytes += arg.size() + sizeof(uint32_t);
  for (const std::string& target : dump.bind_targets) {
    const std::string option = absl::StrCat("mnt[", target, "]:", target);
    bytes += option.size() + 32;
    if (absl::StrContains(target, ']') || bytes > most_bytes) continue;
    add({"--external", option});
  }
  return args;
}

}  // namespace runtime::checkpoint
