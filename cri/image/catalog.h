// SPDX-License-Identifier: Apache-2.0
// The store's memory: which images, names, layers and holds there are. Does no
// I/O. Names move between images here and nowhere else.
#ifndef CORACLE_CRI_IMAGE_CATALOG_H_
#define CORACLE_CRI_IMAGE_CATALOG_H_

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "cri/image/image.h"
#include "cri/image/pinned.h"
#include "cri/image/record.h"
#include "cri/image/stock.h"

namespace cri::image {

// Thread safe: readers see whole images. Changes are made by one thread at
// a time (the store's serial queue).
class Catalog {
 public:
  // Which images are pinned from now on, also of those that are here. From any
  // thread.
  void SetPinned(PinnedNames names) ABSL_LOCKS_EXCLUDED(mutex_);
  void PutLayer(const LayerRecord& layer) ABSL_LOCKS_EXCLUDED(mutex_);
  bool HasLayer(const std::string& diff_id) ABSL_LOCKS_EXCLUDED(mutex_);
  // The record of a layer; an empty diff ID if there is none.
  LayerRecord GetLayer(const std::string& diff_id) ABSL_LOCKS_EXCLUDED(mutex_);
  // True if the layer is there; it then stays until Unpin.
  bool Pin(const std::string& diff_id) ABSL_LOCKS_EXCLUDED(mutex_);
  void Unpin(const std::string& diff_id) ABSL_LOCKS_EXCLUDED(mutex_);
  // Forgets and returns the layers that no image, hold or pin needs.
  std::vector<std::string> TakeUnused() ABSL_LOCKS_EXCLUDED(mutex_);

  // Adds or replaces an image, used last at `used` or later. A tag that another
  // image has with a lower sequence number moves; one with a higher number
  // stays there.
  void Put(const ImageRecord& record, ImagePtr image, absl::Time used)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // It was used, or is about to be: false if it is gone.
  bool Use(const std::string& id, absl::Time when) ABSL_LOCKS_EXCLUDED(mutex_);
  bool Expect(const std::string& id, absl::Time when)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Erases the image if nobody holds it and it was neither used nor expected
  // after `quiet_since`. What Use says from then on is false.
  std::optional<Stock::Item> Retire(const std::string& id,
                                    absl::Time quiet_since)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // All that there is now.
  Stock GetStock() ABSL_LOCKS_EXCLUDED(mutex_);
  void Erase(const std::string& id) ABSL_LOCKS_EXCLUDED(mutex_);

  // By tag, digest, id or unique id prefix; null if none or not unique.
  ImagePtr Find(const std::string& reference) ABSL_LOCKS_EXCLUDED(mutex_);
  std::vector<ImagePtr> List() ABSL_LOCKS_EXCLUDED(mutex_);
  // The record of an image; an empty id if there is none.
  ImageRecord Record(const std::string& id) ABSL_LOCKS_EXCLUDED(mutex_);
  // The id of the image that has the tag, or "".
  std::string OwnerOf(const std::string& tag) ABSL_LOCKS_EXCLUDED(mutex_);
  uint64_t NextSequence() ABSL_LOCKS_EXCLUDED(mutex_);

  void PutHold(const HoldRecord& hold) ABSL_LOCKS_EXCLUDED(mutex_);
  std::set<std::string> Holders() ABSL_LOCKS_EXCLUDED(mutex_);
  // Of one holder; without a name if there is none.
  HoldRecord GetHold(const std::string& holder) ABSL_LOCKS_EXCLUDED(mutex_);
  // The ids of the images that it held; nullopt if there was none.
  std::optional<std::vector<std::string>> EraseHold(const std::string& holder)
      ABSL_LOCKS_EXCLUDED(mutex_);

  uint64_t bytes() ABSL_LOCKS_EXCLUDED(mutex_);
  uint64_t inodes() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Entry {
    ImageRecord record;
    ImagePtr image;
    absl::Time used = absl::InfinitePast(), expected = absl::InfinitePast();
  };
  struct Layer {
    LayerRecord record;
    int pins = 0;
  };
  void Publish(Entry* entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Forget(const std::string& id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Stock::Item ItemOf(const Entry& entry) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::Mutex mutex_;
  std::map<std::string, Entry> images_ ABSL_GUARDED_BY(mutex_);  // by id
  std::map<std::string, std::string> tags_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> digests_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Layer> layers_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, HoldRecord> holds_ ABSL_GUARDED_BY(mutex_);
  PinnedNames pinned_ ABSL_GUARDED_BY(mutex_);
  uint64_t sequence_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t inodes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_CATALOG_H_
