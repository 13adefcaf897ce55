// SPDX-License-Identifier: Apache-2.0
#include "agent/pod/log_links.h"

#include <limits.h>
#include <unistd.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace agent::pod {
namespace {

// The directory of a pod that `link` points into; "" if it points elsewhere.
std::string PodLogDir(const std::string& link, const std::string& logs_dir) {
  char buffer[PATH_MAX];
  const ssize_t size = readlink(link.c_str(), buffer, sizeof buffer);
  if (size <= 0) return "";
  absl::string_view target(buffer, static_cast<size_t>(size));
  const std::string below = absl::StrCat(logs_dir, "/");
  if (!absl::ConsumePrefix(&target, below)) return "";
  return absl::StrCat(below, target.substr(0, target.find('/')));
}

}  // namespace

absl::Status RemoveDeadLogLinks(const std::string& links_dir,
                                const std::string& logs_dir) {
  const auto names = runtime::ListDir(links_dir);
  if (absl::IsNotFound(names.status())) return absl::OkStatus();
  RETURN_IF_ERROR(names.status());
  for (const std::string& name : *names) {
    const std::string link = runtime::JoinPath(links_dir, name);
    const std::string pod = PodLogDir(link, logs_dir);
    if (pod.empty() || runtime::Exists(pod)) continue;
    RETURN_IF_ERROR(runtime::RemoveFile(link));
  }
  return absl::OkStatus();
}

}  // namespace agent::pod
