// SPDX-License-Identifier: Apache-2.0
#include "cri/image/stock.h"

#include <set>

namespace cri::image {

bool IsHeld(const ImageRecord& image, const HoldRecord& hold) {
  const auto has = [](const std::vector<std::string>& list,
                      const std::string& item) {
    return std::find(list.begin(), list.end(), item) != list.end();
  };
  if (!hold.images.empty()) return has(hold.images, image.id);
  return std::all_of(
      image.layers.begin(), image.layers.end(),
      [&](const auto& layer) { return has(hold.layers, layer); });
}

uint64_t BytesOf(const Stock& stock) {
  uint64_t bytes = 0;
  for (const auto& [diff_id, layer] : stock.layers) bytes += layer.bytes;
  for (const Stock::Item& item : stock.items) {
    bytes += item.image->config_json.size();
  }
  return bytes;
}

StoreUse ExplainStock(const Stock& stock) {
  StoreUse use;
  use.bytes = BytesOf(stock);
  std::map<std::string, int> users;
  std::vector<std::set<std::string>> layers_of;  // an image may repeat a layer
  for (const Stock::Item& item : stock.items) {
    const auto& layers = item.record.layers;
    layers_of.emplace_back(layers.begin(), layers.end());
    for (const std::string& layer : layers_of.back()) ++users[layer];
  }
  for (size_t i = 0; i < stock.items.size(); ++i) {
    const Stock::Item& item = stock.items[i];
    ImageUse one{item.image, item.image->config_json.size(), item.holders,
                 item.used};
    for (const std::string& layer : layers_of[i]) {
      if (users[layer] > 1) continue;
      const auto found = stock.layers.find(layer);
      if (found != stock.layers.end()) one.own_bytes += found->second.bytes;
    }
    use.images.push_back(std::move(one));
  }
  for (const auto& [diff_id, layer] : stock.layers) {
    if (users.count(diff_id) == 0) use.removed[layer.holders] += layer.bytes;
  }
  return use;
}

}  // namespace cri::image
