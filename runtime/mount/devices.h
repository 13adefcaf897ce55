// SPDX-License-Identifier: Apache-2.0
// Device nodes, the usual links in /dev, and terminals.
#ifndef CORACLE_RUNTIME_MOUNT_DEVICES_H_
#define CORACLE_RUNTIME_MOUNT_DEVICES_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"
#include "runtime/path/root.h"
#include "runtime/spec/spec.h"

namespace runtime::mount {

// An O_PATH descriptor of the character device `path` (of the host), checked to
// be major:minor after it was opened.
absl::StatusOr<UniqueFd> OpenDevice(const std::string& path, char type,
                                    int64_t major, int64_t minor);

// The devices that every container has.
std::vector<spec::Device> DefaultDevices();

// DefaultDevices, then `devices`. A node that may not be
// made (user namespaces, nodev) is bound from the host instead.
absl::Status MakeDevices(const path::Root& root,
                         const std::vector<spec::Device>& devices);

// /dev/fd, /dev/stdin, /dev/stdout, /dev/stderr, /dev/ptmx.
absl::Status MakeDeviceLinks(const path::Root& root);

struct Terminal {
  UniqueFd master, slave;
};
// A new pair of the root's own devpts. The slave comes from the master, not
// from a path that a container could swap (CVE-2025-52565).
absl::StatusOr<Terminal> OpenTerminal(const path::Root& root);
absl::Status BindConsole(const path::Root& root, int slave_fd);

}  // namespace runtime::mount

#endif  // CORACLE_RUNTIME_MOUNT_DEVICES_H_
