// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/programs.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cri/network/cni/spawn.h"
#include "cri/network/cni/spec/conf.h"
#include "cri/network/cni/spec/error.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

extern char** environ;

namespace cri::network::cni {
namespace {

// Whether `name` in the directory is a program, by descriptors: a name cannot
// lead anywhere else (CVE-2021-20206).
bool IsProgram(const std::string& dir, const std::string& name) {
  const runtime::UniqueFd dir_fd(
      open(dir.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!dir_fd.ok()) return false;
  const runtime::UniqueFd file(
      openat(dir_fd.get(), name.c_str(), O_PATH | O_CLOEXEC));
  struct stat info {};
  return file.ok() && fstat(file.get(), &info) == 0 && S_ISREG(info.st_mode) &&
         (info.st_mode & 0111) != 0;
}

// The daemon's own environment, as plugins look for tools and proxies in it,
// with the protocol's variables instead of any that are there.
std::vector<std::string> Environment(const Call& call,
                                     const std::string& cni_path) {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!absl::StartsWith(*entry, "CNI_")) environment.emplace_back(*entry);
  }
  const std::pair<const char*, std::string> variables[] = {
      {"CNI_COMMAND", CommandName(call.command)},
      {"CNI_CONTAINERID", call.container_id},
      {"CNI_NETNS", call.netns},
      {"CNI_IFNAME", call.ifname},
      {"CNI_ARGS", call.args},
      {"CNI_PATH", cni_path}};
  for (const auto& [name, value] : variables) {
    environment.push_back(absl::StrCat(name, "=", value));
  }
  return environment;
}

}  // namespace

Programs::Programs(std::vector<std::string> bin_dirs)
    : bin_dirs_(std::move(bin_dirs)),
      cni_path_(absl::StrJoin(bin_dirs_, ":")),
      stop_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void Programs::Stop() {
  Plugins::Stop();
  eventfd_write(stop_.get(), 1);
}

absl::StatusOr<std::string> Programs::Find(const std::string& type) const {
  RETURN_IF_ERROR(CheckPluginType(type));
  for (const std::string& dir : bin_dirs_) {
    if (IsProgram(dir, type)) return absl::StrCat(dir, "/", type);
  }
  return absl::NotFoundError(absl::StrCat("there is no program ", type, " in ",
                                          absl::StrJoin(bin_dirs_, ", ")));
}

absl::StatusOr<runtime::Json> Programs::Run(const Call& call) {
  Program program;
  ASSIGN_OR_RETURN(program.path, Find(call.plugin));
  program.environment = Environment(call, cni_path_);
  program.input = runtime::DumpJson(call.request);
  program.deadline = call.deadline;
  program.stop_fd = stop_.get();
  program.step = absl::StrCat("network: plugin ", call.plugin, ": ",
                              CommandName(call.command));
  ASSIGN_OR_RETURN(const Outcome outcome, RunProgram(program));
  if (outcome.exit_code != 0) {
    PluginError error = ParseError(outcome.output, outcome.log);
    if (error.code == 0) {
      absl::StrAppend(&error.message, " (exit code ", outcome.exit_code, ")");
    }
    return ToStatus(error);
  }
  runtime::log::Debug("cni: ", call.plugin, " said: ", outcome.log);
  // The others have nothing to say, and what some write all the same is no
  // reason to fail.
  const bool answers =
      call.command == Command::kAdd || call.command == Command::kVersion;
  if (!answers || absl::StripAsciiWhitespace(outcome.output).empty()) {
    return runtime::Json::object();
  }
  return runtime::ParseJson(outcome.output, "what it wrote");
}

}  // namespace cri::network::cni
