// SPDX-License-Identifier: Apache-2.0
// What holds the bytes of this host's images and containers, as `coracle image
// usage` shows it. Pure functions over what the CRI server tells.
#ifndef CORACLE_AGENT_COMMAND_IMAGE_USAGE_H_
#define CORACLE_AGENT_COMMAND_IMAGE_USAGE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "runtime/base/json.h"

namespace agent::command {

struct ImageUsageRow {
  std::string name, id;
  uint64_t bytes = 0, own_bytes = 0;
  bool pinned = false;
  std::vector<std::string> holders;  // "default/web/app"
  absl::Duration unused;             // if nobody holds it
};

// Layers of images that are gone, by who holds them.
struct RemovedRow {
  std::vector<std::string> holders;
  uint64_t bytes = 0;
};

struct WrittenRow {
  std::string container;          // "default/web/app"
  std::optional<uint64_t> bytes;  // none: not measured yet
};

struct ImageUsage {
  std::vector<ImageUsageRow> images;  // those with most of their own first
  std::vector<RemovedRow> removed;
  uint64_t bytes = 0;  // of all images, what they share once
  uint64_t max_bytes = 0, least_bytes = 0;
  absl::Duration max_unused;
  std::vector<WrittenRow> written;
  // Of half-made pulls and imports, of what is being removed, of records that
  // could not be read.
  uint64_t temporary = 0, trash = 0, aside = 0;
  std::string directory;  // of the store
  uint64_t disk_bytes = 0, disk_used = 0, disk_free = 0;
};

// Fills what the server's `images` has.
ImageUsage ImageUsageOf(const runtime::Json& images);

// Why the budget is not met, and who is in its way; "" if it is.
std::string BudgetProblem(const ImageUsage& usage);

std::string FormatImageUsage(const ImageUsage& usage);
runtime::Json ImageUsageJson(const ImageUsage& usage);

}  // namespace agent::command

#endif  // CORACLE_AGENT_COMMAND_IMAGE_USAGE_H_
