// SPDX-License-Identifier: Apache-2.0
#include "agent/volume/manager.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agent/volume/atomic_writer.h"
#include "agent/volume/container_mounts.h"
#include "agent/volume/empty_dir.h"
#include "agent/volume/host_path.h"
#include "agent/volume/mount.h"
#include "agent/volume/ownership.h"
#include "agent/volume/payload.h"
#include "agent/volume/sub_path.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace agent::volume {
namespace {

using runtime::ArrayAt;
using runtime::At;
using runtime::Has;
using runtime::StringAt;

// Room for a hosts file with a node's of 1 MiB and aliases of the largest API
// object, and for some words of each container.
constexpr char kContainerFilesOptions[] = "mode=0750,size=4m";

// One part of a path that a manifest chose.
bool IsName(const std::string& name) {
  if (name.empty() || name.size() > 253 || name[0] == '.') return false;
  for (char c : name) {
    if (!absl::ascii_isalnum(c) && c != '-' && c != '_' && c != '.') {
      return false;
    }
  }
  return true;
}

class ManagerImpl : public Manager {
 public:
  explicit ManagerImpl(const Options& options) : options_(options) {}

  absl::StatusOr<HostPaths> Mount(const Json& pod) override {
    std::string uid = StringAt(pod, {"metadata", "uid"});
    if (!IsName(uid)) {
      return absl::InvalidArgumentError(
          absl::StrCat("metadata.uid \"", uid, "\" is no name"));
    }
    Ownership ownership = OwnershipOf(pod);
    HostPaths paths;
    for (const Json& volume : ArrayAt(At(pod, "spec"), "volumes")) {
      if (Has(volume, "image")) continue;
      std::string name = StringAt(volume, "name");
      absl::StatusOr<std::string> path = MountOne(pod, uid, volume, ownership);
      if (!path.ok()) {
        return runtime::Annotate(
            path.status(),
            absl::StrCat("MountVolume.SetUp failed for volume \"", name,
                         "\" "));
      }
      paths[name] = *std::move(path);
    }
    return paths;
  }

  absl::StatusOr<std::vector<ContainerMount>> ContainerMounts(
      const Json& pod, const Json& container, const HostPaths& paths,
      const std::map<std::string, std::string>& env) override {
    std::string uid = StringAt(pod, {"metadata", "uid"});
    if (!IsName(uid) || !IsName(StringAt(container, "name"))) {
      return absl::InvalidArgumentError(
          "metadata.uid or the container's name is no name");
    }
    return ResolveMounts(pod, container, paths, env, PodDirectory(uid));
  }

  absl::StatusOr<std::string> ContainerFiles(
      const std::string& pod_uid) override {
    if (!IsName(pod_uid)) {
      return absl::InvalidArgumentError(
          absl::StrCat("pod uid \"", pod_uid, "\" is no name"));
    }
    std::string path = absl::StrCat(PodDirectory(pod_uid), "/containers");
    RETURN_IF_ERROR(runtime::MakeDirs(path, 0750));
    ASSIGN_OR_RETURN(const bool mounted, IsMountPoint(path));
    if (mounted) return path;
    // A pod from before there was such a mount keeps its files in sight.
    ASSIGN_OR_RETURN(const auto names, runtime::ListDir(path));
    if (names.empty())
      RETURN_IF_ERROR(MountTmpfs(path, kContainerFilesOptions));
    return path;
  }

  absl::Status Unmount(const std::string& pod_uid) override {
    if (!IsName(pod_uid)) {
      return absl::InvalidArgumentError(
          absl::StrCat("pod uid \"", pod_uid, "\" is no name"));
    }
    std::string directory = PodDirectory(pod_uid);
    if (!runtime::Exists(directory)) return absl::OkStatus();
    RETURN_IF_ERROR(DetachBelow(directory));
    RETURN_IF_ERROR(RemoveSubPaths(directory));
    return runtime::RemoveTree(directory);
  }

  std::vector<std::string> Existing() override {
    absl::StatusOr<std::vector<std::string>> names =
        runtime::ListDir(absl::StrCat(options_.kubelet_dir, "/pods"));
    if (names.ok()) return *std::move(names);
    if (!absl::IsNotFound(names.status())) {
      runtime::log::Warning("list pod directories: ", names.status().message());
    }
    return {};
  }

 private:
  std::string PodDirectory(const std::string& uid) const {
    return absl::StrCat(options_.kubelet_dir, "/pods/", uid);
  }

  absl::StatusOr<std::string> MountOne(const Json& pod, const std::string& uid,
                                       const Json& volume,
                                       const Ownership& ownership) {
    std::string name = StringAt(volume, "name");
    if (!IsName(name)) return absl::InvalidArgumentError("it has no name");
    if (Has(volume, "hostPath")) return PrepareHostPath(At(volume, "hostPath"));
    auto path = [&](absl::string_view kind) {
      return absl::StrCat(PodDirectory(uid), "/volumes/kubernetes.io~", kind,
                          "/", name);
    };
    RETURN_IF_ERROR(runtime::MakeDirs(PodDirectory(uid), 0750));
    PayloadContext context{pod, ownership, options_.node, *options_.objects};
    if (Has(volume, "emptyDir")) {
      return EmptyDir(pod, At(volume, "emptyDir"), path("empty-dir"),
                      ownership);
    }
    if (const Json& source = At(volume, "configMap"); source.is_object()) {
      std::string at = path("configmap");
      RETURN_IF_ERROR(runtime::MakeDirs(at, 0755));
      return Write(at, uid, name, ownership,
                   ConfigMapPayload(context, source, StringAt(source, "name"),
                                    DefaultMode(source)));
    }
    if (const Json& source = At(volume, "secret"); source.is_object()) {
      return WriteInMemory(
          path("secret"), uid, name, ownership,
          SecretPayload(context, source, StringAt(source, "secretName"),
                        DefaultMode(source)));
    }
    if (const Json& source = At(volume, "downwardAPI"); source.is_object()) {
      return WriteInMemory(
          path("downward-api"), uid, name, ownership,
          DownwardPayload(context, source, DefaultMode(source)));
    }
    if (const Json& source = At(volume, "projected"); source.is_object()) {
      return WriteInMemory(
          path("projected"), uid, name, ownership,
          ProjectedPayload(context, source, DefaultMode(source)));
    }
    for (const auto& [key, value] : volume.items()) {
      if (key == "name" || value.is_null()) continue;
      return absl::UnimplementedError(
          absl::StrCat("volume type ", key, " is not supported"));
    }
    // The API's default for a volume that names no type.
    return EmptyDir(pod, Json::object(), path("empty-dir"), ownership);
  }

  absl::StatusOr<std::string> EmptyDir(const Json& pod, const Json& source,
                                       const std::string& path,
                                       const Ownership& ownership) {
    RETURN_IF_ERROR(runtime::MakeDirs(ParentOf(path), 0750));
    RETURN_IF_ERROR(MakeEmptyDir(pod, source, path, ownership, options_.node));
    return path;
  }

  static std::string ParentOf(const std::string& path) {
    return path.substr(0, path.rfind('/'));
  }

  // Writes the payload. A pod that runs keeps its old files while the objects
  // cannot be had; one that starts waits for them.
  static absl::StatusOr<std::string> Write(
      const std::string& path, const std::string& uid, const std::string& name,
      const Ownership& ownership, const absl::StatusOr<Payload>& payload) {
    absl::Status status = payload.status();
    if (status.ok()) {
      status = WritePayload(path, *payload, ownership).status();
      if (status.ok()) return path;
    }
    if (!HasPayload(path)) return status;
    runtime::log::Warning("pod ", uid, " volume ", name,
                          " is not refreshed: ", status.message());
    return path;
  }

  static absl::StatusOr<std::string> WriteInMemory(
      const std::string& path, const std::string& uid, const std::string& name,
      const Ownership& ownership, const absl::StatusOr<Payload>& payload) {
    // Fetched first: a pod that waits for its secret holds no mount.
    if (!payload.ok() && !HasPayload(path)) return payload.status();
    RETURN_IF_ERROR(runtime::MakeDirs(ParentOf(path), 0750));
    RETURN_IF_ERROR(MakeMemoryDirectory(path, ownership));
    return Write(path, uid, name, ownership, payload);
  }

  Options options_;
};

}  // namespace

std::unique_ptr<Manager> MakeManager(const Options& options) {
  return std::make_unique<ManagerImpl>(options);
}

}  // namespace agent::volume
