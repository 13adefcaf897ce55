// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/dir_watch.h"

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace cri::network::cni {
namespace {

constexpr uint32_t kWay =
    IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR;
constexpr uint32_t kContent =
    kWay | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB;
constexpr int kMostLinks = 40;  // as in the kernel
// A change that comes sooner than kCalm after the last was told may be of what
// that made others do, as plugins that write into their directory: then it
// waits ever longer.
constexpr absl::Duration kCalm = absl::Milliseconds(100);
constexpr absl::Duration kShortestPause = absl::Milliseconds(10);
constexpr absl::Duration kLongestPause = absl::Seconds(1);

}  // namespace

DirWatch::DirWatch(std::vector<std::string> dirs,
                   std::function<void()> on_change)
    : dirs_(std::move(dirs)),
      on_change_(std::move(on_change)),
      status_(Open()) {
  if (!status_.ok()) return;
  Arm();
  thread_ = std::thread([this] { Loop(); });
  pthread_setname_np(thread_.native_handle(), "cni-conf");
}

DirWatch::~DirWatch() {
  if (!thread_.joinable()) return;
  eventfd_write(stop_.get(), 1);
  thread_.join();
}

absl::Status DirWatch::Open() {
  inotify_.reset(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify_.ok()) return runtime::ErrnoStatus("inotify");
  stop_.reset(eventfd(0, EFD_CLOEXEC));
  if (!stop_.ok()) return runtime::ErrnoStatus("eventfd");
  return absl::OkStatus();
}

DirWatch::Watched* DirWatch::Watch(const std::string& dir, uint32_t mask) {
  const int watch =
      inotify_add_watch(inotify_.get(), dir.c_str(), mask | IN_MASK_ADD);
  if (watch < 0) {
    if (errno == ENOSPC) {
      runtime::log::Warning("changes in ", dir,
                            " go unnoticed: fs.inotify.max_user_watches");
    }
    return nullptr;
  }
  Watched& watched = watched_[watch];
  watched.dir = dir;
  return &watched;
}

void DirWatch::Arm() {
  for (auto& [descriptor, watched] : watched_) {
    watched.all = false;
    watched.names.clear();
  }
  for (const std::string& dir : dirs_) {
    WatchWay(dir);
    WatchContent(dir, true);
  }
  for (auto it = watched_.begin(); it != watched_.end();) {
    if (it->second.all || !it->second.names.empty()) {
      ++it;
      continue;
    }
    inotify_rm_watch(inotify_.get(), it->first);
    it = watched_.erase(it);
  }
}

void DirWatch::WatchContent(const std::string& dir, bool deep) {
  Watched* const watched = Watch(dir, kContent);
  if (watched == nullptr) return;
  watched->all = true;
  const absl::StatusOr<std::vector<std::string>> names = runtime::ListDir(dir);
  if (!names.ok()) return;  // gone since, which is told
  for (const std::string& name : *names) {
    const std::string path = absl::StrCat(dir, "/", name);
    struct stat info {};
    if (lstat(path.c_str(), &info) != 0) continue;
    if (S_ISLNK(info.st_mode)) {
      WatchWay(path);
      if (stat(path.c_str(), &info) != 0) continue;
    }
    if (deep && S_ISDIR(info.st_mode)) WatchContent(path, false);
  }
}

void DirWatch::WatchWay(const std::string& path) {
  std::deque<std::string> parts = absl::StrSplit(path, '/', absl::SkipEmpty());
  std::string at;  // without links; "" = /
  for (int links = 0; !parts.empty();) {
    const std::string part = std::move(parts.front());
    parts.pop_front();
    if (part == ".") continue;
    if (part == "..") {
      at.resize(at.empty() ? 0 : at.rfind('/'));
      continue;
    }
    Watched* const watched =
        Watch(at.empty() ? "/" : at, parts.empty() ? kContent : kWay);
    if (watched == nullptr) return;
    watched->names.insert(part);
    absl::StrAppend(&at, "/", part);
    char target[PATH_MAX];
    const ssize_t size = readlink(at.c_str(), target, sizeof target);
    if (size <= 0) continue;  // no link, or nothing yet
    if (++links > kMostLinks) return;
    at.resize(target[0] == '/' ? 0 : at.rfind('/'));
    const std::vector<std::string> more =
        absl::StrSplit(absl::string_view(target, static_cast<size_t>(size)),
                       '/', absl::SkipEmpty());
    parts.insert(parts.begin(), more.begin(), more.end());
  }
}

bool DirWatch::Matters(const inotify_event& event) {
  if ((event.mask & IN_Q_OVERFLOW) != 0) return true;
  const auto it = watched_.find(event.wd);
  if (it == watched_.end()) return false;
  if ((event.mask & IN_IGNORED) != 0) {
    watched_.erase(it);
    return false;
  }
  const std::string name = event.len > 0 ? event.name : "";
  if (!it->second.all && !it->second.names.contains(name)) return false;
  if ((event.mask & IN_CREATE) == 0) return true;
  // A new regular file is still being written, unless it is a second link.
  struct stat info {};
  const std::string path = absl::StrCat(it->second.dir, "/", name);
  return lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode) ||
         info.st_nlink > 1;
}

bool DirWatch::Drain() {
  alignas(inotify_event) char buffer[16 << 10];
  bool matters = false;
  for (;;) {
    const ssize_t got = read(inotify_.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return matters;
    for (ssize_t at = 0; at < got;) {
      const auto* event = reinterpret_cast<inotify_event*>(buffer + at);
      at += static_cast<ssize_t>(sizeof *event + event->len);
      matters |= Matters(*event);
    }
  }
}

void DirWatch::Loop() {
  on_change_();
  absl::Time told = absl::InfinitePast();
  absl::Duration pause;
  pollfd fds[] = {{inotify_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
  for (;;) {
    if (poll(fds, std::size(fds), -1) < 0 && errno != EINTR) return;
    if (fds[1].revents != 0) return;
    if (!Drain()) continue;
    pause = absl::Now() - told > kCalm
                ? absl::ZeroDuration()
                : std::clamp(2 * pause, kShortestPause, kLongestPause);
    if (poll(&fds[1], 1, static_cast<int>(absl::ToInt64Milliseconds(pause))) >
        0) {
      return;
    }
    Drain();  // it is told with the first
    Arm();
    on_change_();
    told = absl::Now();
  }
}

}  // namespace cri::network::cni
