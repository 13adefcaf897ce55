// SPDX-License-Identifier: Apache-2.0
#include "agent/pod/container_config.h"

#include <map>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "agent/pod/container_files.h"
#include "agent/pod/labels.h"
#include "agent/pod/paths.h"
#include "agent/pod/resources.h"
#include "agent/pod/sandbox_config.h"
#include "agent/pod/security.h"
#include "agent/pod/user_namespace.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace agent::pod {
namespace {

constexpr char kTerminationLog[] = "/dev/termination-log";

using Strings = std::vector<std::pair<std::string, std::string>>;

void Put(const Strings& items,
         google::protobuf::Map<std::string, std::string>& map) {
  for (const auto& [key, value] : items) map[key] = value;
}

void AddMount(const std::string& container_path, const std::string& host_path,
              bool read_only, v1::ContainerConfig& out) {
  auto* mount = out.add_mounts();
  mount->set_container_path(container_path);
  mount->set_host_path(host_path);
  mount->set_readonly(read_only);
}

absl::Status AddVolumeMounts(const ContainerPlan& plan,
                             const env::Variables& variables,
                             v1::ContainerConfig& out) {
  std::map<std::string, std::string> env(variables.begin(), variables.end());
  ASSIGN_OR_RETURN(auto mounts,
                   plan.volumes->ContainerMounts(*plan.pod, *plan.spec.json,
                                                 plan.host_paths, env));
  for (const volume::ContainerMount& item : mounts) {
    auto* mount = out.add_mounts();
    mount->set_container_path(item.container_path);
    mount->set_readonly(item.read_only);
    if (!item.image_volume.empty()) {
      auto image = plan.volume_images.find(item.image_volume);
      if (image == plan.volume_images.end()) {
        return absl::NotFoundError(
            absl::StrCat("volume \"", item.image_volume, "\" has no image"));
      }
      mount->mutable_image()->set_image(image->second.id());
      mount->set_image_sub_path(item.image_sub_path);
      continue;
    }
    mount->set_host_path(item.host_path);
    mount->set_recursive_read_only(item.recursive_read_only);
    if (item.propagation == "HostToContainer") {
      mount->set_propagation(v1::PROPAGATION_HOST_TO_CONTAINER);
    } else if (item.propagation == "Bidirectional") {
      mount->set_propagation(v1::PROPAGATION_BIDIRECTIONAL);
    }
  }
  return absl::OkStatus();
}

bool MountsPath(const v1::ContainerConfig& config, absl::string_view path) {
  for (const auto& mount : config.mounts()) {
    if (absl::StripSuffix(mount.container_path(), "/") == path) return true;
  }
  return false;
}

// The managed hosts file is written anew for every container start: a restarted
// sandbox may have another IP.
absl::Status AddHostsFile(const ContainerPlan& plan, const std::string& memory,
                          v1::ContainerConfig& out) {
  if (MountsPath(out, "/etc/hosts")) return absl::OkStatus();
  ASSIGN_OR_RETURN(
      std::string path,
      WriteHostsFile(
          PodDir(*plan.options, status::Uid(*plan.pod)), memory,
          env::HostsFile(*plan.pod, plan.addresses, plan.options->dns)));
  AddMount("/etc/hosts", path, false, out);
  return absl::OkStatus();
}

absl::Status AddTerminationLog(const ContainerPlan& plan,
                               const std::string& memory,
                               v1::ContainerConfig& out) {
  std::string target = runtime::StringAt(
      *plan.spec.json, "terminationMessagePath", kTerminationLog);
  std::string policy =
      runtime::StringAt(*plan.spec.json, "terminationMessagePolicy", "File");
  Put({{kTerminationPath, target}, {kTerminationPolicy, policy}},
      *out.mutable_annotations());
  if (target.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::string path,
                   MakeTerminationLog(memory, plan.spec.name));
  AddMount(target, path, false, out);
  return absl::OkStatus();
}

// The pod's IDs for its processes, and for the files that it mounts: what root
// owns on the node is the pod's root's inside.
absl::Status MapUsers(const ContainerPlan& plan, v1::ContainerConfig& out) {
  auto* namespaces = out.mutable_linux()
                         ->mutable_security_context()
                         ->mutable_namespace_options();
  RETURN_IF_ERROR(SetUserNamespace(*plan.options, *plan.pod, namespaces));
  if (!namespaces->has_userns_options()) return absl::OkStatus();
  for (auto& mount : *out.mutable_mounts()) {
    if (mount.has_image()) continue;
    *mount.mutable_uidmappings() = namespaces->userns_options().uids();
    *mount.mutable_gidmappings() = namespaces->userns_options().gids();
  }
  return absl::OkStatus();
}

void FillNames(const ContainerPlan& plan, v1::ContainerConfig& out) {
  const Json& pod = *plan.pod;
  out.mutable_metadata()->set_name(plan.spec.name);
  out.mutable_metadata()->set_attempt(plan.attempt);
  out.mutable_image()->set_image(plan.image.id());
  out.mutable_image()->set_user_specified_image(
      runtime::StringAt(*plan.spec.json, "image"));
  Put({{kPodName, status::Name(pod)},
       {kPodNamespace, status::Namespace(pod)},
       {kPodUid, status::Uid(pod)},
       {kContainerName, plan.spec.name}},
      *out.mutable_labels());
  Strings annotations = {
      {kHash, status::ContainerHash(*plan.spec.json)},
      {kRestartCount, absl::StrCat(plan.attempt)},
      {kGracePeriod,
       absl::StrCat(absl::ToInt64Seconds(status::SpecGrace(pod)))}};
  const Json& pre_stop = runtime::At(*plan.spec.json, {"lifecycle", "preStop"});
  if (pre_stop.is_object()) {
    annotations.emplace_back(kPreStop, runtime::DumpJson(pre_stop));
  }
  const Json& ports = runtime::ArrayAt(*plan.spec.json, "ports");
  if (!ports.empty())
    annotations.emplace_back(kPorts, runtime::DumpJson(ports));
  Put(annotations, *out.mutable_annotations());
}

absl::Status FillLinux(const ContainerPlan& plan, v1::ContainerConfig& out) {
  ASSIGN_OR_RETURN(
      *out.mutable_linux()->mutable_resources(),
      ContainerResources(*plan.pod, *plan.spec.json, plan.memory_capacity));
  if (!plan.options->cpu_cfs_quota) {
    out.mutable_linux()->mutable_resources()->set_cpu_quota(0);
  }
  ASSIGN_OR_RETURN(*out.mutable_linux()->mutable_security_context(),
                   ContainerSecurity(*plan.pod, plan.spec, plan.image,
                                     plan.options->kubelet_dir,
                                     plan.options->seccomp_default));
  *out.mutable_linux()
       ->mutable_security_context()
       ->mutable_namespace_options() = Namespaces(*plan.pod, plan.target_id);
  return MapUsers(plan, out);
}

}  // namespace

std::string LogPath(const std::string& container, uint32_t attempt) {
  return absl::StrCat(container, "/", attempt, ".log");
}

absl::StatusOr<v1::ContainerConfig> BuildContainerConfig(
    const ContainerPlan& plan) {
  v1::ContainerConfig out;
  const Json& container = *plan.spec.json;
  FillNames(plan, out);
  ASSIGN_OR_RETURN(env::Variables variables,
                   env::BuildEnvironment(*plan.pod, container, plan.addresses,
                                         plan.options->node, *plan.objects));
  for (const auto& [key, value] : variables) {
    auto* env = out.add_envs();
    env->set_key(key);
    env->set_value(value);
  }
  for (const std::string& word :
       env::ExpandWords(runtime::ArrayAt(container, "command"), variables)) {
    out.add_command(word);
  }
  for (const std::string& word :
       env::ExpandWords(runtime::ArrayAt(container, "args"), variables)) {
    out.add_args(word);
  }
  out.set_working_dir(runtime::StringAt(container, "workingDir"));
  RETURN_IF_ERROR(AddVolumeMounts(plan, variables, out));
  ASSIGN_OR_RETURN(std::string memory,
                   plan.volumes->ContainerFiles(status::Uid(*plan.pod)));
  CutEndedWords(memory, plan.held_words);
  RETURN_IF_ERROR(AddHostsFile(plan, memory, out));
  RETURN_IF_ERROR(AddTerminationLog(plan, memory, out));
  out.set_log_path(LogPath(plan.spec.name, plan.attempt));
  RETURN_IF_ERROR(runtime::MakeDirs(
      absl::StrCat(LogDir(*plan.options, *plan.pod), "/", plan.spec.name)));
  out.set_stdin(runtime::BoolAt(container, "stdin"));
  out.set_stdin_once(runtime::BoolAt(container, "stdinOnce"));
  out.set_tty(runtime::BoolAt(container, "tty"));
  RETURN_IF_ERROR(FillLinux(plan, out));
  // "SIGRTMIN+1" is SIGRTMINPLUS1 in the CRI.
  std::string name = absl::StrReplaceAll(
      runtime::StringAt(container, {"lifecycle", "stopSignal"}),
      {{"+", "PLUS"}, {"-", "MINUS"}});
  v1::Signal signal = v1::RUNTIME_DEFAULT;
  if (v1::Signal_Parse(name, &signal)) out.set_stop_signal(signal);
  return out;
}

}  // namespace agent::pod
