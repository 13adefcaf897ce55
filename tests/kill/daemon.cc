// SPDX-License-Identifier: Apache-2.0
#include "tests/kill/daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/spawn.h"

namespace tests::kill {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);

[[noreturn]] void Fail(const std::string& what) {
  load::Fail(what, grpc::Status(grpc::StatusCode::INTERNAL, strerror(errno)));
}

Points* MapPoints(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ftruncate(fd, sizeof(Points)) != 0) Fail(path);
  void* place =
      mmap(nullptr, sizeof(Points), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (place == MAP_FAILED) Fail(path);
  return static_cast<Points*>(place);
}

}  // namespace

Daemon::Daemon(std::string socket_path, std::string image, std::string preload,
               std::string scratch, std::vector<std::string> command)
    : socket_path_(std::move(socket_path)),
      image_(std::move(image)),
      preload_(std::move(preload)),
      scratch_(std::move(scratch)),
      command_(std::move(command)),
      points_(MapPoints(scratch_ + "/points")) {}

Daemon::~Daemon() {
  if (pid_ != 0) Kill();
  munmap(points_, sizeof(Points));
}

bool Daemon::Serves() const {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  strncpy(address.sun_path, socket_path_.c_str(), sizeof address.sun_path - 1);
  const bool answered =
      connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return answered;
}

bool Daemon::Start(int64_t at) {
  points_->left = at;
  const std::string log = scratch_ + "/log";
  const std::string variable =
      absl::StrCat(kPointsVariable, "=", scratch_, "/points");
  const std::string preload = absl::StrCat("LD_PRELOAD=", preload_);
  const std::vector<char*> words = runtime::Pointers(command_);
  pid_ = fork();
  if (pid_ < 0) Fail("fork");
  if (pid_ == 0) {
    const int fd = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    putenv(const_cast<char*>(variable.c_str()));
    putenv(const_cast<char*>(preload.c_str()));
    execv(words[0], words.data());
    _exit(127);
  }
  const absl::Time end = absl::Now() + kPatience;
  while (!Serves()) {
    if (Died()) {
      if (at == 0)
        Fail(absl::StrCat("the server ended at its start, see ", log));
      return false;
    }
    if (absl::Now() > end) Fail("the server does not serve");
    absl::SleepFor(absl::Milliseconds(2));
  }
  client_ = std::make_unique<load::Client>("unix://" + socket_path_, image_);
  return true;
}

bool Daemon::Died() {
  if (pid_ == 0) return true;
  if (waitpid(pid_, nullptr, WNOHANG) != pid_) return false;
  pid_ = 0;
  return true;
}

void Daemon::Kill() {
  if (Died()) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

void Daemon::Arm(int64_t at) { points_->left = at; }

bool Daemon::Disarm() {
  if (points_->left.exchange(0) != kDying) {
    if (Died()) Fail("the server ended by itself");
    return false;
  }
  // The library's own kill is under way, but it may not have seen that this
  // thread took its mark away.
  Kill();
  return true;
}

}  // namespace tests::kill
