// SPDX-License-Identifier: Apache-2.0
// The tables of all settings: a row here and a member of the struct make a key.
#include "cri/config/keys.h"

#include <arpa/inet.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "cri/config/kinds.h"
#include "cri/image/pinned.h"
#include "cri/network/link_name.h"

namespace cri::config {
namespace {

constexpr Reload kLive = Reload::kLive;
constexpr Reload kRestart = Reload::kRestart;
// What crun and runc turn into properties of the container's systemd unit
// (CVE-2024-3154).
constexpr char kSystemdProperty[] = "org.systemd.property.";

bool IsSocket(absl::string_view text) {
  return absl::ConsumePrefix(&text, "unix://") && absl::StartsWith(text, "/") &&
         text.size() <= 90;
}

bool IsAddress(const std::string& text) {
  in6_addr address;
  return inet_pton(AF_INET, text.c_str(), &address) == 1 ||
         inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

bool IsTime(const std::string& text) {
  absl::Duration time;
  return absl::ParseDuration(text, &time) && time > absl::ZeroDuration() &&
         time < absl::InfiniteDuration();
}

bool IsTimeOrNone(const std::string& text) {
  return text == "0" || IsTime(text);
}

// "--systemd-cgroup" as runc, crun and runsc take it: with one dash or two,
// with a value or without.
bool AsksForSystemd(absl::string_view arg) {
  if (!absl::ConsumePrefix(&arg, "-")) return false;
  absl::ConsumePrefix(&arg, "-");
  return arg == "systemd-cgroup" ||
         (absl::ConsumePrefix(&arg, "systemd-cgroup=") &&
          !absl::EqualsIgnoreCase(arg, "false") && arg != "0");
}

absl::Status CheckHandler(const std::string& name,
                          const HandlerConfig& handler) {
  bool good = !name.empty() && name.size() <= 63;
  for (const char c : name) {
    good &= absl::ascii_islower(static_cast<unsigned char>(c)) ||
            absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '-';
  }
  if (!good) {
    return absl::InvalidArgumentError(
        "a handler's name is made of lower-case letters, digits and '-', as a "
        "RuntimeClass has it");
  }
  const bool builtin = handler.type == "builtin";
  if (!builtin && handler.path.empty()) {
    return absl::InvalidArgumentError("path: an OCI runtime needs its path");
  }
  if (builtin && (!handler.path.empty() || !handler.root.empty() ||
                  !handler.args.empty())) {
    return absl::InvalidArgumentError(
        "type: the built-in handler has no path, root or args");
  }
  for (const std::string& arg : handler.args) {
    if (!AsksForSystemd(arg)) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "args: \"", arg,
        "\" would make the runtime take the cgroup's path for a unit's name; "
        "leave it out and set cgroup_driver: systemd, which puts containers of "
        "every handler into a scope"));
  }
  for (const std::string& annotation : handler.annotations) {
    if (absl::StartsWith(annotation, kSystemdProperty)) {
      return absl::InvalidArgumentError(
          absl::StrCat("annotations: \"", annotation,
                       "\" would let pods set properties of systemd units"));
    }
  }
  return absl::OkStatus();
}

const std::vector<Field<HandlerConfig>>& HandlerFields() {
  using C = HandlerConfig;
  static const auto& fields = *new std::vector<Field<C>>{
      {"type", "builtin, or oci for an OCI runtime of its own", kLive,
       OneOf(&C::type, {"oci", "builtin"})},
      {"path", "binary of the OCI runtime, as /usr/sbin/runc", kLive,
       Directory(&C::path)},
      {"root",
       "where that runtime keeps its state; by default handlers/NAME in state",
       kLive, Directory(&C::root)},
      {"args", "options put before the runtime's command, as --debug", kLive,
       Words(&C::args)},
      {"annotations",
       "pod annotations that the runtime gets to see, each by its exact name",
       kLive, Words(&C::annotations)},
  };
  return fields;
}

}  // namespace

const std::vector<Field<Config>>& Fields() {
  using C = Config;
  static const auto& fields = *new std::vector<Field<C>>{
      {"listen", "socket to serve on", kRestart,
       Checked(&C::listen, "unix:///PATH of at most 90 characters", IsSocket)},
      {"root", "directory of images, records and container files", kRestart,
       Directory(&C::root)},
      {"state", "directory of sockets and other state until reboot", kRestart,
       Directory(&C::state)},
      {"registry_config_dir", "directory with <host>/hosts.toml files", kLive,
       Directory(&C::registry_config_dir)},
      {"network",
       "who connects pods: builtin (a bridge), or cni (the plugins of "
       "cni_conf_dir)",
       kRestart, OneOf(&C::network, {"builtin", "cni"})},
      {"pod_cidr",
       "addresses of this node's pods, as 10.244.1.0/24,fd00:1::/64", kRestart,
       Text(&C::pod_cidr)},
      {"cluster_cidr", "addresses of all nodes' pods, which see each other's",
       kRestart, Text(&C::cluster_cidr)},
      {"bridge", "name of the pod bridge", kRestart,
       Checked(&C::bridge, network::kLinkName, network::IsLinkName)},
      {"masquerade", "source NAT for what leaves the pod CIDR", kRestart,
       Flag(&C::masquerade)},
      {"mtu", "of pod links; 0 takes the default route's", kRestart,
       Number(&C::mtu, 0, 65535)},
      {"cni_conf_dir", "where the CNI configuration is; its first file counts",
       kRestart, Directory(&C::cni_conf_dir)},
      {"cni_bin_dirs",
       "where CNI plugins are looked for; by default in CNI_PATH first",
       kRestart, Words(&C::cni_bin_dirs)},
      {"cni_cache_dir", "where results of CNI plugins are kept, as libcni does",
       kRestart, Directory(&C::cni_cache_dir)},
      {"cni_in_process",
       "runs the standard CNI plugins inside the server where it knows all of "
       "a configuration",
       kRestart, Flag(&C::cni_in_process)},
      {"cdi_spec_dirs",
       "where files describe CDI devices; a later directory wins", kLive,
       Words(&C::cdi_spec_dirs)},
      {"cgroup_driver",
       "who makes the cgroups of pods: cgroupfs (this server, in the file "
       "system), or systemd (slices and scopes); as the kubelet's cgroupDriver",
       kRestart, OneOf(&C::cgroup_driver, {"cgroupfs", "systemd"})},
      {"launcher", "path of coracle-oci; by default beside coracle", kRestart,
       Directory(&C::launcher)},
      {"max_message_bytes", "largest request that is accepted", kRestart,
       Number(&C::max_message_bytes, 64 << 10, 64 << 20)},
      {"shm_bytes", "size of a pod's /dev/shm", kRestart,
       Number(&C::shm_bytes, 4096, int64_t{1} << 40)},
      {"parallel_downloads", "layers of an image fetched at once", kLive,
       Number(&C::parallel_downloads, 1, 64)},
      {"max_downloads", "layers of all images fetched at once", kLive,
       Number(&C::max_downloads, 1, 64)},
      {"download_bytes_per_second",
       "of all pulls together from registries; 0 is no limit", kLive,
       Number(&C::download_bytes_per_second, 64 << 10, int64_t{1} << 40,
              /*or_zero=*/true)},
      {"image_max_bytes",
       "disk space that images may take, what they share counted once: above "
       "it the longest unused go, but none that a container has or that came "
       "in the last two minutes; 0 is no limit",
       kLive, Number(&C::image_max_bytes, 0, int64_t{1} << 60)},
      {"image_max_unused",
       "how long an image stays that no container has; 0 is for ever", kLive,
       Checked(&C::image_max_unused, "0 or a time as 168h", IsTimeOrNone)},
      {"pinned_images",
       "images that clients are told to keep (pinned), as a kubelet's image "
       "garbage collection and crictl rmi --prune do, and that no budget of "
       "images removes",
       kLive,
       Words(&C::pinned_images, image::kPinnedName, image::IsPinnedName)},
      {"max_threads", "of the pool for blocking work", kRestart,
       Number(&C::max_threads, 4, 4096)},
      {"container_log_hard_cap",
       "bytes of a container's log at which its holder begins a new file by "
       "itself, keeping two old ones; 0 leaves that to the kubelet; of "
       "containers that are made after it",
       kLive,
       Number(&C::container_log_hard_cap, 64 << 10, int64_t{1} << 40,
              /*or_zero=*/true)},
      {"stream_address", "where exec, attach and port-forward are served",
       kRestart, Checked(&C::stream_address, "an IP address", IsAddress)},
      {"stream_port", "port of it; 0 takes a free one", kRestart,
       Number(&C::stream_port, 0, 65535)},
      {"stream_tls_cert_file", "certificate of it; without one it has no TLS",
       kRestart, Directory(&C::stream_tls_cert_file)},
      {"stream_tls_key_file", "key of that certificate", kRestart,
       Directory(&C::stream_tls_key_file)},
      {"stream_idle_timeout", "silence after which a stream is closed",
       kRestart,
       Checked(&C::stream_idle_timeout, "a time as 4h or 90s", IsTime)},
      {"stream_creation_timeout", "for a client to open its streams", kRestart,
       Checked(&C::stream_creation_timeout, "a time as 4h or 90s", IsTime)},
      {"log_level", "least level of what is logged", kLive,
       OneOf(&C::log_level, {"debug", "info", "warning", "error"})},
      {"default_handler",
       "handler of pods that name none, one of handlers; empty is the built-in "
       "one",
       kLive, Text(&C::default_handler)},
      {"handlers",
       "what the handler of a RuntimeClass stands for; pods that name none "
       "have the default_handler",
       kLive, MapOf(&C::handlers, HandlerFields(), CheckHandler)},
  };
  return fields;
}

const std::vector<Key>& Keys() {
  static const auto& keys = *[] {
    auto* result = new std::vector<Key>;
    for (const auto& field : Fields()) {
      result->push_back({field.name, field.help, field.reload,
                         field.kind.parts.empty(), field.kind.expects,
                         field.kind.get(Config()), field.kind.parts});
    }
    return result;
  }();
  return keys;
}

}  // namespace cri::config
