// SPDX-License-Identifier: Apache-2.0
#include "agent/command/signals.h"

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "runtime/base/unique_fd.h"

namespace agent::command {
namespace {

// What the counter of the event descriptor grows by; a stop wins.
constexpr eventfd_t kHangUp = 1, kStop = eventfd_t{1} << 32;
int wake_fd = -1;

void OnSignal(int number) {
  const int saved = errno;
  eventfd_write(wake_fd, number == SIGHUP ? kHangUp : kStop);
  errno = saved;
}

}  // namespace

StopSignal::StopSignal() {
  wake_fd = eventfd(0, EFD_CLOEXEC);
  thread_ = std::thread([this] { Run(); });
  struct sigaction action = {};
  // The second signal meets the default action and ends what hangs.
  action.sa_flags = SA_RESETHAND | SA_RESTART;
  action.sa_handler = OnSignal;
  for (const int number : {SIGTERM, SIGINT}) {
    sigaction(number, &action, nullptr);
  }
  action.sa_flags = SA_RESTART;
  sigaction(SIGHUP, &action, nullptr);
  // As good as ignored, but not inherited by what we execute.
  action.sa_handler = [](int) {};
  sigaction(SIGPIPE, &action, nullptr);
}

StopSignal::~StopSignal() {
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) signal(number, SIG_DFL);
  eventfd_write(wake_fd, kStop);
  thread_.join();
  close(wake_fd);
  wake_fd = -1;
}

void StopSignal::Run() {
  pthread_setname_np(pthread_self(), "signals");
  while (true) {
    eventfd_t count = 0;
    if (eventfd_read(wake_fd, &count) != 0) {
      if (errno == EINTR) continue;
      break;
    }
    if (count >= kStop) break;
    absl::MutexLock lock(&mutex_);
    if (reload_) reload_();
  }
  token_.Cancel();
  stopped_.Notify();
}

void StopSignal::OnHangUp(std::function<void()> reload) {
  absl::MutexLock lock(&mutex_);
  reload_ = std::move(reload);
}

void NotifySystemd(const char* state) {
  const char* path = getenv("NOTIFY_SOCKET");
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path == nullptr || strlen(path) >= sizeof address.sun_path ||
      (path[0] != '/' && path[0] != '@')) {
    return;
  }
  memcpy(address.sun_path, path, strlen(path));
  if (path[0] == '@') address.sun_path[0] = '\0';  // abstract
  const runtime::UniqueFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  // Nothing depends on an answer, so nothing is done about a failure.
  (void)sendto(
      fd.get(), state, strlen(state), MSG_NOSIGNAL,
      reinterpret_cast<sockaddr*>(&address),
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + strlen(path)));
}

}  // namespace agent::command
