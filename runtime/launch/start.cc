// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch/start.h"

#include <sys/mman.h>

#include <utility>

#include "runtime/base/file.h"
#include "runtime/base/spawn.h"
#include "runtime/base/status.h"

namespace runtime::launch {

absl::Status Start::Prepare(
    Plan* plan, const std::vector<mount::RootBuilder::Proc>& procs) {
  const SetupRequest& request = *plan->request;
  orders_.identity = OrdersFor(&plan->identity);
  orders_.identity.user_namespace = plan->user_namespace.ok();
  orders_.identity.in = request.stdin_fd;
  orders_.identity.out = request.stdout_fd;
  orders_.identity.err = request.stderr_fd;
  orders_.new_cgroup_namespace = plan->new_cgroup_namespace;
  orders_.report_fd = request.report_fd;
  orders_.start_fd = request.start_fd;
  PrepareProcs(procs);
  return PrepareHooks(plan->config.hooks.start_container);
}

void Start::SetDoors(std::vector<UniqueFd> doors) {
  doors_ = std::move(doors);
  door_numbers_.clear();
  for (const UniqueFd& door : doors_) door_numbers_.push_back(door.get());
  orders_.identity.cgroup_doors = door_numbers_.data();
  orders_.identity.cgroup_door_count = door_numbers_.size();
}

void Start::PrepareProcs(const std::vector<mount::RootBuilder::Proc>& procs) {
  for (const mount::RootBuilder::Proc& proc : procs) {
    std::vector<const char*>& keys = options_.emplace_back();
    std::vector<const char*>& values = options_.emplace_back();
    for (const std::string& option : proc.options) {
      size_t equals = option.find('=');
      bool flag = equals == std::string::npos;
      keys.push_back(texts_.emplace_back(option.substr(0, equals)).c_str());
      values.push_back(
          flag ? nullptr
               : texts_.emplace_back(option.substr(equals + 1)).c_str());
    }
    ProcOrders orders;
    orders.destination = texts_.emplace_back(proc.destination).c_str();
    orders.keys = keys.data();
    orders.values = values.data();
    orders.option_count = keys.size();
    orders.attributes = static_cast<unsigned>(proc.attributes);
    procs_.push_back(orders);
  }
  orders_.procs = procs_.data();
  orders_.proc_count = procs_.size();
}

absl::Status Start::PrepareHooks(const std::vector<spec::Hook>& hooks) {
  if (hooks.empty()) return absl::OkStatus();
  hook_state_.reset(memfd_create("state", MFD_CLOEXEC));
  if (!hook_state_.ok()) return ErrnoStatus("memfd_create");
  orders_.hook_state_fd = hook_state_.get();
  for (const spec::Hook& hook : hooks) {
    HookOrders orders;
    orders.program.path = hook.path.c_str();
    std::vector<char*> argv = Pointers(hook.args);
    if (hook.args.empty()) {
      argv.insert(argv.begin(), const_cast<char*>(hook.path.c_str()));
    }
    orders.program.argv = words_.emplace_back(std::move(argv)).data();
    orders.program.envp = words_.emplace_back(Pointers(hook.env)).data();
    orders.timeout_seconds = hook.timeout_seconds;
    hooks_.push_back(orders);
  }
  orders_.hooks = hooks_.data();
  orders_.hook_count = hooks_.size();
  return absl::OkStatus();
}

absl::Status Start::SetHookState(const std::string& state) {
  if (!hook_state_.ok()) return absl::OkStatus();
  return WriteAll(hook_state_.get(), state, "state");
}

}  // namespace runtime::launch
