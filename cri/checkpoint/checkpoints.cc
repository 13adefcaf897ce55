// SPDX-License-Identifier: Apache-2.0
#include "cri/checkpoint/checkpoints.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"
#include "cri/checkpoint/archive.h"
#include "cri/checkpoint/documents.h"
#include "cri/checkpoint/root_diff.h"
#include "cri/container/mounts.h"
#include "runtime/base/activity.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace cri::checkpoint {
namespace {

using runtime::ErrnoStatus;
using runtime::Json;
using runtime::UniqueFd;

constexpr char kSuffix[] = ".partial";
// Where the daemon finds, after a kill, the archive that it was writing.
constexpr char kPartial[] = "/partial";

// The names of the log that containerd and CRI-O look for.
constexpr char kLog[] = "container.log";
constexpr char kCrioLog[] = "io.kubernetes.cri-o.LogPath";

absl::Status CheckLocation(absl::string_view location) {
  const auto bad = [&](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("location: \"", location, "\" ", why));
  };
  if (location.empty()) return absl::InvalidArgumentError("location: missing");
  if (location[0] != '/') return bad("is not an absolute path");
  if (location.find('\0') != absl::string_view::npos) {
    return absl::InvalidArgumentError("location: holds a NUL");
  }
  if (location.size() > 4000) {
    return absl::InvalidArgumentError("location: is longer than 4000 bytes");
  }
  for (absl::string_view part : absl::StrSplit(location.substr(1), '/')) {
    if (part.empty() || part == "." || part == "..") {
      return bad("is not the plain path of a file");
    }
  }
  return absl::OkStatus();
}

std::string DirOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string NameOf(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

}  // namespace

// One checkpoint. The client may give up waiting before it is over.
class Checkpoints::Job {
 public:
  Job(const CheckpointsOptions& options, container::ContainerPtr container,
      std::string location, absl::Time deadline)
      : options_(options),
        container_(std::move(container)),
        location_(std::move(location)),
        deadline_(deadline),
        work_(absl::StrCat(options.root, "/checkpoints/", container_->id)) {}

  // In a thread of its own.
  void Run() ABSL_LOCKS_EXCLUDED(mutex_) {
    const absl::Status status = Make();
    absl::MutexLock lock(&mutex_);
    status_ = status;
    if (abandoned_ && !absl::IsDeadlineExceeded(status)) {
      runtime::log::Warning("checkpoint of container ", container_->id,
                            ", which nobody waits for: ", status.message());
    }
  }

  absl::Status Wait() ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithDeadline(absl::Condition(
                                 +[](std::optional<absl::Status>* status) {
                                   return status->has_value();
                                 },
                                 &status_),
                             deadline_);
    if (status_.has_value()) return *status_;
    abandoned_ = true;
    return Late();
  }

 private:
  absl::Status Late() const {
    return absl::DeadlineExceededError(
        absl::StrCat("checkpoint of container ", container_->id,
                     " takes too long: what is written of it will be removed"));
  }
  absl::Status CheckTime() const {
    return absl::Now() < deadline_ ? absl::OkStatus() : Late();
  }

  absl::Status Make() {
    if (mkdir(work_.c_str(), 0700) != 0) {
      if (errno != EEXIST) return ErrnoStatus("mkdir " + work_);
      return absl::AbortedError(absl::StrCat("a checkpoint of container ",
                                             container_->id,
                                             " is under way already"));
    }
    const absl::Cleanup remove = [this] {
      const absl::Status removed = options_.trash->Take(work_);
      if (!removed.ok()) runtime::log::Error(removed.message());
    };
    for (const char* name : {"/checkpoint", "/work"}) {
      RETURN_IF_ERROR(runtime::MakeDirs(work_ + name, 0700));
    }
    RETURN_IF_ERROR(OpenTarget());
    const std::string partial = PartialName();
    absl::Cleanup drop = [&] {
      unlinkat(directory_.get(), partial.c_str(), 0);
    };
    runtime::CheckpointOptions dump;
    dump.images_dir = work_ + "/checkpoint";
    dump.work_dir = work_ + "/work";
    dump.deadline = deadline_;
    dump.while_stopped = [this] { return TakeRoot(); };
    RETURN_IF_ERROR(options_.handler->CheckpointContainer(
        container_->sandbox->id, container_->id, dump));
    RETURN_IF_ERROR(WriteArchive());
    RETURN_IF_ERROR(Publish(partial));
    std::move(drop).Cancel();
    return absl::OkStatus();
  }

  std::string PartialName() const {
    // Not of the name itself, which may be as long as names can be.
    return absl::StrCat(".", container_->id, kSuffix);
  }

  absl::Status OpenTarget() {
    const std::string dir = DirOf(location_);
    directory_.reset(open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory_.ok()) {
      return absl::FailedPreconditionError(
          absl::StrCat("location: ", ErrnoStatus(dir).message()));
    }
    const std::string name = PartialName();
    RETURN_IF_ERROR(runtime::WriteFileAtomic(work_ + kPartial,
                                             runtime::JoinPath(dir, name)));
    file_.reset(openat(directory_.get(), name.c_str(),
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                       0600));
    if (file_.ok()) return absl::OkStatus();
    return ErrnoStatus(
        absl::StrCat("location: make ", runtime::JoinPath(dir, name)));
  }

  // While the processes stand still.
  absl::Status TakeRoot() {
    RETURN_IF_ERROR(CheckTime());
    const std::string path = work_ + "/rootfs-diff.tar";
    ASSIGN_OR_RETURN(
        const UniqueFd file,
        runtime::OpenFile(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
    RootLayers layers;
    layers.upper =
        absl::StrCat(options_.root, "/containers/", container_->id, "/upper");
    const image::ImagePtr image = options_.images->Find(container_->image_id);
    if (image != nullptr) {
      layers.lowers.assign(image->layer_dirs.rbegin(),
                           image->layer_dirs.rend());
    }
    for (const auto& mount : container_->config.mounts()) {
      layers.mount_points.insert(container::CleanPath(mount.container_path()));
    }
    ASSIGN_OR_RETURN(
        ArchiveWriter archive,
        ArchiveWriter::Open(file.get(), [this] { return CheckTime(); }));
    ASSIGN_OR_RETURN(gone_, WriteRootDiff(layers, archive));
    return archive.Close();
  }

  absl::Status WriteArchive() {
    ASSIGN_OR_RETURN(
        ArchiveWriter archive,
        ArchiveWriter::Open(file_.get(), [this] { return CheckTime(); }));
    const std::string spec = options_.containers->ReadOciConfig(container_->id);
    RETURN_IF_ERROR(
        archive.AddText("config.dump", ConfigDump(*container_, absl::Now())));
    RETURN_IF_ERROR(archive.AddText("spec.dump", spec));
    RETURN_IF_ERROR(archive.AddText("status.dump", StatusDump(*container_)));
    RETURN_IF_ERROR(archive.AddText("status", StatusFile(*container_)));
    if (const std::string binds = BindMounts(spec); !binds.empty()) {
      RETURN_IF_ERROR(archive.AddText("bind.mounts", binds));
    }
    for (const char* name : {"dump.log", "stats-dump"}) {
      const std::string path = absl::StrCat(work_, "/work/", name);
      if (!runtime::Exists(path)) continue;
      RETURN_IF_ERROR(archive.AddPath(name, path));
    }
    RETURN_IF_ERROR(
        archive.AddPath("rootfs-diff.tar", work_ + "/rootfs-diff.tar"));
    if (!gone_.empty()) {
      RETURN_IF_ERROR(
          archive.AddText("deleted.files", runtime::DumpJson(Json(gone_))));
    }
    RETURN_IF_ERROR(AddImages(archive));
    RETURN_IF_ERROR(AddLog(archive));
    return archive.Close();
  }

  absl::Status AddImages(ArchiveWriter& archive) {
    Entry directory;
    directory.name = "checkpoint";
    directory.status.st_mode = S_IFDIR | 0700;
    RETURN_IF_ERROR(archive.Add(directory));
    const std::string images = work_ + "/checkpoint";
    ASSIGN_OR_RETURN(const std::vector<std::string> names,
                     runtime::ListDir(images));
    for (const std::string& name : names) {
      RETURN_IF_ERROR(archive.AddPath("checkpoint/" + name,
                                      absl::StrCat(images, "/", name)));
    }
    return absl::OkStatus();
  }

  // The log is no reason to fail: it may be rotated away or none of ours.
  absl::Status AddLog(ArchiveWriter& archive) {
    const std::string& path = container_->log_path;
    struct stat status {};
    if (path.empty() || lstat(path.c_str(), &status) != 0 ||
        !S_ISREG(status.st_mode)) {
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(archive.AddPath(kLog, path));
    Entry link;
    link.name = kCrioLog;
    link.same_as = kLog;
    link.status.st_mode = S_IFREG | 0600;
    return archive.Add(link);
  }

  // Unless nobody waits for it any more.
  absl::Status Publish(const std::string& partial) ABSL_LOCKS_EXCLUDED(mutex_) {
    if (fsync(file_.get()) != 0) return ErrnoStatus("fsync " + location_);
    absl::MutexLock lock(&mutex_);
    if (abandoned_) return Late();
    if (renameat(directory_.get(), partial.c_str(), directory_.get(),
                 NameOf(location_).c_str()) != 0) {
      return ErrnoStatus("rename to " + location_);
    }
    return absl::OkStatus();
  }

  const CheckpointsOptions options_;
  const container::ContainerPtr container_;
  const std::string location_;
  const absl::Time deadline_;
  const std::string work_;
  UniqueFd directory_, file_;
  std::vector<std::string> gone_;
  absl::Mutex mutex_;
  std::optional<absl::Status> status_ ABSL_GUARDED_BY(mutex_);
  bool abandoned_ ABSL_GUARDED_BY(mutex_) = false;
};

absl::Status Checkpoints::Recover() {
  const std::string dir = options_.root + "/checkpoints";
  RETURN_IF_ERROR(runtime::MakeDirs(dir, 0700));
  ASSIGN_OR_RETURN(const std::vector<std::string> left, runtime::ListDir(dir));
  for (const std::string& name : left) {
    const std::string work = absl::StrCat(dir, "/", name);
    const absl::StatusOr<std::string> partial =
        runtime::ReadFile(work + kPartial, 8 << 10);
    if (partial.ok() && absl::EndsWith(*partial, kSuffix)) {
      unlink(partial->c_str());
    }
    RETURN_IF_ERROR(options_.trash->Take(work));
  }
  return absl::OkStatus();
}

absl::Status Checkpoints::Create(const container::ContainerPtr& container,
                                 const std::string& location,
                                 absl::Time deadline) {
  RETURN_IF_ERROR(CheckLocation(location));
  if (container->GetState().phase != runtime::ContainerPhase::kRunning) {
    return absl::FailedPreconditionError(
        absl::StrCat("container ", container->id, " does not run"));
  }
  const runtime::activity::Step step("writing the checkpoint");
  // It may outlast the call: criu is not to be torn out of a process.
  auto job = std::make_shared<Job>(options_, container, location, deadline);
  jobs_.Post([job] { job->Run(); });
  return job->Wait();
}

}  // namespace cri::checkpoint
