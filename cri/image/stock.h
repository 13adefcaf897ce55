// SPDX-License-Identifier: Apache-2.0
// What is in the store at one moment, as plain values: for the budget and for
// whoever asks what holds the bytes. Pure functions.
#ifndef CORACLE_CRI_IMAGE_STOCK_H_
#define CORACLE_CRI_IMAGE_STOCK_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "cri/image/image.h"
#include "cri/image/record.h"

namespace cri::image {

struct Stock {
  struct Layer {
    uint64_t bytes = 0;
    bool pinned = false;  // a pull under way counts on it
    std::vector<std::string> holders;
    bool IsKept() const { return pinned || !holders.empty(); }
  };
  struct Item {
    ImagePtr image;
    ImageRecord record;
    absl::Time used, expected;
    std::vector<std::string> holders;

    bool IsUnused() const { return holders.empty() && !image->pinned; }
    absl::Time QuietSince() const { return std::max(used, expected); }
  };
  std::map<std::string, Layer> layers;  // by diff ID
  std::vector<Item> items;              // by id
};

// Whether the hold is one of this image. Records of older versions name only
// layers; there each image counts that has no others.
bool IsHeld(const ImageRecord& image, const HoldRecord& hold);

// Layers and configs.
uint64_t BytesOf(const Stock& stock);
// All but the budget and what it may do.
StoreUse ExplainStock(const Stock& stock);

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_STOCK_H_
