// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/spec/conf.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cri/network/cni/spec/fields.h"
#include "cri/network/cni/spec/result.h"
#include "runtime/base/status.h"

namespace cri::network::cni {
namespace {

constexpr size_t kMaxName = 255;

bool IsNameByte(unsigned char c) {
  return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == '-';
}

bool IsVersion(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '.');
  return parts.size() == 3 &&
         std::all_of(parts.begin(), parts.end(), [](absl::string_view part) {
           return !part.empty() && part.size() <= 4 &&
                  std::all_of(part.begin(), part.end(), absl::ascii_isdigit);
         });
}

// The highest supported version of "cniVersion" and "cniVersions".
absl::StatusOr<std::string> SelectVersion(const Json& json) {
  std::string single;
  RETURN_IF_ERROR(Read(json, "cniVersion", single));
  std::vector<std::string> offered;
  RETURN_IF_ERROR(Read(json, "cniVersions", offered));
  const bool many = !offered.empty();
  if (!single.empty()) offered.push_back(single);
  if (offered.empty()) {
    return FieldError("cniVersion",
                      "is missing (versions before 0.3.0 are not "
                      "supported)");
  }
  std::string best;
  for (const std::string& version : offered) {
    if (!IsVersion(version)) {
      return FieldError(many ? "cniVersions" : "cniVersion",
                        absl::StrCat("\"", version, "\" is not a version"));
    }
    if (IsSupported(version)) best = std::max(best, version);
  }
  if (!best.empty()) return best;
  return FieldError(many ? "cniVersions" : "cniVersion",
                    absl::StrCat(absl::StrJoin(offered, ", "),
                                 " is not supported; supported are ",
                                 absl::StrJoin(SupportedVersions(), ", ")));
}

// Lists in the field have these flags as texts too.
absl::Status ReadFlag(const Json& json, const char* key, bool& to) {
  const Json& value = runtime::At(json, key);
  if (!value.is_string()) return Read(json, key, to);
  const std::string text =
      absl::AsciiStrToLower(*value.get_ptr<const std::string*>());
  if (text != "true" && text != "false") {
    return FieldError(
        key, absl::StrCat("expected true or false, not \"", text, "\""));
  }
  to = text == "true";
  return absl::OkStatus();
}

absl::Status ReadName(const Json& json, std::string& name) {
  RETURN_IF_ERROR(Read(json, "name", name));
  if (name.empty()) return FieldError("name", "is missing");
  if (IsName(name)) return absl::OkStatus();
  return FieldError("name",
                    absl::StrCat("\"", name,
                                 "\" is no network name: a letter or digit, "
                                 "then letters, digits, '_', '.' and '-'"));
}

}  // namespace

bool NetworkConf::HasCapability(const std::string& capability) const {
  return std::any_of(plugins.begin(), plugins.end(),
                     [&](const PluginConf& plugin) {
                       return plugin.capabilities.contains(capability);
                     });
}

bool IsName(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxName &&
         absl::ascii_isalnum(static_cast<unsigned char>(text[0])) &&
         std::all_of(text.begin(), text.end(), IsNameByte);
}

absl::Status CheckPluginType(absl::string_view type) {
  if (type.empty()) return FieldError("type", "is missing");
  if (type.size() <= kMaxName && type != "." && type != ".." &&
      std::all_of(type.begin(), type.end(), IsNameByte)) {
    return absl::OkStatus();
  }
  return FieldError(
      "type", absl::StrCat("\"", type,
                           "\" is no plugin name: letters, digits, '_', '.' "
                           "and '-' only"));
}

absl::StatusOr<PluginConf> ParsePlugin(const Json& json) {
  RETURN_IF_ERROR(CheckObject(json));
  PluginConf plugin;
  RETURN_IF_ERROR(Read(json, "type", plugin.type));
  RETURN_IF_ERROR(CheckPluginType(plugin.type));
  const Json& capabilities = runtime::At(json, "capabilities");
  if (!capabilities.is_null()) {
    RETURN_IF_ERROR(Within(CheckObject(capabilities), "capabilities"));
    for (const auto& item : capabilities.items()) {
      bool on = false;
      RETURN_IF_ERROR(
          Within(Read(capabilities, item.key(), on), "capabilities"));
      if (on) plugin.capabilities.insert(item.key());
    }
  }
  const Json& ipam = runtime::At(json, "ipam");
  if (!ipam.is_null()) {
    RETURN_IF_ERROR(Within(CheckObject(ipam), "ipam"));
    std::string type;
    RETURN_IF_ERROR(Within(Read(ipam, "type", type), "ipam"));
    if (!type.empty()) RETURN_IF_ERROR(Within(CheckPluginType(type), "ipam"));
  }
  plugin.json = json;
  return plugin;
}

absl::StatusOr<NetworkConf> ParseConf(absl::string_view text) {
  if (absl::StripAsciiWhitespace(text).empty()) {
    return absl::InvalidArgumentError("the file is empty");
  }
  ASSIGN_OR_RETURN(const Json json, runtime::ParseJson(text, "content"));
  if (!json.is_object()) {
    return absl::InvalidArgumentError("expected an object {…}");
  }
  NetworkConf conf;
  RETURN_IF_ERROR(ReadName(json, conf.name));
  ASSIGN_OR_RETURN(conf.version, SelectVersion(json));
  if (runtime::Has(json, "type") && !runtime::Has(json, "plugins")) {
    ASSIGN_OR_RETURN(PluginConf plugin, ParsePlugin(json));
    AppendPlugins({std::move(plugin)}, conf);
    return ParseConf(conf.text);  // which is what will be kept
  }
  RETURN_IF_ERROR(ReadFlag(json, "disableCheck", conf.disable_check));
  RETURN_IF_ERROR(ReadFlag(json, "disableGC", conf.disable_gc));
  RETURN_IF_ERROR(ReadFlag(json, "loadOnlyInlinedPlugins", conf.only_inlined));
  RETURN_IF_ERROR(
      ReadEach(json, "plugins", [&](const Json& item) -> absl::Status {
        ASSIGN_OR_RETURN(conf.plugins.emplace_back(), ParsePlugin(item));
        return absl::OkStatus();
      }));
  if (conf.plugins.empty() &&
      (conf.only_inlined || runtime::Has(json, "plugins"))) {
    return FieldError("plugins", "is empty");
  }
  conf.text = std::string(text);
  return conf;
}

void AppendPlugins(std::vector<PluginConf> plugins, NetworkConf& conf) {
  if (plugins.empty()) return;
  Json list =
      runtime::ParseJson(conf.text, "")
          .value_or(Json{{"name", conf.name}, {"cniVersion", conf.version}});
  for (PluginConf& plugin : plugins) {
    list["plugins"].push_back(plugin.json);
    conf.plugins.push_back(std::move(plugin));
  }
  list["loadOnlyInlinedPlugins"] = true;
  conf.text = runtime::DumpJson(list);
}

}  // namespace cri::network::cni
