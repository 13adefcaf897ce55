// SPDX-License-Identifier: Apache-2.0
// The option list of an OCI mount, sorted into what the kernel's calls take.
#ifndef CORACLE_RUNTIME_MOUNT_OPTIONS_H_
#define CORACLE_RUNTIME_MOUNT_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace runtime::mount {

struct Options {
  bool bind = false;
  bool bind_recursive = false;
  // MOUNT_ATTR_… for the mount itself, and for the whole tree ("rro").
  uint64_t set = 0, clear = 0;
  uint64_t recursive_set = 0, recursive_clear = 0;
  uint64_t propagation = 0;  // MS_SHARED, …; 0 = not said
  bool propagation_recursive = false;
  bool copy_up = false;           // tmpfs starts as a copy of what it covers
  bool id_map = false;            // owners as in the container's user namespace
  bool id_map_recursive = false;  // also in what is mounted below
  std::vector<std::string> data;  // for the filesystem
};

// Unknown words are data: the filesystem decides.
Options ParseOptions(const std::vector<std::string>& options);

}  // namespace runtime::mount

#endif  // CORACLE_RUNTIME_MOUNT_OPTIONS_H_
