// SPDX-License-Identifier: Apache-2.0
// The Installer's other half: how images stay and go.
#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cri/image/installer.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace cri::image {
namespace {

namespace log = runtime::log;

bool IsHolderName(absl::string_view name) {
  if (name.empty() || name.size() > 255 || name.front() == '.') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '+' || c == '-' ||
           c == '.';
  });
}

void Add(const std::string& item, std::vector<std::string>* to) {
  if (std::find(to->begin(), to->end(), item) == to->end()) to->push_back(item);
}

}  // namespace

bool Installer::Use(const std::string& id) {
  if (!catalog_->Use(id, absl::Now())) return false;
  // Only a restart reads it.
  if (auto status = disk_->Touch(id); !status.ok()) {
    log::Warning("image store: ", status.message());
  }
  return true;
}

absl::Status Installer::Remove(const std::string& reference) {
  return Change([&]() -> absl::Status {
    ImagePtr image = catalog_->Find(reference);
    if (image == nullptr) return absl::OkStatus();
    RETURN_IF_ERROR(disk_->RemoveImage(image->id));
    catalog_->Erase(image->id);
    CollectLayers();
    return absl::OkStatus();
  });
}

absl::StatusOr<bool> Installer::Retire(const std::string& id,
                                       absl::Time quiet_since) {
  bool removed = false;
  RETURN_IF_ERROR(Change([&]() -> absl::Status {
    // First from memory: a pull that finds it there has used it by then, and it
    // stays, or finds it no more.
    const auto item = catalog_->Retire(id, quiet_since);
    if (!item.has_value()) return absl::OkStatus();
    if (auto status = disk_->RemoveImage(id); !status.ok()) {
      catalog_->Put(item->record, item->image, item->used);
      catalog_->Expect(id, item->expected);
      return status;
    }
    CollectLayers();
    removed = true;
    return absl::OkStatus();
  }));
  return removed;
}

absl::Status Installer::Hold(const std::string& image_id,
                             const std::string& holder) {
  if (!IsHolderName(holder)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", holder, "\" cannot name a holder of an image"));
  }
  return Change([&]() -> absl::Status {
    const ImageRecord record = catalog_->Record(image_id);
    HoldRecord hold = catalog_->GetHold(holder);
    if (record.id.empty()) {
      // A repeated call may come after the image went.
      if (!hold.holder.empty()) return absl::OkStatus();
      return absl::NotFoundError(
          absl::StrCat("image ", image_id, " is not in the store"));
    }
    hold.holder = holder;
    for (const std::string& layer : record.layers) Add(layer, &hold.layers);
    Add(record.id, &hold.images);
    RETURN_IF_ERROR(disk_->WriteHold(hold));
    catalog_->PutHold(hold);
    return absl::OkStatus();
  });
}

void Installer::Release(const std::string& holder) {
  absl::Status status = Change([&] {
    const auto images = catalog_->EraseHold(holder);
    if (!images.has_value()) return absl::OkStatus();
    for (const std::string& id : *images) Use(id);
    disk_->RemoveHold(holder);
    CollectLayers();
    return absl::OkStatus();
  });
  if (!status.ok()) log::Error("image store: ", status.message());
}

void Installer::Collect() {
  const absl::Status collected = Change([&] {
    CollectLayers();
    return absl::OkStatus();
  });
  if (!collected.ok()) log::Error("image store: ", collected.message());
}

// On the serial queue. The files themselves go on the trash's time.
void Installer::CollectLayers() {
  for (const std::string& layer : catalog_->TakeUnused()) {
    if (auto status = trash_->Take(disk_->LayerHome(layer)); !status.ok()) {
      log::Error("image store: ", status.message());
    }
  }
}

}  // namespace cri::image
