// SPDX-License-Identifier: Apache-2.0
#include "agent/volume/container_mounts.h"

#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/env/expand.h"
#include "agent/volume/sub_path.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace agent::volume {
namespace {

using runtime::ArrayAt;
using runtime::At;
using runtime::BoolAt;
using runtime::Has;
using runtime::StringAt;

// What the agent writes, a container may only read.
bool IsReadOnlyKind(const Json& pod, const std::string& name) {
  for (const Json& volume : ArrayAt(At(pod, "spec"), "volumes")) {
    if (StringAt(volume, "name") != name) continue;
    return Has(volume, "configMap") || Has(volume, "secret") ||
           Has(volume, "downwardAPI") || Has(volume, "projected");
  }
  return false;
}

bool IsImage(const Json& pod, const std::string& name) {
  for (const Json& volume : ArrayAt(At(pod, "spec"), "volumes")) {
    if (StringAt(volume, "name") == name) return Has(volume, "image");
  }
  return false;
}

absl::StatusOr<std::string> SubPathOf(
    const Json& mount, const std::map<std::string, std::string>& env) {
  std::string expression = StringAt(mount, "subPathExpr");
  std::string sub_path = StringAt(mount, "subPath");
  if (!expression.empty()) {
    std::set<std::string> missing;
    sub_path = env::Expand(
        expression, [&](absl::string_view name) -> std::optional<std::string> {
          auto it = env.find(std::string(name));
          if (it != env.end() && !it->second.empty()) return it->second;
          missing.emplace(name);
          return std::string();
        });
    if (!missing.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("missing value for ", absl::StrJoin(missing, ", ")));
    }
  }
  RETURN_IF_ERROR(CheckSubPath(sub_path));
  return sub_path;
}

absl::StatusOr<bool> RecursiveReadOnly(const Json& mount) {
  std::string mode = StringAt(mount, "recursiveReadOnly", "Disabled");
  if (mode == "Disabled") return false;
  if (mode != "IfPossible" && mode != "Enabled") {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown recursiveReadOnly \"", mode, "\""));
  }
  if (!BoolAt(mount, "readOnly")) {
    return absl::InvalidArgumentError("recursiveReadOnly needs readOnly: true");
  }
  return true;
}

absl::StatusOr<std::string> Propagation(const Json& mount) {
  std::string mode = StringAt(mount, "mountPropagation", "None");
  if (mode == "None") return std::string();
  if (mode == "HostToContainer" || mode == "Bidirectional") return mode;
  return absl::InvalidArgumentError(
      absl::StrCat("unknown mountPropagation \"", mode, "\""));
}

}  // namespace

absl::StatusOr<std::vector<ContainerMount>> ResolveMounts(
    const Json& pod, const Json& container, const HostPaths& paths,
    const std::map<std::string, std::string>& env,
    const std::string& pod_directory) {
  std::vector<ContainerMount> out;
  std::string container_name = StringAt(container, "name");
  int index = -1;
  for (const Json& mount : ArrayAt(container, "volumeMounts")) {
    ++index;
    std::string volume = StringAt(mount, "name");
    const bool image = IsImage(pod, volume);
    auto path = paths.find(volume);
    if (path == paths.end() && !image) {
      return absl::NotFoundError(absl::StrCat("cannot find volume \"", volume,
                                              "\" to mount into container \"",
                                              container_name, "\""));
    }
    ContainerMount result;
    result.container_path =
        runtime::JoinPath("/", StringAt(mount, "mountPath"));
    result.read_only =
        BoolAt(mount, "readOnly") || image || IsReadOnlyKind(pod, volume);
    ASSIGN_OR_RETURN(result.recursive_read_only, RecursiveReadOnly(mount));
    ASSIGN_OR_RETURN(result.propagation, Propagation(mount));
    ASSIGN_OR_RETURN(std::string sub_path, SubPathOf(mount, env));
    if (image) {
      result.image_volume = volume;
      result.image_sub_path = std::move(sub_path);
      out.push_back(std::move(result));
      continue;
    }
    result.host_path = path->second;
    if (!sub_path.empty()) {
      result.host_path = absl::StrCat(pod_directory, "/volume-subpaths/",
                                      volume, "/", container_name, "/", index);
      absl::Status bound =
          BindSubPath(path->second, sub_path, result.host_path);
      if (!bound.ok()) {
        return runtime::Annotate(
            bound,
            absl::StrCat("failed to prepare subPath for volumeMount \"", volume,
                         "\" of container \"", container_name, "\""));
      }
    }
    out.push_back(std::move(result));
  }
  return out;
}

}  // namespace agent::volume
