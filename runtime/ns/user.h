// SPDX-License-Identifier: Apache-2.0
// User namespaces. A process that enters one keeps its kernel user ID and gets
// all capabilities over what the namespace owns, and none over anything else;
// so whatever needs the host's privileges (idmapped mounts, cgroups, paths that
// only root may walk) is prepared before. Single-threaded callers only.
#ifndef CORACLE_RUNTIME_NS_USER_H_
#define CORACLE_RUNTIME_NS_USER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"
#include "runtime/spec/spec.h"

namespace runtime::ns {

struct IdMaps {
  std::vector<spec::IdMapping> uids, gids;

  bool empty() const { return uids.empty() && gids.empty(); }
  bool operator==(const IdMaps&) const = default;
};

// A new user namespace and what it owns; only what was asked for is open.
struct Owned {
  UniqueFd user, network, ipc, uts;
};

// `flags` are CLONE_NEWNET, CLONE_NEWIPC and CLONE_NEWUTS, all owned by the new
// user namespace. `inside` runs as its root, in all of them, in a process of
// its own that ends afterwards; the descriptors keep the namespaces. For what
// only an owner's root may do, such as IPC sysctls.
absl::StatusOr<Owned> MakeOwned(const IdMaps& maps, uint64_t flags,
                                const std::function<absl::Status()>& inside);

// A user namespace alone, for instance to say how a mount maps IDs.
absl::StatusOr<UniqueFd> MakeUser(const IdMaps& maps);

// Enters `user_fd`, still as the user that the caller is on the host.
absl::Status EnterUser(int user_fd);
// User and group 0 of the current user namespace, no other groups.
absl::Status BecomeRoot();

// The host's ID for `id` of the namespace, nullopt if it has none.
std::optional<uint32_t> ToHost(const std::vector<spec::IdMapping>& map,
                               uint32_t id);

}  // namespace runtime::ns

#endif  // CORACLE_RUNTIME_NS_USER_H_
