// SPDX-License-Identifier: Apache-2.0
// What this host is: read from /proc, /sys and /etc. A fact that cannot be read
// is left empty or zero, never an error. Blocking reads of a few files.
#ifndef CORACLE_AGENT_NODE_FACTS_H_
#define CORACLE_AGENT_NODE_FACTS_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/strings/string_view.h"

namespace agent::node {

// Fixed while the host runs.
struct HostFacts {
  std::string machine_id, system_uuid, boot_id;
  std::string kernel_version, os_image, architecture;  // "amd64"
  int64_t cpus = 0;
  int64_t memory_bytes = 0;
  int64_t swap_bytes = 0;
  std::map<std::string, int64_t> hugepages;  // "hugepages-2Mi" → bytes
};
HostFacts ReadHostFacts();

// What changes; `directory` stands on the node's own filesystem (nodefs).
struct Usage {
  int64_t memory_available = 0;
  int64_t disk_bytes = 0, disk_available = 0;
  int64_t inodes = 0, inodes_free = 0;
  int64_t pids_max = 0, pids_used = 0;
};
Usage ReadUsage(const std::string& directory);

// The value of `key` in the text of a file like /proc/meminfo, in bytes.
int64_t MeminfoBytes(absl::string_view text, absl::string_view key);
// PRETTY_NAME of an os-release text, unquoted.
std::string PrettyName(absl::string_view os_release);

}  // namespace agent::node

#endif  // CORACLE_AGENT_NODE_FACTS_H_
