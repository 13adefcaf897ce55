// SPDX-License-Identifier: Apache-2.0
// Config is everything that one CRI server is told. Each key exists once, as a
// row of the table in keys.cc, and serves as YAML key of the configuration file
// and, with '-' for '_', as command line flag. A new key is a member here and a
// row there.
#ifndef CORACLE_CRI_CONFIG_CONFIG_H_
#define CORACLE_CRI_CONFIG_CONFIG_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/base/json.h"
#include "runtime/base/log.h"

namespace cri::config {

inline constexpr char kDefaultFile[] = "/etc/coracle/config.yaml";

// What RuntimeClass names: how the containers of a pod are made.
struct HandlerConfig {
  std::string type = "oci";  // "oci" or "builtin"
  std::string path;          // of the OCI runtime's binary
  std::string root;          // its state; "" = <state>/handlers/<name>
  std::vector<std::string> args;
  std::vector<std::string> annotations;
};

struct Config {
  std::string listen = "unix:///run/coracle/coracle.sock";
  std::string root = "/var/lib/coracle";  // images, records, container files
  std::string state = "/run/coracle";     // sockets, shm; gone after a reboot
  std::string registry_config_dir = "/etc/coracle/certs.d";
  std::string network = "builtin";  // or "cni"
  std::string pod_cidr;             // "" = told by UpdateRuntimeConfig
  std::string cluster_cidr;  // pods of all nodes; no source NAT among them
  std::string bridge = "coracle0";
  bool masquerade = true;
  int64_t mtu = 0;  // 0 = that of the default route's link
  std::string cni_conf_dir = "/etc/cni/net.d";
  std::vector<std::string> cni_bin_dirs = {"/opt/cni/bin", "/usr/lib/cni"};
  std::string cni_cache_dir = "/var/lib/cni";  // shared with other runtimes
  bool cni_in_process = true;
  std::vector<std::string> cdi_spec_dirs = {"/etc/cdi", "/var/run/cdi"};
  std::string cgroup_driver = "cgroupfs";  // or "systemd"
  std::string launcher;  // path of coracle-oci; "" = beside this program
  int64_t max_message_bytes = 16 << 20;
  int64_t shm_bytes = 64 << 20;  // of a pod's /dev/shm
  int64_t parallel_downloads = 3;
  int64_t max_downloads = 8;
  int64_t download_bytes_per_second = 0;   // 0 = no limit
  int64_t image_max_bytes = 0;             // 0 = no budget
  std::string image_max_unused = "0";      // "0" = for ever
  std::vector<std::string> pinned_images;  // see image::IsPinnedName
  int64_t max_threads = 2048;  // of the pool for blocking work; made on demand
  // Of a log file, without a kubelet's doing; 0 = none.
  int64_t container_log_hard_cap = 0;
  std::string stream_address = "127.0.0.1";  // of exec, attach, port-forward
  int64_t stream_port = 0;                   // 0 = a free one
  std::string stream_tls_cert_file, stream_tls_key_file;  // "" = no TLS
  std::string stream_idle_timeout = "4h";
  std::string stream_creation_timeout = "30s";
  std::string log_level = "info";
  std::string default_handler;  // of pods that name none; "" = the built-in one
  // By name. "" is not in here.
  std::map<std::string, HandlerConfig> handlers = {
      {"coracle", {.type = "builtin"}}};

  // Where keys come from that are not at their default: "<file>:<line>" or
  // "--flag".
  std::map<std::string, std::string> origins;
};

// The launcher to start: the configured one, or coracle-oci beside the running
// program.
std::string LauncherPath(const Config& config);

// The entry of `handlers` that a pod's `name` for it means, or null for the
// built-in one and for unknown names.
const HandlerConfig* FindHandler(const Config& config, const std::string& name);

// The runtime::log level that log_level names.
runtime::log::Level LogLevel(const Config& config);

// Whether a changed value is taken over by a running server.
enum class Reload { kLive, kRestart };

// One key, for help texts and flags.
struct Key {
  const char* name;  // "registry_config_dir"
  const char* help;
  Reload reload = Reload::kRestart;
  bool is_flag = true;     // also on the command line
  std::string expects;     // "a number from 0 to 65535"
  runtime::Json preset;    // the default
  std::vector<Key> parts;  // of each entry of a map
};
const std::vector<Key>& Keys();

// Values by key name, as given on the command line; they win over the file.
using Overrides = std::map<std::string, std::string>;

// Reads `file` (""  = kDefaultFile if that exists, else only defaults), puts
// `overrides` on top and checks the result. Errors name file, line and field;
// an unknown key comes with the nearest known one.
absl::StatusOr<Config> Load(const std::string& file,
                            const Overrides& overrides);

// The same for a text; `name` stands for the file in errors.
absl::StatusOr<Config> Parse(absl::string_view text, const std::string& name,
                             const Overrides& overrides);

// All values by key.
runtime::Json ToJson(const Config& config);

// Names of the keys whose values differ and whose changes are of kind `reload`.
std::vector<std::string> Changed(const Config& from, const Config& to,
                                 Reload reload);
// `running` with the live keys of `fresh`.
Config Merged(const Config& running, const Config& fresh);

// What `coracle config explain` prints: all keys, or the one named `key`
// ("handlers", "handlers.NAME.path"); NOT_FOUND with the nearest name.
absl::StatusOr<std::string> Explain(const std::string& key);

// Values as a configuration file with the origin of each as a comment.
// `values` and `origins` are ToJson's and Config::origins.
std::string Show(const runtime::Json& values,
                 const std::map<std::string, std::string>& origins);

}  // namespace cri::config

#endif  // CORACLE_CRI_CONFIG_CONFIG_H_
