// SPDX-License-Identifier: Apache-2.0
#include "cri/image/manifest.h"

#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cri/image/digest.h"
#include "runtime/base/json.h"
#include "runtime/base/status.h"

namespace cri::image {
namespace {

using runtime::ArrayAt;
using runtime::Has;
using runtime::Json;
using runtime::ObjectAt;
using runtime::StringAt;

constexpr char kOciIndex[] = "application/vnd.oci.image.index.v1+json";
constexpr char kOciManifest[] = "application/vnd.oci.image.manifest.v1+json";
constexpr char kDockerList[] =
    "application/vnd.docker.distribution.manifest.list.v2+json";
constexpr char kDockerManifest[] =
    "application/vnd.docker.distribution.manifest.v2+json";

absl::Status Bad(absl::string_view source, absl::string_view reason) {
  return absl::InvalidArgumentError(absl::StrCat(source, ": ", reason));
}

// Two parsers may read a document with a repeated key, or with keys that differ
// only in case, in two ways: such a document has no single meaning.
absl::StatusOr<Json> ParseUnambiguous(absl::string_view body,
                                      absl::string_view source) {
  RETURN_IF_ERROR(runtime::ParseJson(body, source).status());
  std::vector<std::set<std::string>> keys;
  std::string repeated;
  auto watch = [&](int, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key) {
      const std::string& key = value.get_ref<const std::string&>();
      // Labels and annotations are free text: case may differ there.
      std::string folded = keys.size() == 1 ? absl::AsciiStrToLower(key) : key;
      if (!keys.back().insert(folded).second) repeated = key;
    }
    return true;
  };
  Json document = Json::parse(body.begin(), body.end(), watch, false);
  if (!repeated.empty()) {
    return Bad(source,
               absl::StrCat("the key \"", repeated, "\" stands there twice"));
  }
  if (!document.is_object()) return Bad(source, "not a JSON object");
  return document;
}

Platform PlatformOf(const Json& value) {
  return {StringAt(value, "os"), StringAt(value, "architecture"),
          StringAt(value, "variant")};
}

std::map<std::string, std::string> StringMap(const Json& value) {
  std::map<std::string, std::string> result;
  for (const auto& [key, item] : value.items()) {
    if (item.is_string()) result[key] = item.get_ref<const std::string&>();
  }
  return result;
}

absl::StatusOr<Descriptor> ParseDescriptor(const Json& value,
                                           absl::string_view source) {
  if (!value.is_object()) return Bad(source, "a descriptor is not an object");
  Descriptor descriptor;
  descriptor.media_type = StringAt(value, "mediaType");
  descriptor.digest = StringAt(value, "digest");
  const Json& size = runtime::At(value, "size");
  if (!IsDigest(descriptor.digest)) {
    return Bad(source, absl::StrCat("\"", descriptor.digest.substr(0, 150),
                                    "\" is not a sha256 or sha512 digest"));
  }
  if (!size.is_number_integer() || size.get<int64_t>() < 0) {
    return Bad(source, absl::StrCat("descriptor ", descriptor.digest,
                                    " has no valid size"));
  }
  descriptor.size = size.get<uint64_t>();
  descriptor.platform = PlatformOf(ObjectAt(value, "platform"));
  descriptor.annotations = StringMap(ObjectAt(value, "annotations"));
  return descriptor;
}

absl::Status CheckLayerType(const Descriptor& layer, absl::string_view source) {
  static const std::set<std::string>& known = *new std::set<std::string>{
      "application/vnd.oci.image.layer.v1.tar",
      "application/vnd.oci.image.layer.v1.tar+gzip",
      "application/vnd.oci.image.layer.v1.tar+zstd",
      "application/vnd.docker.image.rootfs.diff.tar",
      "application/vnd.docker.image.rootfs.diff.tar.gzip",
      "application/vnd.docker.image.rootfs.diff.tar.zstd"};
  if (known.count(layer.media_type) > 0) return absl::OkStatus();
  std::string why = "this media type is not supported";
  if (absl::StrContains(layer.media_type, "foreign") ||
      absl::StrContains(layer.media_type, "nondistributable")) {
    why = "foreign layers are not supported";
  } else if (absl::StrContains(layer.media_type, "erofs")) {
    // A file system made by a stranger would be parsed by the kernel.
    why = "file system layers from a registry are not accepted";
  } else if (absl::StrContains(layer.media_type, "encrypted")) {
    why = "encrypted layers are not supported";
  }
  return Bad(source, absl::StrCat("layer ", layer.digest, " is \"",
                                  layer.media_type, "\": ", why));
}

absl::Status ReadIndex(const Json& document, absl::string_view source,
                       Manifest* out) {
  const Json& entries = ArrayAt(document, "manifests");
  if (entries.size() > kMaxIndexEntries) {
    return Bad(source, absl::StrCat("more than ", kMaxIndexEntries,
                                    " manifests in the index"));
  }
  for (const Json& entry : entries) {
    ASSIGN_OR_RETURN(Descriptor descriptor, ParseDescriptor(entry, source));
    out->manifests.push_back(std::move(descriptor));
  }
  return absl::OkStatus();
}

absl::Status ReadManifest(const Json& document, absl::string_view source,
                          Manifest* out) {
  ASSIGN_OR_RETURN(out->config,
                   ParseDescriptor(ObjectAt(document, "config"),
                                   absl::StrCat(source, " config")));
  const std::string& type = out->config.media_type;
  if (type != "application/vnd.oci.image.config.v1+json" &&
      type != "application/vnd.docker.container.image.v1+json") {
    return Bad(source, absl::StrCat("not a container image: its config is \"",
                                    type, "\""));
  }
  if (out->config.size > kMaxConfigBytes) {
    return Bad(source,
               absl::StrCat("config larger than ", kMaxConfigBytes, " bytes"));
  }
  const Json& layers = ArrayAt(document, "layers");
  if (layers.size() > kMaxLayers) {
    return Bad(source, absl::StrCat("more than ", kMaxLayers, " layers"));
  }
  for (const Json& entry : layers) {
    ASSIGN_OR_RETURN(Descriptor layer, ParseDescriptor(entry, source));
    RETURN_IF_ERROR(CheckLayerType(layer, source));
    out->layers.push_back(std::move(layer));
  }
  return absl::OkStatus();
}

// Index or manifest? The body decides by its fields; what body and transport
// call it must agree with that.
absl::Status CheckTypes(const Json& document, absl::string_view transport,
                        absl::string_view source, bool* is_index) {
  if (Has(document, "fsLayers") ||
      runtime::IntAt(document, "schemaVersion", 2) == 1) {
    return Bad(source, "schema 1 manifests are not supported");
  }
  const bool has_manifest = Has(document, "layers") || Has(document, "config");
  *is_index = Has(document, "manifests");
  if (*is_index && has_manifest) {
    return Bad(source, "it is both an index and a manifest");
  }
  if (!*is_index && !has_manifest) {
    return Bad(source, "neither an index nor a manifest");
  }
  transport =
      absl::StripAsciiWhitespace(transport.substr(0, transport.find(';')));
  for (const std::string& type :
       {StringAt(document, "mediaType"), std::string(transport)}) {
    if (*is_index ? IsManifestType(type) : IsIndexType(type)) {
      return Bad(source, absl::StrCat("media type is ", type, ", but it is ",
                                      *is_index ? "an index" : "a manifest"));
    }
    const bool known = IsManifestType(type) || IsIndexType(type);
    if (!known && !type.empty() && type != "application/json" &&
        type != "application/octet-stream" && type != "text/plain") {
      return Bad(source, absl::StrCat("media type \"", type.substr(0, 100),
                                      "\" is not supported"));
    }
  }
  std::string own = StringAt(document, "mediaType");
  if ((IsManifestType(transport) || IsIndexType(transport)) && !own.empty() &&
      own != transport) {
    return Bad(source, absl::StrCat("announced as ", transport,
                                    ", calls itself ", own));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> StringList(const Json& value,
                                                    absl::string_view source,
                                                    absl::string_view field) {
  std::vector<std::string> result;
  if (value.is_null()) return result;
  bool valid = value.is_array();
  if (valid) {
    for (const Json& item : value) {
      if (!item.is_string()) {
        valid = false;
        break;
      }
      result.push_back(item.get_ref<const std::string&>());
    }
  }
  if (!valid) return Bad(source, absl::StrCat(field, ": expected strings"));
  return result;
}

// CVE-2024-40635: a number that does not fit an id must not wrap round to 0.
absl::Status CheckUser(absl::string_view user, absl::string_view source) {
  for (absl::string_view part : absl::StrSplit(user, ':')) {
    bool digits = !part.empty();
    for (char c : part) digits = digits && absl::ascii_isdigit(c);
    uint64_t id = 0;
    if (digits && (!absl::SimpleAtoi(part, &id) || id > 0x7fffffff)) {
      return Bad(source, absl::StrCat("config.User: \"", user.substr(0, 100),
                                      "\": ids range from 0 to 2147483647"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

const char kManifestAccept[] =
    "application/vnd.oci.image.index.v1+json, "
    "application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.docker.distribution.manifest.v2+json";

bool IsIndexType(absl::string_view type) {
  return type == kOciIndex || type == kDockerList;
}

bool IsManifestType(absl::string_view type) {
  return type == kOciManifest || type == kDockerManifest;
}

std::string Platform::ToString() const {
  std::string text = absl::StrCat(os, "/", architecture);
  return variant.empty() ? text : absl::StrCat(text, "/", variant);
}

const Platform& NodePlatform() {
#if defined(__x86_64__)
  static const Platform& platform = *new Platform{"linux", "amd64", ""};
#elif defined(__aarch64__)
  static const Platform& platform = *new Platform{"linux", "arm64", ""};
#else
#error "name this architecture in OCI words"
#endif
  return platform;
}

absl::StatusOr<Manifest> ParseManifest(absl::string_view body,
                                       absl::string_view media_type,
                                       absl::string_view source) {
  if (body.size() > kMaxManifestBytes) {
    return Bad(source,
               absl::StrCat("larger than ", kMaxManifestBytes, " bytes"));
  }
  ASSIGN_OR_RETURN(Json document, ParseUnambiguous(body, source));
  Manifest manifest;
  RETURN_IF_ERROR(CheckTypes(document, media_type, source, &manifest.is_index));
  RETURN_IF_ERROR(manifest.is_index
                      ? ReadIndex(document, source, &manifest)
                      : ReadManifest(document, source, &manifest));
  return manifest;
}

absl::StatusOr<Descriptor> SelectPlatform(const Manifest& index,
                                          const Platform& platform,
                                          absl::string_view source) {
  const Descriptor* unspecified = nullptr;
  std::vector<std::string> offered;
  for (const Descriptor& entry : index.manifests) {
    if (!IsManifestType(entry.media_type) && !IsIndexType(entry.media_type)) {
      continue;
    }
    if (entry.platform.os.empty() && entry.platform.architecture.empty()) {
      if (unspecified == nullptr) unspecified = &entry;
      continue;
    }
    // A variant such as amd64/v3 may need more than this processor has; plain
    // entries and the base variant always run.
    const std::string& variant = entry.platform.variant;
    if (entry.platform.os == platform.os &&
        entry.platform.architecture == platform.architecture &&
        (variant.empty() || variant == "v1" || variant == "v8")) {
      return entry;
    }
    if (offered.size() < 20) offered.push_back(entry.platform.ToString());
  }
  if (unspecified != nullptr) return *unspecified;
  return absl::NotFoundError(absl::StrCat(
      source, ": no image for ", platform.ToString(), " (the index has ",
      offered.empty() ? "none" : absl::StrJoin(offered, ", "), ")"));
}

absl::StatusOr<ImageConfig> ParseConfig(absl::string_view body,
                                        absl::string_view source) {
  ASSIGN_OR_RETURN(Json document, ParseUnambiguous(body, source));
  ImageConfig config;
  config.platform = PlatformOf(document);
  ASSIGN_OR_RETURN(config.diff_ids,
                   StringList(runtime::At(document, {"rootfs", "diff_ids"}),
                              source, "rootfs.diff_ids"));
  for (const std::string& id : config.diff_ids) {
    if (!IsDigest(id)) return Bad(source, "rootfs.diff_ids: not a digest");
  }
  const Json& c = ObjectAt(document, "config");
  config.user = StringAt(c, "User");
  RETURN_IF_ERROR(CheckUser(config.user, source));
  config.working_dir = StringAt(c, "WorkingDir");
  config.stop_signal = StringAt(c, "StopSignal");
  ASSIGN_OR_RETURN(config.env,
                   StringList(runtime::At(c, "Env"), source, "config.Env"));
  ASSIGN_OR_RETURN(config.entrypoint, StringList(runtime::At(c, "Entrypoint"),
                                                 source, "config.Entrypoint"));
  ASSIGN_OR_RETURN(config.cmd,
                   StringList(runtime::At(c, "Cmd"), source, "config.Cmd"));
  for (const auto& item : ObjectAt(c, "Volumes").items()) {
    config.volumes.push_back(item.key());
  }
  config.labels = StringMap(ObjectAt(c, "Labels"));
  return config;
}

absl::Status CheckImage(const Manifest& manifest, const ImageConfig& config,
                        const Platform& platform, absl::string_view source) {
  if (config.diff_ids.size() != manifest.layers.size()) {
    return Bad(source,
               absl::StrCat("the manifest has ", manifest.layers.size(),
                            " layers, the config ", config.diff_ids.size()));
  }
  if (config.platform.os != platform.os ||
      config.platform.architecture != platform.architecture) {
    return absl::NotFoundError(
        absl::StrCat(source, ": the image is for ", config.platform.ToString(),
                     ", this node is ", platform.ToString()));
  }
  return absl::OkStatus();
}

}  // namespace cri::image
