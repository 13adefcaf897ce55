// SPDX-License-Identifier: Apache-2.0
#include "agent/command/image_usage.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "agent/command/view.h"
#include "runtime/base/text.h"

namespace agent::command {
namespace {

using runtime::HumanBytes;
using runtime::Json;

// More names than that fill the line and say no more.
constexpr size_t kMostNames = 3;

uint64_t BytesAt(const Json& json, absl::string_view key) {
  return static_cast<uint64_t>(runtime::IntAt(json, key));
}

std::vector<std::string> NamesAt(const Json& json, absl::string_view key) {
  std::vector<std::string> names;
  for (const Json& name : runtime::ArrayAt(json, key)) {
    if (name.is_string()) names.push_back(name.get<std::string>());
  }
  return names;
}

std::string Few(const std::vector<std::string>& names) {
  const size_t shown = std::min(names.size(), kMostNames);
  std::string text = absl::StrJoin(names.begin(), names.begin() + shown, ", ");
  if (shown < names.size()) {
    absl::StrAppend(&text, " and ", names.size() - shown, " more");
  }
  return text;
}

std::string UsersOf(const ImageUsageRow& row) {
  if (row.pinned && row.holders.empty()) return "pinned";
  if (row.holders.empty()) return "-";
  return absl::StrCat(row.pinned ? "pinned, " : "", Few(row.holders));
}

std::string ImageTable(const ImageUsage& usage) {
  std::vector<std::vector<std::string>> rows = {
      {"IMAGE", "ID", "SIZE", "OWN", "UNUSED", "USED BY"}};
  for (const ImageUsageRow& row : usage.images) {
    const std::string id(absl::StripPrefix(row.id, "sha256:"));
    rows.push_back({row.name, id.substr(0, 12), HumanBytes(row.bytes),
                    HumanBytes(row.own_bytes),
                    row.holders.empty() ? Age(row.unused) : "-", UsersOf(row)});
  }
  for (const RemovedRow& row : usage.removed) {
    rows.push_back({"(of a removed image)", "-", HumanBytes(row.bytes),
                    HumanBytes(row.bytes), "-",
                    row.holders.empty() ? "a pull" : Few(row.holders)});
  }
  return rows.size() == 1 ? "No images.\n" : Table(rows);
}

// What is known, and of how many it is not.
std::pair<uint64_t, int> Written(const ImageUsage& usage) {
  uint64_t bytes = 0;
  int unknown = 0;
  for (const WrittenRow& row : usage.written) {
    bytes += row.bytes.value_or(0);
    unknown += row.bytes.has_value() ? 0 : 1;
  }
  return {bytes, unknown};
}

std::string WrittenTable(const ImageUsage& usage) {
  if (usage.written.empty()) return "";
  std::vector<std::vector<std::string>> rows = {{"CONTAINER", "WRITTEN"}};
  for (const WrittenRow& row : usage.written) {
    rows.push_back(
        {row.container, row.bytes ? HumanBytes(*row.bytes) : "not known yet"});
  }
  return absl::StrCat("\n", Table(rows));
}

std::string SumTable(const ImageUsage& usage) {
  const auto [written, unknown] = Written(usage);
  std::vector<std::vector<std::string>> rows = {
      {"Images", HumanBytes(usage.bytes), "what they share counts once"},
      {"Written by containers", HumanBytes(written),
       unknown == 0 ? "" : absl::StrCat(unknown, " not known yet")},
      {"Pulls and imports under way", HumanBytes(usage.temporary)},
      {"Being removed", HumanBytes(usage.trash)}};
  if (usage.aside > 0) {
    rows.push_back({"Unreadable records", HumanBytes(usage.aside),
                    absl::StrCat("in ", usage.directory, "/aside")});
  }
  rows.push_back({"Sum", HumanBytes(usage.bytes + written + usage.temporary +
                                    usage.trash + usage.aside)});
  rows.push_back({"File system", HumanBytes(usage.disk_bytes),
                  absl::StrCat(HumanBytes(usage.disk_used), " used, ",
                               HumanBytes(usage.disk_free), " free, of ",
                               usage.directory)});
  return absl::StrCat("\n", Table(rows));
}

std::string BudgetLine(const ImageUsage& usage) {
  std::vector<std::string> parts;
  if (usage.max_bytes > 0) {
    parts.push_back(
        absl::StrCat("image_max_bytes ", HumanBytes(usage.max_bytes)));
  }
  if (usage.max_unused > absl::ZeroDuration()) {
    parts.push_back(absl::StrCat("image_max_unused ",
                                 absl::FormatDuration(usage.max_unused)));
  }
  std::string line =
      absl::StrCat("\nBudget: ",
                   parts.empty() ? "none (image_max_bytes, image_max_unused)"
                                 : absl::StrJoin(parts, ", "),
                   "\n");
  const std::string problem = BudgetProblem(usage);
  if (!problem.empty()) absl::StrAppend(&line, "  ", problem, "\n");
  return line;
}

}  // namespace

ImageUsage ImageUsageOf(const Json& images) {
  ImageUsage usage;
  for (const Json& item : runtime::ArrayAt(images, "images")) {
    ImageUsageRow row;
    row.name = runtime::StringAt(item, "name");
    row.id = runtime::StringAt(item, "id");
    row.bytes = BytesAt(item, "bytes");
    row.own_bytes = BytesAt(item, "own_bytes");
    row.pinned = runtime::BoolAt(item, "pinned");
    row.holders = NamesAt(item, "holders");
    row.unused = SecondsAt(item, "unused_seconds");
    usage.images.push_back(std::move(row));
  }
  std::sort(usage.images.begin(), usage.images.end(),
            [](const auto& a, const auto& b) {
              return std::tie(b.own_bytes, b.bytes, a.name) <
                     std::tie(a.own_bytes, a.bytes, b.name);
            });
  for (const Json& item : runtime::ArrayAt(images, "removed")) {
    usage.removed.push_back({NamesAt(item, "holders"), BytesAt(item, "bytes")});
  }
  usage.bytes = BytesAt(images, "bytes");
  const Json& budget = runtime::ObjectAt(images, "budget");
  usage.max_bytes = BytesAt(budget, "max_bytes");
  usage.least_bytes = BytesAt(budget, "least_bytes");
  usage.max_unused = SecondsAt(budget, "max_unused_seconds");
  return usage;
}

std::string BudgetProblem(const ImageUsage& usage) {
  if (usage.max_bytes == 0 || usage.least_bytes <= usage.max_bytes) return "";
  std::vector<ImageUsageRow> held;
  for (const ImageUsageRow& row : usage.images) {
    if (!row.holders.empty() || row.pinned) held.push_back(row);
  }
  std::stable_sort(held.begin(), held.end(), [](const auto& a, const auto& b) {
    return a.bytes > b.bytes;
  });
  std::vector<std::string> most;
  for (const ImageUsageRow& row : held) {
    if (most.size() == kMostNames) break;
    most.push_back(absl::StrCat(row.name, " (", HumanBytes(row.bytes), ", ",
                                UsersOf(row), ")"));
  }
  return absl::StrCat(
      "images take ", HumanBytes(usage.bytes), ", of which ",
      HumanBytes(usage.least_bytes),
      " are in use, pinned or have just come; image_max_bytes is ",
      HumanBytes(usage.max_bytes),
      most.empty() ? "" : "; the largest in use: ", absl::StrJoin(most, ", "));
}

std::string FormatImageUsage(const ImageUsage& usage) {
  return absl::StrCat(ImageTable(usage), WrittenTable(usage), SumTable(usage),
                      BudgetLine(usage));
}

Json ImageUsageJson(const ImageUsage& usage) {
  Json images = Json::array(), removed = Json::array(), written = Json::array();
  for (const ImageUsageRow& row : usage.images) {
    Json item{{"name", row.name},     {"id", row.id},
              {"bytes", row.bytes},   {"ownBytes", row.own_bytes},
              {"pinned", row.pinned}, {"usedBy", row.holders}};
    if (row.holders.empty()) {
      item["unusedSeconds"] = absl::ToInt64Seconds(row.unused);
    }
    images.push_back(std::move(item));
  }
  for (const RemovedRow& row : usage.removed) {
    removed.push_back({{"usedBy", row.holders}, {"bytes", row.bytes}});
  }
  for (const WrittenRow& row : usage.written) {
    Json item{{"container", row.container}};
    if (row.bytes.has_value()) item["bytes"] = *row.bytes;
    written.push_back(std::move(item));
  }
  return {{"images", images},
          {"removedImages", removed},
          {"containers", written},
          {"bytes", usage.bytes},
          {"writtenBytes", Written(usage).first},
          {"temporaryBytes", usage.temporary},
          {"trashBytes", usage.trash},
          {"unreadableBytes", usage.aside},
          {"budget",
           {{"maxBytes", usage.max_bytes},
            {"maxUnusedSeconds", absl::ToInt64Seconds(usage.max_unused)},
            {"leastBytes", usage.least_bytes},
            {"problem", BudgetProblem(usage)}}},
          {"fileSystem",
           {{"directory", usage.directory},
            {"bytes", usage.disk_bytes},
            {"usedBytes", usage.disk_used},
            {"freeBytes", usage.disk_free}}}};
}

}  // namespace agent::command
