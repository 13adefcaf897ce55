// SPDX-License-Identifier: Apache-2.0
// The store's directory: what is where, in which order it is written so that a
// crash at any line leaves nothing wrong, and the sweep at start. README.md has
// the format. Knows nothing of names and references.
#ifndef CORACLE_CRI_IMAGE_DISK_H_
#define CORACLE_CRI_IMAGE_DISK_H_

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "cri/image/record.h"
#include "runtime/base/unique_fd.h"

namespace cri::image {

// Something below tmp/ that waits for its commit: removed when dropped, unless
// the commit has moved it away.
class Staged {
 public:
  explicit Staged(std::string path) : path_(std::move(path)) {}
  ~Staged();
  Staged(const Staged&) = delete;
  Staged& operator=(const Staged&) = delete;

  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

struct StagedLayer : Staged {
  using Staged::Staged;
  // Its files, for readers, wherever they lie: another pull that shares the
  // layer may commit it, which moves path(), at any time.
  std::string Files() const {
    return absl::StrCat("/proc/self/fd/", files.get());
  }
  runtime::UniqueFd files;
  LayerRecord record;
};

// Thread safe, except that of two calls for the same record the last one wins.
class Disk {
 public:
  // Makes the directories (mode 0700) and takes the lock: FAILED_PRECONDITION
  // if another process has the store open.
  static absl::StatusOr<std::unique_ptr<Disk>> Open(const std::string& root);

  struct Contents {
    std::vector<ImageRecord> images;
    std::map<std::string, std::string> configs;  // image id → config
    std::map<std::string, absl::Time> used;      // image id → see Touch
    std::map<std::string, LayerRecord> layers;   // by diff ID
    std::vector<HoldRecord> holds;
  };
  // Reads everything and removes what no record needs: half-made layers, layers
  // and blobs without image or holder. An unreadable record is moved to aside/
  // and logged.
  absl::StatusOr<Contents> Load();

  // An empty directory <staged>/fs to unpack into.
  absl::StatusOr<std::shared_ptr<StagedLayer>> Stage();
  // The layer's record joins its data. Not yet durable.
  absl::Status FinishStaged(const StagedLayer& layer);
  // An image config. Not yet durable.
  absl::StatusOr<std::unique_ptr<Staged>> StageConfig(absl::string_view data);
  // Makes all of the above durable.
  absl::Status Sync();
  // Moves the synced layer to its place; ABORTED if it is gone.
  absl::Status CommitLayer(const StagedLayer& layer);
  absl::Status CommitConfig(const Staged& config, const std::string& id);
  // Durable on return: from then on the image exists.
  absl::Status WriteImage(const ImageRecord& record);
  absl::Status RemoveImage(const std::string& id);
  // Notes that the image is used now: as the time of its config, without fsync.
  // Nothing for an image that is gone.
  absl::Status Touch(const std::string& id);

  absl::Status WriteHold(const HoldRecord& record);
  void RemoveHold(const std::string& holder);

  // All that there is of a layer.
  std::string LayerHome(const std::string& diff_id) const;
  // The directory that overlayfs mounts.
  std::string LayerDir(const std::string& diff_id) const;
  // The image's config.
  std::string ConfigFile(const std::string& id) const;
  const std::string& path() const { return path_; }
  std::string TemporaryPath();

 private:
  explicit Disk(std::string path) : path_(std::move(path)) {}
  absl::Status Lock();
  void SetAside(const std::string& path, const absl::Status& why);
  void LoadLayers(Contents* contents);
  void LoadImages(Contents* contents);
  absl::Status LoadImage(const std::string& name, Contents* contents);
  void LoadHolds(Contents* contents);
  void SweepUnused(const Contents& contents);
  void Discard(const std::string& path);

  const std::string path_;  // <root>/images
  runtime::UniqueFd lock_;
  std::atomic<uint64_t> next_temporary_{1};
};

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_DISK_H_
