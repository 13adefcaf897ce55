// SPDX-License-Identifier: Apache-2.0
#include "runtime/handler/runtimes.h"

#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"
#include "runtime/external/features.h"

namespace runtime::handler {
namespace {

// Changes when the binary is replaced by another.
std::string IdentityOf(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return path;
  return absl::StrCat(path, " ", info.st_ino, " ", info.st_mtim.tv_sec, ".",
                      info.st_mtim.tv_nsec);
}

}  // namespace

void Runtimes::Set(std::map<std::string, OciRuntime> runtimes) {
  absl::MutexLock lock(&mutex_);
  runtimes_ = std::move(runtimes);
}

absl::StatusOr<std::vector<std::string>> Runtimes::CommandOf(
    const std::string& handler) const {
  OciRuntime runtime;
  {
    absl::MutexLock lock(&mutex_);
    auto it = runtimes_.find(handler);
    if (it != runtimes_.end()) {
      runtime = it->second;
    } else if (!handler.empty()) {
      std::string known = "\"\"";
      for (const auto& [name, one] : runtimes_) {
        if (!name.empty()) absl::StrAppend(&known, ", \"", name, "\"");
      }
      return absl::InvalidArgumentError(absl::StrCat(
          "handler \"", handler, "\" is not known; known: ", known));
    }
  }
  std::vector<std::string> command;
  if (runtime.path.empty()) return command;
  if (access(runtime.path.c_str(), X_OK) != 0) {
    const absl::Status status =
        ErrnoStatus(absl::StrCat("handler \"", handler, "\": ", runtime.path));
    return absl::FailedPreconditionError(status.message());
  }
  command = {runtime.path};
  if (!runtime.root.empty()) {
    command.insert(command.end(), {"--root", runtime.root});
  }
  command.insert(command.end(), runtime.args.begin(), runtime.args.end());
  return command;
}

HandlerFeatures Runtimes::FeaturesOf(const std::vector<std::string>& command,
                                     const HandlerFeatures& host) {
  const std::string identity = IdentityOf(command[0]);
  HandlerFeatures features;
  {
    absl::MutexLock lock(&mutex_);
    auto it = known_.find(identity);
    if (it != known_.end() && absl::Now() < it->second.until) {
      return it->second.features;
    }
  }
  features.no_user_namespaces = absl::StrCat(
      command[0], ": an OCI runtime of its own gets no ID-mapped root");
  absl::StatusOr<std::string> text =
      launcher_.Run({command[0], "features"}, patience_);
  absl::StatusOr<external::Features> said =
      text.ok() ? external::ParseFeatures(*text) : text.status();
  if (said.ok()) {
    features.recursive_read_only_mounts =
        said->recursive_read_only_mounts && host.recursive_read_only_mounts;
  } else {
    log::Info(
        "a runtime that does not tell its features is taken to have "
        "none: ",
        said.status().message());
  }
  // UNKNOWN is how Run tells that it failed by itself.
  const bool answered = text.ok() || absl::IsUnknown(text.status());
  absl::MutexLock lock(&mutex_);
  known_[identity] = {features,
                      answered ? absl::InfiniteFuture() : absl::Now() + doubt_};
  return features;
}

}  // namespace runtime::handler
