// SPDX-License-Identifier: Apache-2.0
#include "cri/image/record.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cri/image/digest.h"
#include "runtime/base/json.h"
#include "runtime/base/status.h"

namespace cri::image {
namespace {

using runtime::Json;

constexpr int kVersion = 1;

std::string Header(absl::string_view kind, absl::string_view body) {
  return absl::StrCat("coracle-", kind, " ", kVersion, " ", Sha256(body), "\n");
}

std::string Wrap(absl::string_view kind, const Json& value) {
  std::string body = runtime::DumpJson(value) + "\n";
  return Header(kind, body) + body;
}

absl::Status Broken(absl::string_view source, absl::string_view reason) {
  return absl::DataLossError(absl::StrCat(source, ": ", reason));
}

absl::StatusOr<Json> Unwrap(absl::string_view kind, absl::string_view text,
                            absl::string_view source) {
  size_t newline = text.find('\n');
  if (newline == absl::string_view::npos) {
    return Broken(source, "the header line is missing");
  }
  absl::string_view body = text.substr(newline + 1);
  if (text.substr(0, newline + 1) != Header(kind, body)) {
    return Broken(source, absl::StrCat("header or checksum do not fit an ",
                                       kind, " record of version ", kVersion));
  }
  return runtime::ParseJson(body, source);
}

// Names in a layer need not be UTF-8, JSON does.
Json EscapeAll(const std::vector<std::string>& names) {
  Json array = Json::array();
  for (const std::string& name : names) array.push_back(absl::CEscape(name));
  return array;
}

Json ToJson(const std::vector<std::string>& values) {
  Json array = Json::array();
  for (const std::string& value : values) array.push_back(value);
  return array;
}

absl::StatusOr<std::vector<std::string>> DigestsAt(const Json& value,
                                                   const char* key,
                                                   absl::string_view source) {
  std::vector<std::string> result;
  for (const Json& item : runtime::ArrayAt(value, key)) {
    if (!item.is_string() || !IsDigest(item.get_ref<const std::string&>())) {
      return Broken(source, absl::StrCat(key, ": not a digest"));
    }
    result.push_back(item.get_ref<const std::string&>());
  }
  return result;
}

}  // namespace

std::string Encode(const ImageRecord& record) {
  Json tags = Json::array();
  for (const Tag& tag : record.tags) {
    tags.push_back(Json{{"name", tag.name}, {"sequence", tag.sequence}});
  }
  return Wrap("image", Json{{"id", record.id},
                            {"tags", tags},
                            {"digests", ToJson(record.digests)},
                            {"layers", ToJson(record.layers)}});
}

std::string Encode(const LayerRecord& record) {
  return Wrap("layer", Json{{"diffID", record.diff_id},
                            {"bytes", record.bytes},
                            {"inodes", record.inodes},
                            {"implied", EscapeAll(record.implied)}});
}

std::string Encode(const HoldRecord& record) {
  return Wrap("hold", Json{{"holder", record.holder},
                           {"layers", ToJson(record.layers)},
                           {"images", ToJson(record.images)}});
}

absl::StatusOr<ImageRecord> DecodeImage(absl::string_view text,
                                        absl::string_view source) {
  ASSIGN_OR_RETURN(Json value, Unwrap("image", text, source));
  ImageRecord record;
  record.id = runtime::StringAt(value, "id");
  if (!IsDigest(record.id)) return Broken(source, "id: not a digest");
  for (const Json& tag : runtime::ArrayAt(value, "tags")) {
    record.tags.push_back(
        {runtime::StringAt(tag, "name"),
         static_cast<uint64_t>(runtime::IntAt(tag, "sequence"))});
  }
  for (const Json& digest : runtime::ArrayAt(value, "digests")) {
    if (digest.is_string()) {
      record.digests.push_back(digest.get_ref<const std::string&>());
    }
  }
  ASSIGN_OR_RETURN(record.layers, DigestsAt(value, "layers", source));
  return record;
}

absl::StatusOr<LayerRecord> DecodeLayer(absl::string_view text,
                                        absl::string_view source) {
  ASSIGN_OR_RETURN(Json value, Unwrap("layer", text, source));
  LayerRecord record;
  record.diff_id = runtime::StringAt(value, "diffID");
  if (!IsDigest(record.diff_id)) return Broken(source, "diffID: not a digest");
  record.bytes = static_cast<uint64_t>(runtime::IntAt(value, "bytes"));
  record.inodes = static_cast<uint64_t>(runtime::IntAt(value, "inodes"));
  for (const Json& item : runtime::ArrayAt(value, "implied")) {
    std::string name;
    if (!item.is_string() ||
        !absl::CUnescape(item.get_ref<const std::string&>(), &name)) {
      return Broken(source, "implied: not a path");
    }
    record.implied.push_back(std::move(name));
  }
  return record;
}

absl::StatusOr<HoldRecord> DecodeHold(absl::string_view text,
                                      absl::string_view source) {
  ASSIGN_OR_RETURN(Json value, Unwrap("hold", text, source));
  HoldRecord record;
  record.holder = runtime::StringAt(value, "holder");
  if (record.holder.empty()) return Broken(source, "holder: missing");
  ASSIGN_OR_RETURN(record.layers, DigestsAt(value, "layers", source));
  ASSIGN_OR_RETURN(record.images, DigestsAt(value, "images", source));
  return record;
}

}  // namespace cri::image
