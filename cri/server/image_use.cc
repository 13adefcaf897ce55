// SPDX-License-Identifier: Apache-2.0
#include "cri/server/image_use.h"

#include "cri/server/operations.h"

namespace cri::server {
namespace {

using runtime::Json;

Json NamesOf(const Engine& engine, const std::vector<std::string>& holders) {
  Json names = Json::array();
  for (const std::string& holder : holders) {
    names.push_back(NameOfContainer(engine, holder));
  }
  return names;
}

}  // namespace

image::Budget BudgetOf(const config::Config& config) {
  image::Budget budget;
  budget.max_bytes = static_cast<uint64_t>(config.image_max_bytes);
  // Checked when the configuration was read.
  absl::ParseDuration(config.image_max_unused, &budget.max_unused);
  return budget;
}

image::StoreOptions StoreOf(const config::Config& config) {
  const auto one = static_cast<int>(config.parallel_downloads);
  const auto all = static_cast<int>(config.max_downloads);
  return {config.root, config.registry_config_dir,       one,
          all,         config.download_bytes_per_second, config.pinned_images};
}

Json ImagesInfo(const Engine& engine, absl::Time now) {
  const image::StoreUse use = engine.images->Explain();
  Json images = Json::array();
  for (const image::ImageUse& one : use.images) {
    Json item{{"id", one.image->id},
              {"name", image::NameOf(*one.image)},
              {"bytes", one.image->size_bytes},
              {"own_bytes", one.own_bytes},
              {"pinned", one.image->pinned},
              {"holders", NamesOf(engine, one.holders)}};
    if (one.holders.empty()) {
      item["unused_seconds"] = absl::ToDoubleSeconds(now - one.used);
    }
    images.push_back(std::move(item));
  }
  Json removed = Json::array();
  for (const auto& [holders, bytes] : use.removed) {
    removed.push_back(
        Json{{"holders", NamesOf(engine, holders)}, {"bytes", bytes}});
  }
  return Json{
      {"bytes", use.bytes},
      {"images", images},
      {"removed", removed},
      {"budget",
       {{"max_bytes", use.budget.max_bytes},
        {"max_unused_seconds", absl::ToDoubleSeconds(use.budget.max_unused)},
        {"least_bytes", use.least_bytes}}}};
}

}  // namespace cri::server
