// SPDX-License-Identifier: Apache-2.0
// Making a container: everything up to CREATED.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "cri/cdi/name.h"
#include "cri/container/check.h"
#include "cri/container/containers.h"
#include "cri/container/mounts.h"
#include "cri/container/oci_config.h"
#include "cri/container/resources.h"
#include "cri/container/signal.h"
#include "cri/sandbox/user_namespace.h"
#include "runtime/base/activity.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace cri::container {
namespace {

namespace v1 = ::runtime::v1;

constexpr size_t kMaxUserFileBytes = 1 << 20;

std::string FlightKey(const sandbox::Sandbox& sandbox,
                      const v1::ContainerMetadata& metadata) {
  return absl::StrCat("CreateContainer of ", metadata.name(), " (attempt ",
                      metadata.attempt(), ") in sandbox ", sandbox.id);
}

// An error of the runtime in the words of the request, one about an image
// volume with the name for it.
absl::Status NameFields(const v1::ContainerConfig& config,
                        const absl::Status& created) {
  const absl::Status limits = InWordsOfCri(created, "config.linux.resources");
  const absl::Status status(
      limits.code(),
      absl::StrReplaceAll(limits.message(),
                          {{": destination: ", ": container_path: "},
                           {": sub path: ", ": image_sub_path: "}}));
  for (const v1::Mount& mount : config.mounts()) {
    if (IsImageVolume(mount) &&
        absl::StrContains(
            status.message(),
            absl::StrCat("mount ", CleanPath(mount.container_path()), ": "))) {
      return runtime::Annotate(status, kImageVolumeFailed);
    }
  }
  return status;
}

// With the container's name, but behind the words by which kubelets know an
// error.
absl::Status NameContainer(const std::string& name,
                           const absl::Status& status) {
  const std::string who = absl::StrCat("container ", name);
  for (const char* word : {kImageVolumeFailed, kRecursiveReadOnlyFailed}) {
    absl::string_view rest = status.message();
    if (absl::ConsumePrefix(&rest, absl::StrCat(word, ": "))) {
      return absl::Status(status.code(),
                          absl::StrCat(word, ": ", who, ": ", rest));
    }
  }
  return runtime::Annotate(status, who);
}

// Symlinks of the administrator's end at the log directory: below it, and when
// the log is opened again, none is followed.
absl::StatusOr<std::string> RealLogPath(const Container& container) {
  if (container.log_path.empty()) return "";
  const std::string& directory = container.sandbox->config.log_directory();
  RETURN_IF_ERROR(runtime::MakeDirs(directory, 0755));
  ASSIGN_OR_RETURN(const std::string real, runtime::RealPath(directory));
  return runtime::JoinPath(real, container.config.log_path());
}

std::string RefOf(const image::Image& image) {
  return image.repo_digests.empty() ? image.id : image.repo_digests.front();
}

}  // namespace

std::string LogPath(const v1::PodSandboxConfig& sandbox,
                    const v1::ContainerConfig& config) {
  if (sandbox.log_directory().empty() || config.log_path().empty()) return "";
  return runtime::JoinPath(sandbox.log_directory(), config.log_path());
}

ContainerPtr Containers::FindSame(const sandbox::Sandbox& sandbox,
                                  const v1::ContainerMetadata& metadata) const {
  for (ContainerPtr& container : registry_.ListGroup(sandbox.id)) {
    const v1::ContainerMetadata& other = container->config.metadata();
    if (other.name() == metadata.name() &&
        other.attempt() == metadata.attempt()) {
      return std::move(container);
    }
  }
  return nullptr;
}

absl::StatusOr<ContainerPtr> Containers::Create(
    const sandbox::SandboxPtr& sandbox, const v1::ContainerConfig& config,
    absl::Time deadline) {
  // Before it may join: what is wrong does not get somebody else's container.
  RETURN_IF_ERROR(CheckFields(config));
  RETURN_IF_ERROR(CheckInSandbox(config, *sandbox));
  return creates_.Do(
      FlightKey(*sandbox, config.metadata()), deadline,
      [&]() -> absl::StatusOr<ContainerPtr> {
        ASSIGN_OR_RETURN(sandbox::Sandbox::Use use, sandbox->Enter());
        ContainerPtr same = FindSame(*sandbox, config.metadata());
        if (same != nullptr) return same;
        return Make(sandbox, config);
      });
}

absl::StatusOr<ContainerPtr> Containers::Make(
    const sandbox::SandboxPtr& sandbox, const v1::ContainerConfig& config) {
  const runtime::activity::Step step("making the container");
  image::ImagePtr image = options_.images->Find(config.image().image());
  if (image == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("image \"", config.image().image(),
                     "\" is not present; it has to be pulled first"));
  }
  auto container = std::make_shared<Container>();
  container->id = sandbox::NewId();
  container->sandbox = sandbox;
  container->config = config;
  container->image_id = image->id;
  container->image_ref = RefOf(*image);
  container->stop_signal = StopSignal(config.stop_signal(), image->stop_signal);
  container->log_path = LogPath(sandbox->config, config);
  container->created_at = absl::Now();
  absl::Status built = Build(*container, *image);
  if (!built.ok()) {
    Undo({sandbox->id}, container->id, options_.undo_patience);
    return NameContainer(config.metadata().name(), built);
  }
  registry_.Add(container);
  Publish(container, v1::CONTAINER_CREATED_EVENT);
  return container;
}

absl::Status Containers::Build(Container& container,
                               const image::Image& image) {
  // The directory comes first: it tells a restart that there may be a half.
  const std::string directory = Dir(container.id);
  RETURN_IF_ERROR(runtime::MakeDirs(directory, 0700));
  RETURN_IF_ERROR(options_.images->Hold(image.id, container.id));
  RETURN_IF_ERROR(HoldVolumes(container));
  RETURN_IF_ERROR(CheckFeatures(container));
  runtime::ContainerOptions create;
  ASSIGN_OR_RETURN(create.oci_config, WriteOciConfig(container, image));
  create.sandbox_id = container.sandbox->id;
  create.id = container.id;
  create.upper_dir = directory + "/upper";
  create.work_dir = directory + "/work";
  create.rootfs_dir = directory + "/rootfs";
  // The upper directory's mode becomes that of the container's "/".
  for (const std::string& part :
       {create.upper_dir, create.work_dir, create.rootfs_dir}) {
    RETURN_IF_ERROR(runtime::MakeDirs(part, 0755));
  }
  create.lower_dirs.assign(image.layer_dirs.rbegin(), image.layer_dirs.rend());
  create.lower_dirs.push_back(MountPointsDir());
  ASSIGN_OR_RETURN(create.log_path, RealLogPath(container));
  if (options_.log_cap) {
    create.log_cap = static_cast<uint64_t>(options_.log_cap());
  }
  create.tty = container.config.tty();
  create.stdin_open = container.config.stdin();
  create.stdin_once = container.config.stdin_once();
  absl::StatusOr<runtime::ContainerState> created =
      options_.handler->CreateContainer(create);
  if (!created.ok()) return NameFields(container.config, created.status());
  container.Advance(*created);
  return Save(container);
}

// The volumes' images stay on disk as long as the container; statuses name them
// by digest.
absl::Status Containers::HoldVolumes(Container& container) {
  for (v1::Mount& mount : *container.config.mutable_mounts()) {
    if (!IsImageVolume(mount)) continue;
    image::ImagePtr image = options_.images->Find(mount.image().image());
    if (image == nullptr) continue;  // PlanMounts tells
    RETURN_IF_ERROR(options_.images->Hold(image->id, container.id));
    mount.mutable_image()->set_image(RefOf(*image));
  }
  return absl::OkStatus();
}

// A runtime that does not know such mounts may make others instead.
absl::Status Containers::CheckFeatures(const Container& container) const {
  for (const v1::Mount& mount : container.config.mounts()) {
    if (!mount.recursive_read_only()) continue;
    const std::string& name = container.sandbox->runtime_handler;
    if (options_.handler->Features(name).recursive_read_only_mounts) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        kRecursiveReadOnlyFailed, ": mount ", mount.container_path(),
        ": recursive_read_only: handler \"", name, "\" has none here"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Containers::WriteOciConfig(
    Container& container, const image::Image& image) {
  const sandbox::Sandbox& pod = *container.sandbox;
  SpecInput input;
  input.id = container.id;
  input.sandbox_id = pod.id;
  input.cgroup_parent = pod.ContainersCgroup();
  input.hostname = sandbox::HostnameFor(pod.config, pod.id);
  input.pod_files_dir = pod.files_dir;
  input.shm_dir = pod.shm_dir;
  input.id_maps = sandbox::IdMapsOf(pod.Namespaces());
  ASSIGN_OR_RETURN(input.target_pid, TargetPid(container));
  input.config = &container.config;
  input.sandbox = &pod.config;
  input.image = &image;
  ASSIGN_OR_RETURN(std::vector<std::string> devices,
                   cdi::RequestedDevices(container.config));
  ASSIGN_OR_RETURN(input.cdi, options_.cdi->Resolve(devices));
  if (options_.pod_annotations) {
    input.pod_annotations = options_.pod_annotations(pod.runtime_handler);
  }
  input.find_image = [&](const std::string& name) {
    return options_.images->Find(name);
  };
  input.read_image_file = [&](const char* path) {
    return options_.images->ReadFile(image, path, kMaxUserFileBytes);
  };
  ASSIGN_OR_RETURN(OciConfig config, BuildOciConfig(input));
  container.identity = config.identity;
  std::string text = runtime::DumpJson(config.json);
  RETURN_IF_ERROR(
      runtime::WriteFileAtomic(Dir(container.id) + "/config.json", text));
  return text;
}

absl::StatusOr<int> Containers::TargetPid(const Container& container) const {
  const v1::NamespaceOption& namespaces =
      container.config.linux().security_context().namespace_options();
  if (namespaces.pid() != v1::TARGET) return 0;
  ASSIGN_OR_RETURN(ContainerPtr target, Find(namespaces.target_id()));
  Container::State state = target->GetState();
  if (target->sandbox != container.sandbox ||
      state.phase != runtime::ContainerPhase::kRunning) {
    return absl::FailedPreconditionError(
        absl::StrCat("namespace_options.target_id: container ", target->id,
                     " does not run in this sandbox"));
  }
  return state.pid;
}

}  // namespace cri::container
