// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/conf_dir.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace cri::network::cni {
namespace {

constexpr size_t kMaxConfBytes = 1 << 20;

bool IsConfName(const std::string& name) {
  return absl::EndsWith(name, ".conf") || absl::EndsWith(name, ".conflist") ||
         absl::EndsWith(name, ".json");
}

bool IsDirectory(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

// Sorted names in `dir` that `wanted` likes, directories left out.
absl::StatusOr<std::vector<std::string>> FilesOf(
    const std::string& dir, bool (*wanted)(const std::string&)) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, runtime::ListDir(dir));
  std::vector<std::string> files;
  for (const std::string& name : names) {
    const std::string path = absl::StrCat(dir, "/", name);
    if (wanted(name) && !IsDirectory(path)) files.push_back(path);
  }
  return files;
}

// Plugins of the network from files of their own.
absl::Status AddPluginFiles(const std::string& dir, NetworkConf& conf) {
  if (!IsDirectory(dir)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<std::string> files,
                   FilesOf(dir, [](const std::string& name) {
                     return absl::EndsWith(name, ".conf");
                   }));
  std::vector<PluginConf> plugins;
  for (const std::string& file : files) {
    ASSIGN_OR_RETURN(const std::string text,
                     runtime::ReadFile(file, kMaxConfBytes));
    ASSIGN_OR_RETURN(const runtime::Json json, runtime::ParseJson(text, file));
    absl::StatusOr<PluginConf> plugin = ParsePlugin(json);
    if (!plugin.ok()) return runtime::Annotate(plugin.status(), file);
    plugins.push_back(*std::move(plugin));
  }
  if (plugins.empty()) return absl::OkStatus();
  AppendPlugins(std::move(plugins), conf);
  // That is what will be kept, so it has to be readable.
  return runtime::Annotate(ParseConf(conf.text).status(), dir);
}

absl::StatusOr<NetworkConf> LoadFile(const std::string& dir,
                                     const std::string& file) {
  ASSIGN_OR_RETURN(const std::string text,
                   runtime::ReadFile(file, kMaxConfBytes));
  absl::StatusOr<NetworkConf> conf = ParseConf(text);
  if (!conf.ok()) return runtime::Annotate(conf.status(), file);
  if (!conf->only_inlined) {
    RETURN_IF_ERROR(AddPluginFiles(absl::StrCat(dir, "/", conf->name), *conf));
  }
  if (!conf->plugins.empty()) return conf;
  return absl::InvalidArgumentError(
      absl::StrCat(file, ": plugins: is missing, and there are none in ", dir,
                   "/", conf->name, " either"));
}

}  // namespace

absl::StatusOr<NetworkConf> LoadConfDir(const std::string& dir) {
  const absl::StatusOr<std::vector<std::string>> files =
      FilesOf(dir, IsConfName);
  if (!files.ok() && !absl::IsNotFound(files.status())) return files.status();
  if (files.ok() && !files->empty()) return LoadFile(dir, files->front());
  return absl::NotFoundError(absl::StrCat(
      "no CNI network is configured: ", dir,
      files.ok() ? " has no .conflist, .conf or .json file" : " does not exist",
      "; install a network add-on, or put a configuration there"));
}

ConfWatch::ConfWatch(std::string dir, std::function<void()> on_change)
    : dir_(std::move(dir)), on_change_(std::move(on_change)), status_(Open()) {
  if (!status_.ok()) return;
  Arm();
  thread_ = std::thread([this] { Loop(); });
  pthread_setname_np(thread_.native_handle(), "cni-conf");
}

ConfWatch::~ConfWatch() {
  if (!thread_.joinable()) return;
  eventfd_write(stop_.get(), 1);
  thread_.join();
}

absl::Status ConfWatch::Open() {
  inotify_.reset(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify_.ok()) return runtime::ErrnoStatus("inotify");
  stop_.reset(eventfd(0, EFD_CLOEXEC));
  if (!stop_.ok()) return runtime::ErrnoStatus("eventfd");
  return absl::OkStatus();
}

void ConfWatch::Watch(const std::string& dir, const std::string& only,
                      uint32_t mask) {
  const int watch =
      inotify_add_watch(inotify_.get(), dir.c_str(), mask | IN_ONLYDIR);
  if (watch >= 0) watched_[watch] = {dir, only};
}

// Watches the directory, the directories of plugin files in it, and all that
// lead to it, for it may come later or be replaced. Adding a watch again
// changes nothing.
void ConfWatch::Arm() {
  for (size_t slash = dir_.find('/', 1); slash != std::string::npos;
       slash = dir_.find('/', slash + 1)) {
    const size_t parent = dir_.rfind('/', slash - 1);
    Watch(parent == 0 ? "/" : dir_.substr(0, parent),
          dir_.substr(parent + 1, slash - parent - 1), IN_CREATE | IN_MOVED_TO);
  }
  const size_t last = dir_.rfind('/');
  Watch(last == 0 ? "/" : dir_.substr(0, last), dir_.substr(last + 1),
        IN_CREATE | IN_MOVED_TO);
  constexpr uint32_t kFiles = IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO |
                              IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF |
                              IN_MOVE_SELF | IN_ATTRIB;
  Watch(dir_, "", kFiles);
  const absl::StatusOr<std::vector<std::string>> names = runtime::ListDir(dir_);
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    Watch(absl::StrCat(dir_, "/", name), "", kFiles);
  }
}

bool ConfWatch::Matters(const inotify_event& event) {
  if ((event.mask & IN_Q_OVERFLOW) != 0) return true;
  const auto it = watched_.find(event.wd);
  if (it == watched_.end()) return false;
  if ((event.mask & IN_IGNORED) != 0) {
    watched_.erase(it);
    return false;
  }
  const std::string name = event.len > 0 ? event.name : "";
  if (!it->second.only.empty() && name != it->second.only) return false;
  if ((event.mask & IN_CREATE) == 0) return true;
  // A new regular file is still being written, unless it is a second link.
  struct stat info {};
  const std::string path = absl::StrCat(it->second.dir, "/", name);
  return lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode) ||
         info.st_nlink > 1;
}

bool ConfWatch::Drain() {
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

void ConfWatch::Loop() {
  on_change_();
  pollfd fds[] = {{inotify_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
  for (;;) {
    if (poll(fds, std::size(fds), -1) < 0 && errno != EINTR) return;
    if (fds[1].revents != 0) return;
    if (!Drain()) continue;
    Arm();
    on_change_();
  }
}

}  // namespace cri::network::cni
