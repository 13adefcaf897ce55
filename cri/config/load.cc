// SPDX-License-Identifier: Apache-2.0
// Reading the CRI server's YAML file. The one place of this room where an
// exception can occur; none leaves it.
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cri/config/config.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace cri::config {
namespace {

constexpr size_t kMaxConfigBytes = 1 << 20;

// How a key's text becomes its member; the error says only what is expected.
struct Field {
  Key key;
  std::function<absl::Status(Config&, const std::string&)> set;
};

absl::Status Expected(absl::string_view what, const std::string& text) {
  return absl::InvalidArgumentError(
      absl::StrCat("expected ", what, ", not \"", text, "\""));
}

auto Text(std::string Config::*member) {
  return [member](Config& config, const std::string& text) -> absl::Status {
    config.*member = text;
    return absl::OkStatus();
  };
}

auto Directory(std::string Config::*member) {
  return [member](Config& config, const std::string& text) -> absl::Status {
    if (!absl::StartsWith(text, "/")) {
      return Expected("an absolute path", text);
    }
    config.*member = text;
    return absl::OkStatus();
  };
}

auto Number(int64_t Config::*member, int64_t least, int64_t most) {
  return [=](Config& config, const std::string& text) -> absl::Status {
    int64_t value = 0;
    if (!absl::SimpleAtoi(text, &value) || value < least || value > most) {
      return Expected(absl::StrCat("a number from ", least, " to ", most),
                      text);
    }
    config.*member = value;
    return absl::OkStatus();
  };
}

auto Flag(bool Config::*member) {
  return [member](Config& config, const std::string& text) -> absl::Status {
    if (text != "true" && text != "false") {
      return Expected("true or false", text);
    }
    config.*member = text == "true";
    return absl::OkStatus();
  };
}

absl::Status SetListen(Config& config, const std::string& text) {
  absl::string_view path = text;
  if (!absl::ConsumePrefix(&path, "unix://") || !absl::StartsWith(path, "/")) {
    return Expected("unix:///PATH", text);
  }
  if (path.size() > 90) {
    return Expected("a socket path of at most 90 characters", text);
  }
  config.listen = text;
  return absl::OkStatus();
}

absl::Status SetBridge(Config& config, const std::string& text) {
  if (text.empty() || text.size() > 15 || absl::StrContains(text, "/") ||
      absl::StrContains(text, " ")) {
    return Expected("a link name of 1 to 15 characters", text);
  }
  config.bridge = text;
  return absl::OkStatus();
}

const std::vector<Field>& Fields() {
  static const auto& fields = *new std::vector<Field>{
      {{"listen", "socket to serve on, unix:///PATH"}, SetListen},
      {{"root", "directory of images, records and container files"},
       Directory(&Config::root)},
      {{"state", "directory of sockets and other state until reboot"},
       Directory(&Config::state)},
      {{"registry_config_dir", "directory with <host>/hosts.toml files"},
       Directory(&Config::registry_config_dir)},
      {{"pod_cidr", "addresses of this node's pods, as 10.244.1.0/24"},
       Text(&Config::pod_cidr)},
      {{"cluster_cidr", "addresses of all nodes' pods, which see each other's"},
       Text(&Config::cluster_cidr)},
      {{"bridge", "name of the pod bridge"}, SetBridge},
      {{"masquerade", "source NAT for what leaves the pod CIDR"},
       Flag(&Config::masquerade)},
      {{"mtu", "of pod links; 0 takes the default route's"},
       Number(&Config::mtu, 0, 65535)},
      {{"launcher", "path of coracle-oci"}, Directory(&Config::launcher)},
      {{"max_message_bytes", "largest request that is accepted"},
       Number(&Config::max_message_bytes, 64 << 10, 64 << 20)},
      {{"shm_bytes", "size of a pod's /dev/shm"},
       Number(&Config::shm_bytes, 4096, int64_t{1} << 40)},
      {{"parallel_downloads", "layers of an image fetched at once"},
       Number(&Config::parallel_downloads, 1, 64)},
      {{"max_threads", "of the pool for blocking work"},
       Number(&Config::max_threads, 4, 4096)},
  };
  return fields;
}

const Field* FindField(const std::string& name) {
  for (const Field& field : Fields()) {
    if (field.key.name == name) return &field;
  }
  return nullptr;
}

size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row[b.size()];
}

absl::Status UnknownKey(const std::string& name) {
  const char* nearest = "";
  size_t best = std::numeric_limits<size_t>::max();
  for (const Field& field : Fields()) {
    size_t distance = EditDistance(name, field.key.name);
    if (distance < best) {
      best = distance;
      nearest = field.key.name;
    }
  }
  std::string hint =
      best <= 4 ? absl::StrCat("; did you mean \"", nearest, "\"?") : "";
  return absl::InvalidArgumentError(
      absl::StrCat("unknown key \"", name, "\"", hint));
}

// One "key: value" of the file.
absl::Status SetFromNode(const YAML::Node& key, const YAML::Node& value,
                         Config& config) {
  if (!key.IsScalar()) {
    return absl::InvalidArgumentError("a key must be a word");
  }
  const std::string& name = key.Scalar();
  const Field* field = FindField(name);
  if (field == nullptr) return UnknownKey(name);
  if (!value.IsScalar()) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": expected one value, not a ",
                     value.IsSequence() ? "list"
                     : value.IsMap()    ? "map"
                                        : "missing one"));
  }
  return runtime::Annotate(field->set(config, value.Scalar()), name);
}

absl::Status ApplyYaml(const std::string& text, const std::string& name,
                       Config& config) {
  try {
    YAML::Node node = YAML::Load(text);
    if (node.IsNull()) return absl::OkStatus();
    if (!node.IsMap()) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, ":1: expected \"key: value\" lines"));
    }
    std::map<std::string, int> seen;
    for (const auto& item : node) {
      int line = item.first.Mark().line + 1;
      absl::Status set = SetFromNode(item.first, item.second, config);
      if (set.ok() && seen.count(item.first.Scalar()) > 0) {
        set = absl::InvalidArgumentError(
            absl::StrCat(item.first.Scalar(), ": given twice, first in line ",
                         seen[item.first.Scalar()]));
      }
      RETURN_IF_ERROR(runtime::Annotate(set, absl::StrCat(name, ":", line)));
      seen[item.first.Scalar()] = line;
    }
    return absl::OkStatus();
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, ":", error.mark.line + 1, ": not valid YAML: ", error.msg));
  }
}

absl::Status ApplyOverrides(const Overrides& overrides, Config& config) {
  for (const auto& [name, text] : overrides) {
    const Field* field = FindField(name);
    if (field == nullptr) return UnknownKey(name);
    std::string flag = absl::StrCat("--", name);
    std::replace(flag.begin(), flag.end(), '_', '-');
    RETURN_IF_ERROR(runtime::Annotate(field->set(config, text), flag));
  }
  return absl::OkStatus();
}

}  // namespace

const std::vector<Key>& Keys() {
  static const auto& keys = *[] {
    auto* result = new std::vector<Key>;
    for (const Field& field : Fields()) result->push_back(field.key);
    return result;
  }();
  return keys;
}

absl::StatusOr<Config> Parse(absl::string_view text, const std::string& name,
                             const Overrides& overrides) {
  Config config;
  RETURN_IF_ERROR(ApplyYaml(std::string(text), name, config));
  RETURN_IF_ERROR(ApplyOverrides(overrides, config));
  return config;
}

absl::StatusOr<Config> Load(const std::string& file,
                            const Overrides& overrides) {
  if (file.empty() && !runtime::Exists(kDefaultFile)) {
    return Parse("", kDefaultFile, overrides);
  }
  const std::string& path = file.empty() ? kDefaultFile : file;
  ASSIGN_OR_RETURN(std::string text, runtime::ReadFile(path, kMaxConfigBytes));
  return Parse(text, path, overrides);
}

std::string LauncherPath(const Config& config) {
  if (!config.launcher.empty()) return config.launcher;
  char path[4096] = {};
  if (readlink("/proc/self/exe", path, sizeof path - 1) <= 0) {
    return "/usr/bin/coracle-oci";
  }
  std::string self(path);
  return self.substr(0, self.rfind('/')) + "/coracle-oci";
}

}  // namespace cri::config
