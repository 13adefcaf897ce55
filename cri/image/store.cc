// SPDX-License-Identifier: Apache-2.0
// ImageStore put together: catalog, disk, installer and registry.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "cri/image/archive.h"
#include "cri/image/byte_budget.h"
#include "cri/image/catalog.h"
#include "cri/image/disk.h"
#include "cri/image/hosts.h"
#include "cri/image/image.h"
#include "cri/image/installer.h"
#include "cri/image/keeper.h"
#include "cri/image/lookup.h"
#include "cri/image/pinned.h"
#include "cri/image/reference.h"
#include "cri/image/registry.h"
#include "runtime/base/executor.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"
#include "runtime/base/trash.h"

namespace cri::image {
namespace {

constexpr int kMaxTries = 3;  // against removals that come between

LayerLimits Limits(const StoreOptions& options) {
  return {options.parallel_downloads, options.max_downloads};
}

class Store : public ImageStore {
 public:
  Store(const StoreOptions& options, std::unique_ptr<Disk> disk)
      : disk_(std::move(disk)),
        registry_config_dir_(options.registry_config_dir),
        network_budget_(options.download_bytes_per_second),
        trash_(absl::StrCat(disk_->path(), "/trash"), &executor_),
        installer_(disk_.get(), &catalog_, &trash_, &executor_,
                   Limits(options)),
        keeper_(&catalog_, &installer_, &executor_),
        // Two threads for each layer, one for the records, one for the trash,
        // one for the budget; made when they are needed.
        executor_("image", 2 * kMostParallelDownloads + 3) {
    catalog_.SetPinned(PinnedNames(options.pinned_images));
  }

  absl::Status Load();

  absl::StatusOr<ImagePtr> Pull(const std::string& reference,
                                const PullOptions& options) override;
  ImagePtr Find(const std::string& reference) override {
    return catalog_.Find(reference);
  }
  std::vector<ImagePtr> List() override { return catalog_.List(); }
  absl::Status Remove(const std::string& reference) override {
    return runtime::Annotate(installer_.Remove(reference),
                             absl::StrCat("remove image ", reference));
  }
  absl::StatusOr<std::vector<ImagePtr>> Import(
      const std::string& path, const std::string& name) override;
  FsUsage Usage() override {
    return {disk_->path(), catalog_.bytes(), catalog_.inodes()};
  }
  std::vector<PullProgress> ActivePulls() override ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Hold(const std::string& image_id,
                    const std::string& holder) override {
    return installer_.Hold(image_id, holder);
  }
  void Release(const std::string& holder) override {
    installer_.Release(holder);
    keeper_.LookAfter(kLeastAge);
  }
  void Expect(const std::string& image_id) override {
    catalog_.Expect(image_id, absl::Now());
  }
  void SetBudget(const Budget& budget) override { keeper_.SetBudget(budget); }
  StoreUse Explain() override;
  std::set<std::string> Holders() override { return catalog_.Holders(); }
  absl::StatusOr<std::optional<std::string>> ReadFile(
      const Image& image, const std::string& path, size_t max_bytes) override {
    return ReadLayeredFile(image.layer_dirs, path, max_bytes);
  }
  void Configure(const StoreOptions& options) override
      ABSL_LOCKS_EXCLUDED(mutex_) {
    installer_.SetLimits(Limits(options));
    network_budget_.SetRate(options.download_bytes_per_second);
    catalog_.SetPinned(PinnedNames(options.pinned_images));
    keeper_.LookAfter(absl::ZeroDuration());
    absl::MutexLock lock(&mutex_);
    registry_config_dir_ = options.registry_config_dir;
  }

 private:
  absl::StatusOr<ImagePtr> PullOnce(const Reference& reference,
                                    const PullOptions& options,
                                    const Control& control,
                                    PullProgress progress,
                                    const Installer::OnProgress& on_progress);
  absl::StatusOr<ImagePtr> TryLocal(const Reference& reference,
                                    Registry* registry, const Control& control);
  absl::StatusOr<ImagePtr> ImportOne(const std::shared_ptr<Layout>& layout,
                                     const LayoutImage& image);

  std::string RegistryConfigDir() ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    return registry_config_dir_;
  }

  const std::unique_ptr<Disk> disk_;
  Catalog catalog_;
  absl::Mutex mutex_;
  std::string registry_config_dir_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, PullProgress> pulls_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_pull_ ABSL_GUARDED_BY(mutex_) = 1;
  ByteBudget network_budget_;
  runtime::Trash trash_;
  Installer installer_;
  Keeper keeper_;
  // Last, so that its destructor ends all tasks before what they use goes.
  runtime::Executor executor_;
};

absl::Status Store::Load() {
  RETURN_IF_ERROR(trash_.Open());
  ASSIGN_OR_RETURN(Disk::Contents contents, disk_->Load());
  for (const auto& [diff_id, layer] : contents.layers) catalog_.PutLayer(layer);
  for (const HoldRecord& hold : contents.holds) catalog_.PutHold(hold);
  for (const ImageRecord& record : contents.images) {
    const std::string& json = contents.configs[record.id];
    auto config = ParseConfig(json, record.id);
    if (!config.ok()) {
      runtime::log::Error("image store: ", config.status().message());
      continue;
    }
    uint64_t bytes = 0;
    for (const std::string& layer : record.layers) {
      bytes += contents.layers[layer].bytes;
    }
    catalog_.Put(record, MakeImage(*disk_, record, *config, json, bytes),
                 contents.used[record.id]);
  }
  return absl::OkStatus();
}

std::vector<PullProgress> Store::ActivePulls() {
  absl::MutexLock lock(&mutex_);
  std::vector<PullProgress> pulls;
  for (const auto& [id, progress] : pulls_) pulls.push_back(progress);
  return pulls;
}

absl::StatusOr<ImagePtr> Store::Pull(const std::string& text,
                                     const PullOptions& options) {
  ASSIGN_OR_RETURN(Reference reference, ParseReference(text));
  const std::string name = reference.ToString();
  const std::string context = absl::StrCat("pull ", name);
  const Control control{options.deadline, options.cancelled};
  PullProgress begin;
  begin.reference = name;
  begin.requested = text;
  uint64_t pull = 0;
  {
    absl::MutexLock lock(&mutex_);
    pull = next_pull_++;
    pulls_[pull] = begin;
  }
  auto on_progress = [&](const PullProgress& progress) {
    {
      absl::MutexLock lock(&mutex_);
      pulls_[pull] = progress;
    }
    if (options.on_progress) options.on_progress(progress);
  };
  absl::StatusOr<ImagePtr> image = nullptr;
  for (int i = 0; i < kMaxTries; ++i) {
    image = PullOnce(reference, options, control, begin, on_progress);
    if (image.ok() && !installer_.Use((*image)->id)) {
      image = absl::AbortedError("the image was removed");
    }
    if (!absl::IsAborted(image.status())) break;
  }
  {
    absl::MutexLock lock(&mutex_);
    pulls_.erase(pull);
  }
  if (!image.ok()) return runtime::Annotate(image.status(), context);
  keeper_.LookAfter(absl::ZeroDuration());
  return image;
}

// A tag or digest that is here already costs one HEAD request. Null: not here.
absl::StatusOr<ImagePtr> Store::TryLocal(const Reference& reference,
                                         Registry* registry,
                                         const Control& control) {
  ImagePtr local = catalog_.Find(reference.ToString());
  if (local == nullptr) return nullptr;
  ASSIGN_OR_RETURN(Resolved resolved,
                   registry->Resolve(/*head_only=*/true, control));
  if (resolved.digest.empty()) return nullptr;
  const std::string digest =
      absl::StrCat(reference.Name(), "@", resolved.digest);
  const auto& known = local->repo_digests;
  if (std::find(known.begin(), known.end(), digest) == known.end()) {
    return nullptr;
  }
  return local;
}

absl::StatusOr<ImagePtr> Store::PullOnce(
    const Reference& reference, const PullOptions& options,
    const Control& control, PullProgress progress,
    const Installer::OnProgress& on_progress) {
  RETURN_IF_ERROR(control.Check());
  ASSIGN_OR_RETURN(auto endpoints,
                   LoadEndpoints(RegistryConfigDir(), reference.host));
  auto registry = std::make_shared<Registry>(reference, std::move(endpoints),
                                             options.auth, &network_budget_);
  ASSIGN_OR_RETURN(ImagePtr local,
                   TryLocal(reference, registry.get(), control));
  if (local != nullptr) return local;
  ASSIGN_OR_RETURN(Resolved resolved,
                   registry->Resolve(/*head_only=*/false, control));
  Descriptor top;
  top.digest = resolved.digest;
  top.media_type = resolved.media_type;
  ASSIGN_OR_RETURN(Plan plan,
                   installer_.MakePlan(registry.get(), top,
                                       std::move(resolved.body), control));
  Names names;
  if (reference.digest.empty()) names.tags.push_back(reference.ToString());
  names.digests.push_back(absl::StrCat(reference.Name(), "@", top.digest));
  return installer_.Install(registry, plan, names, control, progress,
                            on_progress);
}

absl::StatusOr<ImagePtr> Store::ImportOne(const std::shared_ptr<Layout>& layout,
                                          const LayoutImage& image) {
  const Control control;
  for (int i = 0;; ++i) {
    absl::StatusOr<Plan> plan =
        image.docker ? layout->DockerPlan(image)
                     : installer_.MakePlan(layout.get(), image.descriptor,
                                           image.manifest, control);
    RETURN_IF_ERROR(plan.status());
    auto installed = installer_.Install(layout, *plan, image.names, control,
                                        PullProgress(), nullptr);
    if (installed.ok() && !installer_.Use((*installed)->id)) {
      installed = absl::AbortedError("the image was removed");
    }
    if (!absl::IsAborted(installed.status()) || i == kMaxTries) {
      return installed;
    }
  }
}

absl::StatusOr<std::vector<ImagePtr>> Store::Import(const std::string& path,
                                                    const std::string& name) {
  const std::string context = absl::StrCat("import ", path);
  auto layout = Layout::Open(path, disk_->TemporaryPath());
  if (!layout.ok()) return runtime::Annotate(layout.status(), context);
  std::shared_ptr<Layout> source = *std::move(layout);
  auto images = source->Images(name);
  if (!images.ok()) return runtime::Annotate(images.status(), context);
  std::vector<ImagePtr> result;
  for (const LayoutImage& image : *images) {
    auto imported = ImportOne(source, image);
    if (!imported.ok()) return runtime::Annotate(imported.status(), context);
    result.push_back(*std::move(imported));
  }
  keeper_.LookAfter(absl::ZeroDuration());
  return result;
}

StoreUse Store::Explain() {
  const Stock stock = catalog_.GetStock();
  StoreUse use = ExplainStock(stock);
  use.budget = keeper_.GetBudget();
  use.least_bytes = PlanRemovals(stock, use.budget, absl::Now()).bytes_left;
  return use;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ImageStore>> OpenImageStore(
    const StoreOptions& options) {
  for (const int limit : {options.parallel_downloads, options.max_downloads}) {
    if (limit >= 1 && limit <= kMostParallelDownloads) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "parallel downloads of images must be 1 to ", kMostParallelDownloads));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<Disk> disk, Disk::Open(options.root));
  auto store = std::make_unique<Store>(options, std::move(disk));
  RETURN_IF_ERROR(store->Load());
  return store;
}

}  // namespace cri::image
