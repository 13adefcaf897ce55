// SPDX-License-Identifier: Apache-2.0
// Lays out what init needs from its clone to its exec (struct InitOrders).
#ifndef CORACLE_RUNTIME_LAUNCH_START_H_
#define CORACLE_RUNTIME_LAUNCH_START_H_

#include <deque>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "runtime/base/unique_fd.h"
#include "runtime/launch/init_child.h"
#include "runtime/launch/plan.h"
#include "runtime/mount/rootfs.h"

namespace runtime::launch {

// Owns all that the orders point to. Not thread safe.
class Start {
 public:
  // `plan` must outlive this.
  absl::Status Prepare(Plan* plan,
                       const std::vector<mount::RootBuilder::Proc>& procs);
  // The cgroup's files of struct IdentityOrders.
  void SetDoors(std::vector<UniqueFd> doors);
  // What hooks read on their standard input, when init's pid is known.
  absl::Status SetHookState(const std::string& state);

  InitOrders& orders() { return orders_; }

 private:
  absl::Status PrepareHooks(const std::vector<spec::Hook>& hooks);
  void PrepareProcs(const std::vector<mount::RootBuilder::Proc>& procs);

  InitOrders orders_;
  std::vector<UniqueFd> doors_;
  std::vector<int> door_numbers_;
  std::deque<std::string> texts_;
  std::deque<std::vector<const char*>> options_;
  std::vector<ProcOrders> procs_;
  std::deque<std::vector<char*>> words_;
  std::vector<HookOrders> hooks_;
  UniqueFd hook_state_;
};

}  // namespace runtime::launch

#endif  // CORACLE_RUNTIME_LAUNCH_START_H_
