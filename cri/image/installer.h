// SPDX-License-Identifier: Apache-2.0
// Brings an image from a source into the store: manifest, platform, config,
// layers, commit. Pulls and imports both go this way, so that both verify the
// same.
#ifndef CORACLE_CRI_IMAGE_INSTALLER_H_
#define CORACLE_CRI_IMAGE_INSTALLER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cri/image/catalog.h"
#include "cri/image/disk.h"
#include "cri/image/image.h"
#include "cri/image/layers.h"
#include "cri/image/manifest.h"
#include "cri/image/source.h"
#include "runtime/base/executor.h"
#include "runtime/base/trash.h"

namespace cri::image {

// The names that an image gets when it is installed.
struct Names {
  std::vector<std::string> tags;
  std::vector<std::string> digests;
};

// A manifest with its config, verified, but without layers yet.
struct Plan {
  Manifest manifest;
  ImageConfig config;
  std::string id;
  std::string config_json;
};

// The image as the rest of the server sees it.
ImagePtr MakeImage(const Disk& disk, const ImageRecord& record,
                   const ImageConfig& config, const std::string& config_json,
                   uint64_t layer_bytes);

// Thread safe.
class Installer {
 public:
  using OnProgress = std::function<void(const PullProgress&)>;

  // Layers that nothing needs any more go to `trash`. All outlive it.
  Installer(Disk* disk, Catalog* catalog, runtime::Trash* trash,
            runtime::Executor* executor, LayerLimits limits)
      : disk_(disk),
        catalog_(catalog),
        trash_(trash),
        fetcher_(disk, executor, limits),
        changes_(executor) {}

  // Follows indexes to the manifest for this node and reads the config.
  absl::StatusOr<Plan> MakePlan(Source* source, Descriptor descriptor,
                                std::string body, const Control& control);

  // Fetches what is missing and commits. ABORTED if a removal came between:
  // try again.
  absl::StatusOr<ImagePtr> Install(const std::shared_ptr<Source>& source,
                                   const Plan& plan, const Names& names,
                                   const Control& control,
                                   PullProgress progress,
                                   const OnProgress& on_progress);

  // Gives a present image further names; null if it has gone.
  absl::StatusOr<ImagePtr> AddNames(const std::string& id, const Names& names);

  // removal.cc
  // False if it is gone; else no budget removes it for a while.
  bool Use(const std::string& id);
  absl::Status Remove(const std::string& reference);
  // Removes an image that nobody holds and that has been neither used nor
  // expected since; whether it did.
  absl::StatusOr<bool> Retire(const std::string& id, absl::Time quiet_since);
  // Removes the layers that nothing needs, as those of a pull that failed.
  void Collect();
  absl::Status Hold(const std::string& image_id, const std::string& holder);
  void Release(const std::string& holder);
  void SetLimits(LayerLimits limits) { fetcher_.SetLimits(limits); }

 private:
  class Pins;
  using StagedLayers = std::vector<std::shared_ptr<StagedLayer>>;

  // Runs `change` on the serial queue, where records are written, and waits.
  absl::Status Change(const std::function<absl::Status()>& change);
  absl::Status Commit(const Plan& plan, const Names& names,
                      const std::vector<std::string>& layers,
                      const StagedLayers& staged, const Staged& config);
  absl::Status WriteNames(ImageRecord record, const Names& names,
                          ImagePtr image);
  absl::Status FetchLayers(const std::shared_ptr<Source>& source,
                           const Plan& plan, const Control& control,
                           PullProgress progress, const OnProgress& on_progress,
                           Pins* pins, StagedLayers* staged);
  // The image's layers with the fix-ups that they need; makes missing ones.
  absl::StatusOr<std::vector<std::string>> AddFixups(
      const std::vector<std::string>& diff_ids, Pins* pins,
      StagedLayers* staged);
  void CollectLayers();

  Disk* const disk_;
  Catalog* const catalog_;
  runtime::Trash* const trash_;
  LayerFetcher fetcher_;
  runtime::SerialQueue changes_;
};

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_INSTALLER_H_
