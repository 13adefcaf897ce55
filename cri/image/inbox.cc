// SPDX-License-Identifier: Apache-2.0
#include "cri/image/inbox.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace cri::image {
namespace {

namespace log = runtime::log;
using runtime::ErrnoStatus;
using runtime::UniqueFd;

constexpr int kPeriodMilliseconds = 1000;
constexpr absl::Duration kPoll = absl::Milliseconds(50);
constexpr absl::string_view kImage = ".image";
constexpr int kMaxDepth = 8;  // a layout has three levels

std::string InboxDir(const std::string& root) {
  return runtime::JoinPath(root, "images/import");
}

absl::Status CopyFile(const std::string& from, const std::string& to) {
  ASSIGN_OR_RETURN(UniqueFd in, runtime::OpenFile(from, O_RDONLY));
  ASSIGN_OR_RETURN(UniqueFd out,
                   runtime::OpenFile(to, O_WRONLY | O_CREAT | O_EXCL, 0600));
  while (true) {
    ssize_t size =
        copy_file_range(in.get(), nullptr, out.get(), nullptr, 64 << 20, 0);
    if (size == 0) return absl::OkStatus();
    if (size < 0 && errno == EXDEV) break;
    if (size < 0 && errno != EINTR) {
      return ErrnoStatus(absl::StrCat("copy ", from));
    }
  }
  // Another filesystem that the kernel does not copy between.
  char buffer[65536];
  while (true) {
    ssize_t size = read(in.get(), buffer, sizeof buffer);
    if (size == 0) return absl::OkStatus();
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return ErrnoStatus(absl::StrCat("read ", from));
    RETURN_IF_ERROR(runtime::WriteAll(
        out.get(), absl::string_view(buffer, static_cast<size_t>(size)), to));
  }
}

absl::Status CopyTree(const std::string& from, const std::string& to,
                      int depth = 0) {
  struct stat st;
  if (stat(from.c_str(), &st) != 0) return ErrnoStatus("open " + from);
  if (S_ISREG(st.st_mode)) return CopyFile(from, to);
  if (!S_ISDIR(st.st_mode) || depth > kMaxDepth) {
    return absl::InvalidArgumentError(
        absl::StrCat(from, ": not an image layout or archive"));
  }
  RETURN_IF_ERROR(runtime::MakeDirs(to, 0700));
  ASSIGN_OR_RETURN(auto names, runtime::ListDir(from));
  for (const std::string& name : names) {
    RETURN_IF_ERROR(CopyTree(runtime::JoinPath(from, name),
                             runtime::JoinPath(to, name), depth + 1));
  }
  return absl::OkStatus();
}

void RemoveOrLog(const std::string& path) {
  if (auto status = runtime::RemoveTree(path); !status.ok()) {
    log::Warning("image inbox: ", status.message());
  }
}

absl::StatusOr<std::vector<std::string>> ParseResult(absl::string_view text) {
  text = absl::StripSuffix(text, "\n");
  if (absl::ConsumePrefix(&text, "ok ")) {
    return std::vector<std::string>(absl::StrSplit(text, ' '));
  }
  std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits(' ', 1));
  int code = 0;
  if (!absl::SimpleAtoi(parts.first, &code) || code <= 0) {
    return absl::InternalError("the daemon's answer is unreadable");
  }
  return absl::Status(static_cast<absl::StatusCode>(code), parts.second);
}

std::string FormatResult(const absl::StatusOr<std::vector<ImagePtr>>& images) {
  if (!images.ok()) {
    return absl::StrCat(static_cast<int>(images.status().code()), " ",
                        images.status().message(), "\n");
  }
  std::string text = "ok";
  for (const ImagePtr& image : *images) absl::StrAppend(&text, " ", image->id);
  return text + "\n";
}

// Files of one request.
struct Request {
  explicit Request(const std::string& base)
      : name(base + ".name"),
        image(base + ".image"),
        result(base + ".result") {}
  const std::string name, image, result;
};

// DEADLINE_EXCEEDED if no answer comes. Leaves its files to the caller.
absl::StatusOr<std::vector<std::string>> Ask(const Request& request,
                                             const std::string& partial,
                                             const std::string& path,
                                             const std::string& name,
                                             absl::Time deadline) {
  RETURN_IF_ERROR(CopyTree(path, partial));
  RETURN_IF_ERROR(runtime::WriteFileAtomic(request.name, name));
  if (rename(partial.c_str(), request.image.c_str()) != 0) {
    return ErrnoStatus(absl::StrCat("rename ", partial));
  }
  while (absl::Now() < deadline) {
    auto text = runtime::ReadFile(request.result);
    if (text.ok()) return ParseResult(*text);
    if (!absl::IsNotFound(text.status())) return text.status();
    absl::SleepFor(kPoll);
  }
  return absl::DeadlineExceededError("");
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ImportThroughInbox(
    const std::string& root, const std::string& path, const std::string& name,
    absl::Duration timeout) {
  const std::string id =
      absl::StrCat(getpid(), "-", absl::ToUnixNanos(absl::Now()));
  const Request request(absl::StrCat(InboxDir(root), "/", id));
  const std::string partial = absl::StrCat(InboxDir(root), "/.", id);
  auto result = Ask(request, partial, path, name, absl::Now() + timeout);
  if (absl::IsDeadlineExceeded(result.status())) {
    result = absl::DeadlineExceededError(
        absl::StrCat("import ", path, ": no answer from the daemon within ",
                     absl::FormatDuration(timeout)));
  }
  for (const std::string& left :
       {partial, request.image, request.name, request.result}) {
    RemoveOrLog(left);
  }
  return result;
}

Inbox::Inbox(ImageStore* store, const std::string& root)
    : store_(store),
      dir_(InboxDir(root)),
      watch_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)),
      stop_(eventfd(0, EFD_CLOEXEC)) {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "image-inbox");
    Run();
  });
}

Inbox::~Inbox() {
  eventfd_write(stop_.get(), 1);
  thread_.join();
}

void Inbox::Run() {
  const bool told = watch_.ok() && inotify_add_watch(watch_.get(), dir_.c_str(),
                                                     IN_MOVED_TO) >= 0;
  if (!told) {
    log::Info("image inbox: inotify: ", strerror(errno),
              "; looks once a second");
  }
  // Requests that came before the watch are found by the first look.
  while (true) {
    Look();
    pollfd polled[2] = {{stop_.get(), POLLIN, 0},
                        {told ? watch_.get() : -1, POLLIN, 0}};
    if (poll(polled, 2, told ? -1 : kPeriodMilliseconds) < 0) continue;
    if (polled[0].revents != 0) return;
    char events[4096];
    while (told && read(watch_.get(), events, sizeof events) > 0) {
    }
  }
}

void Inbox::Look() {
  auto names = runtime::ListDir(dir_);
  if (!names.ok()) {
    log::Error("image inbox: ", names.status().message());
    return;
  }
  for (absl::string_view name : *names) {
    if (absl::StartsWith(name, ".")) continue;
    if (absl::ConsumeSuffix(&name, kImage)) Import(std::string(name));
  }
}

void Inbox::Import(const std::string& base) {
  const Request request(absl::StrCat(dir_, "/", base));
  auto name = runtime::ReadFile(request.name, 4096);
  auto images = name.ok()
                    ? store_->Import(request.image, *name)
                    : absl::StatusOr<std::vector<ImagePtr>>(name.status());
  // First the request goes, so that a crash does not answer it twice.
  RemoveOrLog(request.image);
  RemoveOrLog(request.name);
  if (auto status =
          runtime::WriteFileAtomic(request.result, FormatResult(images));
      !status.ok()) {
    log::Error("image inbox: ", status.message());
  }
}

std::unique_ptr<Inbox> StartInbox(ImageStore* store, const std::string& root) {
  return std::make_unique<Inbox>(store, root);
}

}  // namespace cri::image
