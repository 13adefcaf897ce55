// SPDX-License-Identifier: Apache-2.0
#include "agent/source/static_source.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/source/manifest.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace agent::source {
namespace {

namespace log = ::runtime::log;

constexpr int kScanMillis = 20000;
constexpr size_t kMaxManifest = 1 << 20;
constexpr uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM |
                             IN_DELETE | IN_CREATE | IN_ATTRIB;

bool IsManifest(const std::string& dir, const std::string& name) {
  if (name.empty() || name[0] == '.') return false;
  struct stat info;
  return stat(absl::StrCat(dir, "/", name).c_str(), &info) == 0 &&
         S_ISREG(info.st_mode);
}

}  // namespace

StaticSource::StaticSource(std::string dir, std::string node_name,
                           OnPods on_pods)
    : dir_(std::move(dir)),
      node_name_(std::move(node_name)),
      on_pods_(std::move(on_pods)) {}

StaticSource::~StaticSource() {
  if (!thread_.joinable()) return;
  uint64_t one = 1;
  // An eventfd takes this write unless it is full of wake-ups already.
  (void)!write(wake_.get(), &one, sizeof(one));
  thread_.join();
}

absl::Status StaticSource::Start() {
  RETURN_IF_ERROR(runtime::MakeDirs(dir_));
  inotify_.reset(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify_.ok()) return runtime::ErrnoStatus("inotify_init1");
  if (inotify_add_watch(inotify_.get(), dir_.c_str(), kEvents) < 0) {
    return runtime::ErrnoStatus("inotify_add_watch " + dir_);
  }
  wake_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_.ok()) return runtime::ErrnoStatus("eventfd");
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "static-pods");
    Run();
  });
  return absl::OkStatus();
}

void StaticSource::Drain() {
  alignas(inotify_event) char buffer[4096];
  while (read(inotify_.get(), buffer, sizeof(buffer)) > 0) {
  }
}

void StaticSource::Run() {
  bool first = true;
  while (true) {
    Drain();
    if (Scan() || std::exchange(first, false)) {
      std::vector<Json> pods;
      for (const auto& [name, file] : files_) {
        pods.insert(pods.end(), file.pods.begin(), file.pods.end());
      }
      on_pods_(std::move(pods));
    }
    pollfd wait[2] = {{inotify_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    if (poll(wait, 2, kScanMillis) < 0 && errno != EINTR) return;
    if (wait[1].revents != 0) return;
  }
}

bool StaticSource::Scan() {
  auto names = runtime::ListDir(dir_);
  if (!names.ok()) {
    log::Error("static pods: ", names.status().message());
    return false;
  }
  bool changed = false;
  std::map<std::string, File> next;
  for (const std::string& name : *names) {
    if (!IsManifest(dir_, name)) continue;
    std::string path = absl::StrCat(dir_, "/", name);
    File file = files_.contains(name) ? files_[name] : File();
    auto content = runtime::ReadFile(path, kMaxManifest);
    std::string error;
    if (!content.ok()) {
      error = std::string(content.status().message());
    } else if (*content != file.content || file.seen.empty()) {
      file.seen = absl::FormatTime(absl::RFC3339_full, absl::Now(),
                                   absl::UTCTimeZone());
      file.content = *content;
      Manifest manifest = ParseManifest(*content, path, node_name_, file.seen);
      for (const absl::Status& problem : manifest.errors) {
        absl::StrAppend(&error, error.empty() ? "" : "; ", problem.message());
      }
      if (!manifest.pods.empty() || error.empty()) {
        file.pods = std::move(manifest.pods);
        changed = true;
      }
    } else {
      error = file.error;
    }
    if (!error.empty() && error != file.error) {
      log::Error("static pod manifest ", error);
    }
    file.error = error;
    next.emplace(name, std::move(file));
  }
  for (const auto& [name, file] : files_) changed |= !next.contains(name);
  files_ = std::move(next);
  return changed;
}

}  // namespace agent::source
