// SPDX-License-Identifier: Apache-2.0
// Config is everything that one CRI server is told at start. Each key exists
// once and serves as YAML key of the configuration file and, with '-' for '_',
// as command line flag.
#ifndef CORACLE_CRI_CONFIG_CONFIG_H_
#define CORACLE_CRI_CONFIG_CONFIG_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cri::config {

inline constexpr char kDefaultFile[] = "/etc/coracle/config.yaml";

struct Config {
  std::string listen = "unix:///run/coracle/coracle.sock";
  std::string root = "/var/lib/coracle";  // images, records, container files
  std::string state = "/run/coracle";     // sockets, shm; gone after a reboot
  std::string registry_config_dir = "/etc/coracle/certs.d";
  std::string pod_cidr;      // "" = told by UpdateRuntimeConfig
  std::string cluster_cidr;  // pods of all nodes; no source NAT among them
  std::string bridge = "coracle0";
  bool masquerade = true;
  int64_t mtu = 0;       // 0 = that of the default route's link
  std::string launcher;  // path of coracle-oci; "" = beside this program
  int64_t max_message_bytes = 16 << 20;
  int64_t shm_bytes = 64 << 20;  // of a pod's /dev/shm
  int64_t parallel_downloads = 3;
  int64_t max_threads = 512;  // of the pool for blocking work; made on demand
};

// The launcher to start: the configured one, or coracle-oci beside the running
// program.
std::string LauncherPath(const Config& config);

// One key, for help texts and flags.
struct Key {
  const char* name;  // "registry_config_dir"
  const char* help;
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

}  // namespace cri::config

#endif  // CORACLE_CRI_CONFIG_CONFIG_H_
