// SPDX-License-Identifier: Apache-2.0
#include "cri/image/disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cri/image/digest.h"
#include "runtime/base/file.h"
#include "runtime/base/lock.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace cri::image {
namespace {

namespace log = runtime::log;
using runtime::Durability;
using runtime::ErrnoStatus;
using runtime::UniqueFd;

constexpr mode_t kPrivate = 0700;
constexpr const char* kRooms[] = {"blobs", "layers", "index", "holds",
                                  "tmp",   "trash",  "aside", "import"};
// Long layer names would fill overlayfs's one page of mount options early. The
// record inside holds the whole diff ID.
constexpr size_t kLayerNameLength = 32;

absl::Status SyncDirectory(const std::string& path) {
  ASSIGN_OR_RETURN(UniqueFd fd,
                   runtime::OpenFile(path, O_RDONLY | O_DIRECTORY));
  if (fsync(fd.get()) != 0) return ErrnoStatus(absl::StrCat("fsync ", path));
  return absl::OkStatus();
}

std::vector<std::string> NamesIn(const std::string& path) {
  auto names = runtime::ListDir(path);
  if (!names.ok()) {
    log::Error("image store: ", names.status().message());
    return {};
  }
  return *std::move(names);
}

}  // namespace

Staged::~Staged() {
  if (auto status = runtime::RemoveTree(path_); !status.ok()) {
    log::Warning("image store: ", status.message());
  }
}

absl::StatusOr<std::unique_ptr<Disk>> Disk::Open(const std::string& root) {
  std::unique_ptr<Disk> disk(new Disk(runtime::JoinPath(root, "images")));
  RETURN_IF_ERROR(runtime::MakeDirs(root, kPrivate));
  for (const char* room : kRooms) {
    RETURN_IF_ERROR(
        runtime::MakeDirs(absl::StrCat(disk->path_, "/", room), kPrivate));
  }
  // CVE-2021-41103: no user of the host may walk into the images.
  if (chmod(disk->path_.c_str(), kPrivate) != 0) {
    return ErrnoStatus(absl::StrCat("chmod ", disk->path_));
  }
  RETURN_IF_ERROR(disk->Lock());
  return disk;
}

absl::Status Disk::Lock() {
  const std::string path = absl::StrCat(path_, "/lock");
  ASSIGN_OR_RETURN(lock_, runtime::OpenFile(path, O_RDWR | O_CREAT, 0600));
  const absl::Status locked = runtime::LockFile(lock_.get(), path);
  if (!absl::IsAlreadyExists(locked)) return locked;
  return absl::FailedPreconditionError(
      absl::StrCat("image store ", path_, " is in use by another process"));
}

std::string Disk::LayerHome(const std::string& diff_id) const {
  absl::string_view hex = Hex(diff_id);
  return absl::StrCat(path_, "/layers/", hex.substr(0, kLayerNameLength));
}

std::string Disk::LayerDir(const std::string& diff_id) const {
  return absl::StrCat(LayerHome(diff_id), "/fs");
}

std::string Disk::ConfigFile(const std::string& id) const {
  return absl::StrCat(path_, "/blobs/", FileName(id));
}

std::string Disk::TemporaryPath() {
  return absl::StrCat(path_, "/tmp/", next_temporary_++);
}

absl::StatusOr<std::shared_ptr<StagedLayer>> Disk::Stage() {
  auto layer = std::make_shared<StagedLayer>(TemporaryPath());
  const std::string root = absl::StrCat(layer->path(), "/fs");
  RETURN_IF_ERROR(runtime::MakeDirs(root, kPrivate));
  // The layer's root becomes the container's "/".
  if (chmod(root.c_str(), 0755) != 0) {
    return ErrnoStatus(absl::StrCat("chmod ", root));
  }
  ASSIGN_OR_RETURN(layer->files,
                   runtime::OpenFile(root, O_RDONLY | O_DIRECTORY));
  return layer;
}

absl::Status Disk::FinishStaged(const StagedLayer& layer) {
  return runtime::WriteFileAtomic(absl::StrCat(layer.path(), "/record"),
                                  Encode(layer.record));
}

absl::StatusOr<std::unique_ptr<Staged>> Disk::StageConfig(
    absl::string_view data) {
  auto config = std::make_unique<Staged>(TemporaryPath());
  RETURN_IF_ERROR(runtime::WriteFileAtomic(config->path(), data));
  return config;
}

absl::Status Disk::CommitConfig(const Staged& config, const std::string& id) {
  const std::string to = ConfigFile(id);
  if (rename(config.path().c_str(), to.c_str()) != 0) {
    return ErrnoStatus(absl::StrCat("rename ", config.path(), " to ", to));
  }
  return SyncDirectory(absl::StrCat(path_, "/blobs"));
}

absl::Status Disk::Sync() {
  ASSIGN_OR_RETURN(UniqueFd fd,
                   runtime::OpenFile(path_, O_RDONLY | O_DIRECTORY));
  if (syncfs(fd.get()) != 0) return ErrnoStatus(absl::StrCat("sync ", path_));
  return absl::OkStatus();
}

absl::Status Disk::CommitLayer(const StagedLayer& layer) {
  const std::string home = LayerHome(layer.record.diff_id);
  if (rename(layer.path().c_str(), home.c_str()) != 0) {
    if (errno == ENOENT) {
      return absl::AbortedError("the layer has been committed and removed");
    }
    return ErrnoStatus(absl::StrCat("rename ", layer.path(), " to ", home));
  }
  return SyncDirectory(absl::StrCat(path_, "/layers"));
}

absl::Status Disk::WriteImage(const ImageRecord& record) {
  return runtime::WriteFileAtomic(
      absl::StrCat(path_, "/index/", FileName(record.id)), Encode(record), 0600,
      Durability::kPowerLoss);
}

absl::Status Disk::RemoveImage(const std::string& id) {
  const std::string record = absl::StrCat(path_, "/index/", FileName(id));
  if (unlink(record.c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(absl::StrCat("remove ", record));
  }
  // Layers may go only once the record is gone for good.
  RETURN_IF_ERROR(SyncDirectory(absl::StrCat(path_, "/index")));
  const std::string config = ConfigFile(id);
  if (unlink(config.c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(absl::StrCat("remove ", config));
  }
  return absl::OkStatus();
}

absl::Status Disk::Touch(const std::string& id) {
  const std::string config = ConfigFile(id);
  if (utimensat(AT_FDCWD, config.c_str(), nullptr, 0) != 0 && errno != ENOENT) {
    return ErrnoStatus(absl::StrCat("set the time of ", config));
  }
  return absl::OkStatus();
}

absl::Status Disk::WriteHold(const HoldRecord& record) {
  return runtime::WriteFileAtomic(absl::StrCat(path_, "/holds/", record.holder),
                                  Encode(record));
}

void Disk::RemoveHold(const std::string& holder) {
  const std::string path = absl::StrCat(path_, "/holds/", holder);
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    log::Error("image store: ", ErrnoStatus("remove " + path).message());
  }
}

void Disk::Discard(const std::string& path) {
  if (auto status = runtime::RemoveTree(path); !status.ok()) {
    log::Warning("image store: ", status.message());
  }
}

void Disk::SetAside(const std::string& path, const absl::Status& why) {
  std::string base = path.substr(path.rfind('/') + 1);
  std::string to =
      absl::StrCat(path_, "/aside/", base, "-", absl::ToUnixNanos(absl::Now()));
  log::Error("image store: ", why.message(), "; moved to ", to);
  if (rename(path.c_str(), to.c_str()) != 0) {
    log::Error("image store: ", ErrnoStatus("rename " + path).message());
  }
}

void Disk::LoadLayers(Contents* contents) {
  const std::string layers = absl::StrCat(path_, "/layers");
  for (const std::string& name : NamesIn(layers)) {
    const std::string home = absl::StrCat(layers, "/", name);
    const std::string path = absl::StrCat(home, "/record");
    auto text = runtime::ReadFile(path);
    absl::StatusOr<LayerRecord> record =
        text.ok() ? DecodeLayer(*text, path)
                  : absl::StatusOr<LayerRecord>(text.status());
    if (record.ok() && LayerHome(record->diff_id) != home) {
      record = absl::DataLossError(
          absl::StrCat(path, ": is of layer ", record->diff_id));
    }
    if (!record.ok()) {
      // The image that needs it is set aside below and pulled again.
      log::Error("image store: ", record.status().message(),
                 "; the layer is dropped");
      Discard(home);
      continue;
    }
    contents->layers[record->diff_id] = *record;
  }
}

absl::Status Disk::LoadImage(const std::string& name, Contents* contents) {
  const std::string path = absl::StrCat(path_, "/index/", name);
  ASSIGN_OR_RETURN(std::string text, runtime::ReadFile(path));
  ASSIGN_OR_RETURN(ImageRecord record, DecodeImage(text, path));
  if (FileName(record.id) != name) {
    return absl::DataLossError(absl::StrCat(path, ": is of ", record.id));
  }
  for (const std::string& layer : record.layers) {
    if (contents->layers.count(layer) == 0) {
      return absl::DataLossError(
          absl::StrCat(path, ": layer ", layer, " is missing"));
    }
  }
  const std::string file = ConfigFile(record.id);
  ASSIGN_OR_RETURN(std::string config, runtime::ReadFile(file));
  RETURN_IF_ERROR(VerifyDigest(config, record.id, path));
  struct stat info {};
  if (stat(file.c_str(), &info) != 0) return ErrnoStatus("stat " + file);
  // A clock that went back must not keep the image until it is there again.
  contents->used[record.id] =
      std::min(absl::TimeFromTimespec(info.st_mtim), absl::Now());
  contents->configs[record.id] = std::move(config);
  contents->images.push_back(std::move(record));
  return absl::OkStatus();
}

void Disk::LoadImages(Contents* contents) {
  for (const std::string& name : NamesIn(absl::StrCat(path_, "/index"))) {
    const std::string path = absl::StrCat(path_, "/index/", name);
    if (absl::StartsWith(name, ".")) {
      Discard(path);
    } else if (auto status = LoadImage(name, contents); !status.ok()) {
      SetAside(path, status);
    }
  }
}

void Disk::LoadHolds(Contents* contents) {
  for (const std::string& name : NamesIn(absl::StrCat(path_, "/holds"))) {
    const std::string path = absl::StrCat(path_, "/holds/", name);
    if (absl::StartsWith(name, ".")) {
      Discard(path);
      continue;
    }
    auto text = runtime::ReadFile(path);
    absl::StatusOr<HoldRecord> record =
        text.ok() ? DecodeHold(*text, path)
                  : absl::StatusOr<HoldRecord>(text.status());
    if (!record.ok()) {
      SetAside(path, record.status());
    } else {
      contents->holds.push_back(*std::move(record));
    }
  }
}

void Disk::SweepUnused(const Contents& contents) {
  std::set<std::string> layers, blobs;
  for (const ImageRecord& image : contents.images) {
    layers.insert(image.layers.begin(), image.layers.end());
    blobs.insert(FileName(image.id));
  }
  for (const HoldRecord& hold : contents.holds) {
    layers.insert(hold.layers.begin(), hold.layers.end());
  }
  for (const auto& [diff_id, record] : contents.layers) {
    if (layers.count(diff_id) == 0) Discard(LayerHome(diff_id));
  }
  for (const std::string& name : NamesIn(absl::StrCat(path_, "/blobs"))) {
    if (blobs.count(name) == 0) Discard(absl::StrCat(path_, "/blobs/", name));
  }
}

absl::StatusOr<Disk::Contents> Disk::Load() {
  const std::string half_made = absl::StrCat(path_, "/tmp");
  for (const std::string& name : NamesIn(half_made)) {
    Discard(absl::StrCat(half_made, "/", name));
  }
  Contents contents;
  LoadLayers(&contents);
  LoadImages(&contents);
  LoadHolds(&contents);
  SweepUnused(contents);
  // What the sweep has removed must not be found by the caller.
  std::set<std::string> kept;
  for (const ImageRecord& image : contents.images) {
    kept.insert(image.layers.begin(), image.layers.end());
  }
  for (const HoldRecord& hold : contents.holds) {
    kept.insert(hold.layers.begin(), hold.layers.end());
  }
  for (auto it = contents.layers.begin(); it != contents.layers.end();) {
    it = kept.count(it->first) > 0 ? std::next(it) : contents.layers.erase(it);
  }
  return contents;
}

}  // namespace cri::image
