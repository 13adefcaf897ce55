// SPDX-License-Identifier: Apache-2.0
#include "cri/image/installer.h"

#include <fcntl.h>

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "cri/image/digest.h"
#include "cri/image/fixup.h"
#include "runtime/base/activity.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace cri::image {
namespace {

constexpr int kMaxIndexDepth = 3;
constexpr absl::Duration kTick = absl::Milliseconds(50);

void Add(const std::vector<std::string>& from, std::vector<std::string>* to) {
  for (const std::string& item : from) {
    if (std::find(to->begin(), to->end(), item) == to->end()) {
      to->push_back(item);
    }
  }
}

std::string Mebibytes(double bytes) {
  return absl::StrFormat("%.1f MiB", bytes / (1 << 20));
}

// "image: layers: 2 of 5 there, 3.0 MiB of 40.0 MiB, 12.5 MiB/s", and what
// waits for a slot.
std::string FormatProgress(const PullProgress& progress, absl::Duration took) {
  const double done = static_cast<double>(progress.bytes_done);
  std::string text =
      absl::StrCat("image: layers: ", progress.layers_done, " of ",
                   progress.layers_total, " there, ", Mebibytes(done), " of ",
                   Mebibytes(static_cast<double>(progress.bytes_total)));
  if (took > kTick) {
    absl::StrAppend(&text, ", ", Mebibytes(done / absl::ToDoubleSeconds(took)),
                    "/s");
  }
  if (progress.layers_waiting == 0) return text;
  return absl::StrCat(text, ", ", progress.layers_waiting,
                      " wait for other downloads to end (max_downloads)");
}

absl::StatusOr<std::string> FetchSmall(Source* source,
                                       const Descriptor& descriptor,
                                       size_t max_bytes, const char* what,
                                       const Control& control) {
  std::string body;
  absl::Status status = source->FetchBlob(
      descriptor, control, [&](absl::string_view data) -> absl::Status {
        if (body.size() + data.size() > max_bytes) {
          return absl::ResourceExhaustedError(
              absl::StrCat("larger than ", max_bytes, " bytes"));
        }
        body.append(data.data(), data.size());
        return absl::OkStatus();
      });
  RETURN_IF_ERROR(
      runtime::Annotate(status, absl::StrCat(what, " ", descriptor.digest)));
  RETURN_IF_ERROR(VerifyDigest(body, descriptor.digest,
                               absl::StrCat(what, " ", descriptor.digest)));
  return body;
}

}  // namespace

// Keeps present layers from the collector while a pull counts on them.
class Installer::Pins {
 public:
  explicit Pins(Catalog* catalog) : catalog_(catalog) {}
  ~Pins() {
    for (const std::string& layer : layers_) catalog_->Unpin(layer);
  }
  bool Add(const std::string& diff_id) {
    if (!catalog_->Pin(diff_id)) return false;
    layers_.push_back(diff_id);
    return true;
  }

 private:
  Catalog* const catalog_;
  std::vector<std::string> layers_;
};

ImagePtr MakeImage(const Disk& disk, const ImageRecord& record,
                   const ImageConfig& config, const std::string& config_json,
                   uint64_t layer_bytes) {
  auto image = std::make_shared<Image>();
  image->id = record.id;
  image->size_bytes = layer_bytes + config_json.size();
  for (const std::string& layer : record.layers) {
    image->layer_dirs.push_back(disk.LayerDir(layer));
  }
  image->config_json = config_json;
  image->user = config.user;
  image->env = config.env;
  image->entrypoint = config.entrypoint;
  image->cmd = config.cmd;
  image->working_dir = config.working_dir;
  image->stop_signal = config.stop_signal;
  image->volumes = config.volumes;
  image->labels = config.labels;
  return image;
}

absl::StatusOr<Plan> Installer::MakePlan(Source* source, Descriptor descriptor,
                                         std::string body,
                                         const Control& control) {
  for (int depth = 0; depth < kMaxIndexDepth; ++depth) {
    const std::string name = absl::StrCat("manifest ", descriptor.digest);
    ASSIGN_OR_RETURN(Manifest manifest,
                     ParseManifest(body, descriptor.media_type, name));
    if (!manifest.is_index) {
      Plan plan;
      ASSIGN_OR_RETURN(plan.config_json,
                       FetchSmall(source, manifest.config, kMaxConfigBytes,
                                  "config", control));
      plan.id = manifest.config.digest;
      const std::string config = absl::StrCat("config ", plan.id);
      ASSIGN_OR_RETURN(plan.config, ParseConfig(plan.config_json, config));
      RETURN_IF_ERROR(
          CheckImage(manifest, plan.config, NodePlatform(), config));
      plan.manifest = std::move(manifest);
      return plan;
    }
    ASSIGN_OR_RETURN(descriptor,
                     SelectPlatform(manifest, NodePlatform(), name));
    std::string transport_type;
    ASSIGN_OR_RETURN(
        body, source->FetchManifest(descriptor, control, &transport_type));
    RETURN_IF_ERROR(VerifyDigest(body, descriptor.digest, "manifest"));
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "indexes are nested deeper than ", kMaxIndexDepth, " levels"));
}

absl::Status Installer::FetchLayers(const std::shared_ptr<Source>& source,
                                    const Plan& plan, const Control& control,
                                    PullProgress progress,
                                    const OnProgress& on_progress, Pins* pins,
                                    StagedLayers* staged) {
  std::vector<WantedLayer> missing;
  std::set<std::string> seen;
  for (size_t i = 0; i < plan.manifest.layers.size(); ++i) {
    const std::string& diff_id = plan.config.diff_ids[i];
    if (!seen.insert(diff_id).second || pins->Add(diff_id)) continue;
    missing.push_back({plan.manifest.layers[i], diff_id});
    progress.bytes_total += plan.manifest.layers[i].size;
  }
  const uint64_t pull = fetcher_.NewPull();
  std::vector<LayerTicket> tickets = fetcher_.Start(pull, source, missing);
  progress.layers_total = static_cast<int>(tickets.size());
  if (on_progress) on_progress(progress);
  runtime::activity::Step step(FormatProgress(progress, absl::ZeroDuration()));
  const absl::Time begin = absl::Now();
  for (LayerTicket& first : tickets) {
    // Also when the layer is there before the first tick.
    RETURN_IF_ERROR(control.Check());
    LayerTicket* ticket = &first;
    std::vector<LayerTicket> second;
    while (!(*ticket)->WaitFor(kTick)) {
      RETURN_IF_ERROR(control.Check());
      progress.bytes_done = 0;
      for (LayerTicket& t : tickets) progress.bytes_done += t->bytes_done();
      progress.layers_waiting = fetcher_.Waiting(pull);
      step.Update(FormatProgress(progress, absl::Now() - begin));
      if (on_progress) on_progress(progress);
    }
    absl::Status status = (*ticket)->status();
    if (!status.ok() && first.joined()) {
      // It was fetched with another pull's credentials and luck.
      second = fetcher_.Start(pull, source,
                              {{first->descriptor(), first->diff_id()}},
                              /*alone=*/true);
      ticket = &second.front();
      while (!(*ticket)->WaitFor(kTick)) RETURN_IF_ERROR(control.Check());
      status = (*ticket)->status();
    }
    RETURN_IF_ERROR(status);
    staged->push_back((*ticket)->staged());
    ++progress.layers_done;
  }
  progress.bytes_done = progress.bytes_total;
  progress.layers_waiting = 0;
  if (on_progress) on_progress(progress);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> Installer::AddFixups(
    const std::vector<std::string>& diff_ids, Pins* pins,
    StagedLayers* staged) {
  std::vector<StackLayer> stack;
  std::vector<std::string> layers;
  for (const std::string& diff_id : diff_ids) {
    LayerRecord record = catalog_->GetLayer(diff_id);
    std::string dir = disk_->LayerDir(diff_id);
    for (const auto& layer : *staged) {
      if (layer->record.diff_id != diff_id) continue;
      record = layer->record;
      dir = layer->Files();
    }
    stack.push_back({diff_id, dir, record.implied});
    layers.push_back(diff_id);
    ASSIGN_OR_RETURN(bool needed, NeedsFixup(stack));
    if (!needed) continue;
    const std::string id = FixupId(stack);
    layers.push_back(id);
    if (pins->Add(id)) {
      stack.push_back({id, disk_->LayerDir(id), {}});
      continue;
    }
    ASSIGN_OR_RETURN(std::shared_ptr<StagedLayer> fixup, disk_->Stage());
    dir = fixup->Files();
    ASSIGN_OR_RETURN(runtime::UniqueFd root,
                     runtime::OpenFile(dir, O_RDONLY | O_DIRECTORY));
    ASSIGN_OR_RETURN(fixup->record, WriteFixup(stack, std::move(root)));
    RETURN_IF_ERROR(disk_->FinishStaged(*fixup));
    stack.push_back({id, dir, {}});
    staged->push_back(std::move(fixup));
  }
  return layers;
}

absl::StatusOr<ImagePtr> Installer::Install(
    const std::shared_ptr<Source>& source, const Plan& plan, const Names& names,
    const Control& control, PullProgress progress,
    const OnProgress& on_progress) {
  if (!catalog_->Record(plan.id).id.empty()) {
    ASSIGN_OR_RETURN(ImagePtr image, AddNames(plan.id, names));
    if (image != nullptr) return image;
  }
  Pins pins(catalog_);
  StagedLayers staged;
  RETURN_IF_ERROR(FetchLayers(source, plan, control, std::move(progress),
                              on_progress, &pins, &staged));
  ASSIGN_OR_RETURN(std::vector<std::string> layers,
                   AddFixups(plan.config.diff_ids, &pins, &staged));
  ASSIGN_OR_RETURN(std::unique_ptr<Staged> config,
                   disk_->StageConfig(plan.config_json));
  {
    const runtime::activity::Step step("image: writing layers to the disk");
    RETURN_IF_ERROR(disk_->Sync());
  }
  RETURN_IF_ERROR(
      Change([&] { return Commit(plan, names, layers, staged, *config); }));
  ImagePtr image = catalog_->Find(plan.id);
  if (image == nullptr) return absl::AbortedError("the image was removed");
  return image;
}

absl::Status Installer::Change(const std::function<absl::Status()>& change) {
  const runtime::activity::Step step("image: waits for the store's records");
  absl::Status status;
  changes_.Run([&] { status = change(); });
  return status;
}

absl::Status Installer::Commit(const Plan& plan, const Names& names,
                               const std::vector<std::string>& layers,
                               const StagedLayers& staged,
                               const Staged& config) {
  for (const auto& layer : staged) {
    // Another pull that shared the job may have committed it already.
    if (catalog_->HasLayer(layer->record.diff_id)) continue;
    RETURN_IF_ERROR(disk_->CommitLayer(*layer));
    catalog_->PutLayer(layer->record);
  }
  ImageRecord record = catalog_->Record(plan.id);
  record.id = plan.id;
  record.layers = layers;
  uint64_t bytes = 0;
  for (const std::string& layer : record.layers) {
    const LayerRecord present = catalog_->GetLayer(layer);
    if (present.diff_id.empty()) {
      return absl::AbortedError("a layer was removed meanwhile");
    }
    bytes += present.bytes;
  }
  RETURN_IF_ERROR(disk_->CommitConfig(config, plan.id));
  return WriteNames(
      record, names,
      MakeImage(*disk_, record, plan.config, plan.config_json, bytes));
}

absl::Status Installer::WriteNames(ImageRecord record, const Names& names,
                                   ImagePtr image) {
  std::set<std::string> losers;
  for (const std::string& name : names.tags) {
    std::string owner = catalog_->OwnerOf(name);
    if (owner == record.id) continue;
    record.tags.push_back({name, catalog_->NextSequence()});
    if (!owner.empty()) losers.insert(owner);
  }
  Add(names.digests, &record.digests);
  RETURN_IF_ERROR(disk_->WriteImage(record));
  catalog_->Put(record, std::move(image), absl::Now());
  // After a crash in between, the higher sequence number decides.
  for (const std::string& id : losers) {
    RETURN_IF_ERROR(disk_->WriteImage(catalog_->Record(id)));
  }
  return absl::OkStatus();
}

absl::StatusOr<ImagePtr> Installer::AddNames(const std::string& id,
                                             const Names& names) {
  RETURN_IF_ERROR(Change([&]() -> absl::Status {
    ImageRecord record = catalog_->Record(id);
    if (record.id.empty()) return absl::OkStatus();
    bool known = true;
    for (const std::string& tag : names.tags) {
      known = known && catalog_->OwnerOf(tag) == id;
    }
    for (const std::string& digest : names.digests) {
      known = known && std::find(record.digests.begin(), record.digests.end(),
                                 digest) != record.digests.end();
    }
    if (known) return absl::OkStatus();
    return WriteNames(record, names, catalog_->Find(id));
  }));
  return catalog_->Find(id);
}

}  // namespace cri::image
