// SPDX-License-Identifier: Apache-2.0
#include "cri/image/catalog.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cri/image/digest.h"
#include "cri/image/reference.h"

namespace cri::image {

std::string NameOf(const Image& image) {
  if (!image.repo_tags.empty()) return image.repo_tags.front();
  return image.repo_digests.empty() ? image.id : image.repo_digests.front();
}

void Catalog::SetPinned(PinnedNames names) {
  absl::MutexLock lock(&mutex_);
  pinned_ = std::move(names);
  for (auto& [id, entry] : images_) Publish(&entry);
}

void Catalog::PutLayer(const LayerRecord& layer) {
  absl::MutexLock lock(&mutex_);
  if (layers_.emplace(layer.diff_id, Layer{layer, 0}).second) {
    bytes_ += layer.bytes;
    inodes_ += layer.inodes;
  }
}

bool Catalog::HasLayer(const std::string& diff_id) {
  absl::MutexLock lock(&mutex_);
  return layers_.count(diff_id) > 0;
}

LayerRecord Catalog::GetLayer(const std::string& diff_id) {
  absl::MutexLock lock(&mutex_);
  auto it = layers_.find(diff_id);
  return it == layers_.end() ? LayerRecord() : it->second.record;
}

bool Catalog::Pin(const std::string& diff_id) {
  absl::MutexLock lock(&mutex_);
  auto it = layers_.find(diff_id);
  if (it == layers_.end()) return false;
  ++it->second.pins;
  return true;
}

void Catalog::Unpin(const std::string& diff_id) {
  absl::MutexLock lock(&mutex_);
  auto it = layers_.find(diff_id);
  if (it != layers_.end()) --it->second.pins;
}

std::vector<std::string> Catalog::TakeUnused() {
  absl::MutexLock lock(&mutex_);
  std::set<std::string> used;
  for (const auto& [id, entry] : images_) {
    used.insert(entry.record.layers.begin(), entry.record.layers.end());
  }
  for (const auto& [holder, hold] : holds_) {
    used.insert(hold.layers.begin(), hold.layers.end());
  }
  std::vector<std::string> unused;
  for (auto it = layers_.begin(); it != layers_.end();) {
    if (it->second.pins > 0 || used.count(it->first) > 0) {
      ++it;
      continue;
    }
    bytes_ -= it->second.record.bytes;
    inodes_ -= it->second.record.inodes;
    unused.push_back(it->first);
    it = layers_.erase(it);
  }
  return unused;
}

// Readers hold on to ImagePtr values, so changed names make a new value. A name
// takes its pin along.
void Catalog::Publish(Entry* entry) {
  auto image = std::make_shared<Image>(*entry->image);
  image->repo_tags.clear();
  image->pinned = false;
  for (const Tag& tag : entry->record.tags) {
    image->repo_tags.push_back(tag.name);
    image->pinned |= pinned_.Has(tag.name);
    tags_[tag.name] = entry->record.id;
    sequence_ = std::max(sequence_, tag.sequence);
  }
  image->repo_digests = entry->record.digests;
  for (const std::string& digest : image->repo_digests) {
    digests_[digest] = entry->record.id;
    image->pinned |= pinned_.Has(digest);
  }
  std::sort(image->repo_tags.begin(), image->repo_tags.end());
  entry->image = std::move(image);
}

void Catalog::Put(const ImageRecord& record, ImagePtr image, absl::Time used) {
  absl::MutexLock lock(&mutex_);
  Entry entry{record, std::move(image), used};
  if (auto it = images_.find(record.id); it != images_.end()) {
    entry.used = std::max(used, it->second.used);
    entry.expected = it->second.expected;
  }
  Forget(record.id);
  auto& tags = entry.record.tags;
  for (auto tag = tags.begin(); tag != tags.end();) {
    auto owner = tags_.find(tag->name);
    if (owner == tags_.end()) {
      ++tag;
      continue;
    }
    Entry& other = images_[owner->second];
    auto& theirs = other.record.tags;
    auto same = std::find_if(theirs.begin(), theirs.end(),
                             [&](const Tag& t) { return t.name == tag->name; });
    if (same->sequence > tag->sequence) {
      tag = tags.erase(tag);
    } else {
      theirs.erase(same);
      Publish(&other);
      ++tag;
    }
  }
  bytes_ += entry.image->config_json.size();
  inodes_ += 2;
  Publish(&entry);
  images_[record.id] = std::move(entry);
}

void Catalog::Forget(const std::string& id) {
  auto it = images_.find(id);
  if (it == images_.end()) return;
  for (const Tag& tag : it->second.record.tags) tags_.erase(tag.name);
  for (const std::string& digest : it->second.record.digests) {
    digests_.erase(digest);
  }
  bytes_ -= it->second.image->config_json.size();
  inodes_ -= 2;
  images_.erase(it);
}

void Catalog::Erase(const std::string& id) {
  absl::MutexLock lock(&mutex_);
  Forget(id);
}

bool Catalog::Use(const std::string& id, absl::Time when) {
  absl::MutexLock lock(&mutex_);
  auto it = images_.find(id);
  if (it == images_.end()) return false;
  it->second.used = std::max(it->second.used, when);
  return true;
}

bool Catalog::Expect(const std::string& id, absl::Time when) {
  absl::MutexLock lock(&mutex_);
  auto it = images_.find(id);
  if (it == images_.end()) return false;
  it->second.expected = std::max(it->second.expected, when);
  return true;
}

Stock::Item Catalog::ItemOf(const Entry& entry) const {
  Stock::Item item{entry.image, entry.record, entry.used, entry.expected, {}};
  for (const auto& [holder, hold] : holds_) {
    if (IsHeld(entry.record, hold)) item.holders.push_back(holder);
  }
  return item;
}

std::optional<Stock::Item> Catalog::Retire(const std::string& id,
                                           absl::Time quiet_since) {
  absl::MutexLock lock(&mutex_);
  auto it = images_.find(id);
  if (it == images_.end()) return std::nullopt;
  Stock::Item item = ItemOf(it->second);
  if (!item.IsUnused() || item.QuietSince() > quiet_since) return std::nullopt;
  Forget(id);
  return item;
}

Stock Catalog::GetStock() {
  absl::MutexLock lock(&mutex_);
  Stock stock;
  for (const auto& [diff_id, layer] : layers_) {
    stock.layers[diff_id] = {layer.record.bytes, layer.pins > 0, {}};
  }
  for (const auto& [holder, hold] : holds_) {
    for (const std::string& layer : hold.layers) {
      stock.layers[layer].holders.push_back(holder);
    }
  }
  for (const auto& [id, entry] : images_) stock.items.push_back(ItemOf(entry));
  return stock;
}

ImagePtr Catalog::Find(const std::string& reference) {
  auto parsed = ParseReference(reference);
  absl::MutexLock lock(&mutex_);
  if (auto it = images_.find(reference); it != images_.end()) {
    return it->second.image;
  }
  if (parsed.ok()) {
    const auto& names = parsed->digest.empty() ? tags_ : digests_;
    if (auto it = names.find(parsed->ToString()); it != names.end()) {
      return images_[it->second].image;
    }
  }
  if (!LooksLikeId(reference)) return nullptr;
  absl::string_view hex = reference;
  absl::ConsumePrefix(&hex, "sha256:");
  const std::string prefix = absl::StrCat("sha256:", hex);
  auto first = images_.lower_bound(prefix);
  if (first == images_.end() || !absl::StartsWith(first->first, prefix)) {
    return nullptr;
  }
  auto second = std::next(first);
  if (second != images_.end() && absl::StartsWith(second->first, prefix)) {
    return nullptr;
  }
  return first->second.image;
}

std::vector<ImagePtr> Catalog::List() {
  absl::MutexLock lock(&mutex_);
  std::vector<ImagePtr> images;
  images.reserve(images_.size());
  for (const auto& [id, entry] : images_) images.push_back(entry.image);
  return images;
}

ImageRecord Catalog::Record(const std::string& id) {
  absl::MutexLock lock(&mutex_);
  auto it = images_.find(id);
  return it == images_.end() ? ImageRecord() : it->second.record;
}

std::string Catalog::OwnerOf(const std::string& tag) {
  absl::MutexLock lock(&mutex_);
  auto it = tags_.find(tag);
  return it == tags_.end() ? "" : it->second;
}

uint64_t Catalog::NextSequence() {
  absl::MutexLock lock(&mutex_);
  return ++sequence_;
}

void Catalog::PutHold(const HoldRecord& hold) {
  absl::MutexLock lock(&mutex_);
  holds_[hold.holder] = hold;
}

std::set<std::string> Catalog::Holders() {
  absl::MutexLock lock(&mutex_);
  std::set<std::string> holders;
  for (const auto& [holder, record] : holds_) holders.insert(holder);
  return holders;
}

HoldRecord Catalog::GetHold(const std::string& holder) {
  absl::MutexLock lock(&mutex_);
  auto it = holds_.find(holder);
  return it == holds_.end() ? HoldRecord() : it->second;
}

std::optional<std::vector<std::string>> Catalog::EraseHold(
    const std::string& holder) {
  absl::MutexLock lock(&mutex_);
  auto it = holds_.find(holder);
  if (it == holds_.end()) return std::nullopt;
  std::vector<std::string> images;
  for (const auto& [id, entry] : images_) {
    if (IsHeld(entry.record, it->second)) images.push_back(id);
  }
  holds_.erase(it);
  return images;
}

uint64_t Catalog::bytes() {
  absl::MutexLock lock(&mutex_);
  return bytes_;
}

uint64_t Catalog::inodes() {
  absl::MutexLock lock(&mutex_);
  return inodes_;
}

}  // namespace cri::image
