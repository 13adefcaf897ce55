// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch/host_side.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/launch/hooks.h"

namespace runtime::launch {
namespace {

constexpr char kHooks = 'H';
constexpr char kCpuTime = 'C';

struct Request {
  char what;
  pid_t pid;
};

bool LimitsCpuTime(const spec::Resources& resources) {
  return resources.cpu_quota.has_value() || resources.cpu_period.has_value() ||
         resources.cpu_burst.has_value();
}

absl::Status RunRuntimeHooks(const Plan& plan, pid_t pid) {
  const spec::Hooks& hooks = plan.config.hooks;
  std::string state = HookState(plan, pid);
  RETURN_IF_ERROR(launch::RunHooks(hooks.prestart, "prestart", state));
  return launch::RunHooks(hooks.create_runtime, "createRuntime", state);
}

absl::Status Limit(const Plan& plan) {
  const spec::Resources& all = plan.config.linux_section.resources;
  spec::Resources resources;
  resources.cpu_quota = all.cpu_quota;
  resources.cpu_period = all.cpu_period;
  resources.cpu_burst = all.cpu_burst;
  return plan.cgroup->Limit(resources, {});
}

// Until the set-up process has ended.
[[noreturn]] void Serve(const Plan& plan, int socket) {
  // Nobody may wait for us at the other end of what the set-up process has
  // open.
  if (socket != 3 && dup3(socket, 3, O_CLOEXEC) < 0) _exit(1);
  socket = 3;
  if (syscall(SYS_close_range, 4, ~0u, 0) != 0) _exit(1);
  Request request;
  while (recv(socket, &request, sizeof request, 0) == sizeof request) {
    absl::Status status = request.what == kHooks
                              ? RunRuntimeHooks(plan, request.pid)
                              : Limit(plan);
    std::string text = absl::StrCat(status.ok() ? "K" : "E", status.message());
    text.resize(std::min<size_t>(text.size(), sizeof(Report::text)));
    if (send(socket, text.data(), text.size(), MSG_NOSIGNAL) < 0) _exit(1);
  }
  _exit(0);
}

}  // namespace

absl::Status HostSide::Start(const Plan& plan) {
  if (!HasRuntimeHooks(plan.config.hooks) &&
      !LimitsCpuTime(plan.config.linux_section.resources)) {
    return absl::OkStatus();
  }
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
    return ErrnoStatus("socketpair");
  }
  socket_.reset(pair[0]);
  UniqueFd there(pair[1]);
  pid_t pid = fork();
  if (pid < 0) return ErrnoStatus("fork");
  if (pid == 0) {
    socket_.reset();
    Serve(plan, there.get());
  }
  return absl::OkStatus();
}

absl::Status HostSide::RunHooks(pid_t pid) { return Ask(kHooks, pid); }

absl::Status HostSide::LimitCpuTime() { return Ask(kCpuTime, 0); }

absl::Status HostSide::Ask(char what, pid_t pid) {
  if (!socket_.ok()) return absl::OkStatus();
  const Request request = {what, pid};
  if (send(socket_.get(), &request, sizeof request, MSG_NOSIGNAL) !=
      sizeof request) {
    return ErrnoStatus("host side");
  }
  char text[sizeof(Report::text)];
  ssize_t size = recv(socket_.get(), text, sizeof text, 0);
  if (size < 0) return ErrnoStatus("host side");
  if (size == 0) return absl::AbortedError("host side: it was killed");
  if (text[0] == 'K') return absl::OkStatus();
  return absl::AbortedError(
      absl::string_view(text + 1, static_cast<size_t>(size) - 1));
}

}  // namespace runtime::launch
