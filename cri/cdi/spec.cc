// SPDX-License-Identifier: Apache-2.0
#include "cri/cdi/spec.h"

#include <array>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cri/cdi/document.h"
#include "cri/cdi/name.h"
#include "runtime/base/status.h"
#include "runtime/spec/reader.h"

namespace cri::cdi {
namespace {

using runtime::spec::Reader;

// Versions as 100 × major + minor; the third number is 0 in all of them.
constexpr std::array<int, 10> kVersions = {1, 2, 3, 4, 5, 6, 7, 8, 100, 101};

std::string VersionText(int version) {
  return absl::StrCat(version / 100, ".", version % 100, ".0");
}

class Parser {
 public:
  void Read(const Reader& root, Spec* spec);

 private:
  void ReadVersion(const Reader& root);
  void ReadDevice(const Reader& reader, Spec* spec);
  void ReadEdits(const Reader& reader, Edits* edits);
  void ReadNode(const Reader& reader, std::vector<DeviceNode>* out);
  void ReadMount(const Reader& reader, std::vector<Mount>* out);
  // Fails if `key` is there but came with a later version than the file's.
  void Since(const Reader& reader, absl::string_view key, int version) const {
    if (reader.Has(key)) Demand(reader, key, version);
  }
  void Demand(const Reader& reader, absl::string_view key, int version) const {
    if (version_ >= version) return;
    reader.Fail(key, absl::StrCat("needs cdiVersion ", VersionText(version),
                                  " or later"));
  }

  int version_ = 0;
};

void Absolute(const Reader& reader, absl::string_view key,
              const std::string& path) {
  if (reader.ok() && !absl::StartsWith(path, "/")) {
    reader.Fail(key, path.empty() ? "is missing" : "is not an absolute path");
  }
}

void CheckEnv(const Reader& reader, const std::vector<std::string>& env) {
  for (const std::string& entry : env) {
    const size_t equals = entry.find('=');
    if (equals == std::string::npos || equals == 0) {
      return reader.Fail("env", absl::StrCat("\"", entry.substr(0, 64),
                                             "\" is not NAME=VALUE"));
    }
  }
}

void ReadHook(const Reader& reader, std::vector<Hook>* out) {
  constexpr absl::string_view kNames[] = {"prestart",        "createRuntime",
                                          "createContainer", "startContainer",
                                          "poststart",       "poststop"};
  reader.OnlyKeys({"hookName", "path", "args", "env", "timeout"});
  Hook hook;
  reader.String("hookName", &hook.name);
  reader.String("path", &hook.path);
  reader.Strings("args", &hook.args);
  reader.Strings("env", &hook.env);
  reader.Integer("timeout", &hook.timeout, 1, 86400);
  Absolute(reader, "path", hook.path);
  CheckEnv(reader, hook.env);
  bool known = false;
  for (const absl::string_view name : kNames) known |= hook.name == name;
  if (!known) {
    return reader.Fail("hookName",
                       absl::StrCat("\"", hook.name, "\" is not a hook"));
  }
  out->push_back(std::move(hook));
}

void Parser::ReadVersion(const Reader& root) {
  std::string text;
  root.String("cdiVersion", &text);
  if (!root.ok()) return;
  if (text.empty()) return root.Fail("cdiVersion", "is missing");
  for (const int version : kVersions) {
    if (absl::StrCat("v", text) == absl::StrCat("v", VersionText(version))) {
      version_ = version;
    }
  }
  if (version_ == 0) {
    root.Fail("cdiVersion",
              absl::StrCat("\"", text, "\" is not one of 0.1.0 to 1.1.0"));
  }
}

void Parser::ReadNode(const Reader& reader, std::vector<DeviceNode>* out) {
  reader.OnlyKeys({"path", "hostPath", "type", "major", "minor", "fileMode",
                   "permissions", "uid", "gid"});
  Since(reader, "hostPath", 5);
  DeviceNode node;
  std::string type;
  reader.String("path", &node.path);
  Absolute(reader, "path", node.path);
  node.host_path = node.path;
  reader.String("hostPath", &node.host_path);
  Absolute(reader, "hostPath", node.host_path);
  reader.String("type", &type);
  if (type.size() > 1 || !absl::StrContains("cbup", type)) {
    return reader.Fail("type",
                       absl::StrCat("\"", type, "\" is not c, b, u, p"));
  }
  if (!type.empty()) node.type = type[0];
  reader.Integer("major", &node.major, 0, UINT32_MAX);
  reader.Integer("minor", &node.minor, 0, UINT32_MAX);
  reader.Integer("fileMode", &node.file_mode, 0, UINT32_MAX);
  reader.Integer("uid", &node.uid, 0, INT32_MAX);
  reader.Integer("gid", &node.gid, 0, INT32_MAX);
  if (reader.Has("permissions")) {
    reader.String("permissions", &node.permissions);
    if (node.permissions.empty()) node.permissions = "rwm";
    if (node.permissions == "none") node.permissions.clear();
    if (node.permissions.find_first_not_of("rwm") != std::string::npos) {
      return reader.Fail("permissions", "are not of r, w and m");
    }
  }
  out->push_back(std::move(node));
}

void Parser::ReadMount(const Reader& reader, std::vector<Mount>* out) {
  reader.OnlyKeys({"hostPath", "containerPath", "options", "type"});
  Since(reader, "type", 4);
  Mount mount;
  reader.String("hostPath", &mount.host_path);
  reader.String("containerPath", &mount.container_path);
  reader.Strings("options", &mount.options);
  reader.String("type", &mount.type);
  if (reader.ok() && mount.host_path.empty()) {
    return reader.Fail("hostPath", "is missing");
  }
  Absolute(reader, "containerPath", mount.container_path);
  out->push_back(std::move(mount));
}

void Parser::ReadEdits(const Reader& reader, Edits* edits) {
  reader.OnlyKeys({"env", "deviceNodes", "netDevices", "mounts", "hooks",
                   "additionalGids", "intelRdt"});
  Since(reader, "additionalGids", 7);
  Since(reader, "intelRdt", 7);
  Since(reader, "netDevices", 101);
  reader.Strings("env", &edits->env);
  CheckEnv(reader, edits->env);
  reader.Each("deviceNodes",
              [&](const Reader& r) { ReadNode(r, &edits->nodes); });
  reader.Each("mounts", [&](const Reader& r) { ReadMount(r, &edits->mounts); });
  reader.Each("hooks", [&](const Reader& r) { ReadHook(r, &edits->hooks); });
  reader.Integers("additionalGids", 0, INT32_MAX, [&](int64_t gid) {
    // The specification ignores group 0, which nobody has to be given.
    if (gid != 0) edits->gids.push_back(static_cast<uint32_t>(gid));
  });
  for (const char* field : {"intelRdt", "netDevices"}) {
    if (reader.Has(field)) edits->unsupported = field;
  }
}

void Parser::ReadDevice(const Reader& reader, Spec* spec) {
  reader.OnlyKeys({"name", "annotations", "containerEdits"});
  Since(reader, "annotations", 6);
  std::string name;
  reader.String("name", &name);
  if (absl::Status valid = CheckDevice(name); !valid.ok()) {
    return reader.Fail("name", valid.message());
  }
  if (name[0] >= '0' && name[0] <= '9') Demand(reader, "name", 5);
  Edits edits;
  ReadEdits(reader.Object("containerEdits"), &edits);
  if (!spec->devices.emplace(name, std::move(edits)).second) {
    reader.Fail("name", absl::StrCat("\"", name, "\" is given twice"));
  }
}

void Parser::Read(const Reader& root, Spec* spec) {
  root.OnlyKeys(
      {"cdiVersion", "kind", "annotations", "devices", "containerEdits"});
  ReadVersion(root);
  if (!root.ok()) return;
  Since(root, "annotations", 6);
  root.String("kind", &spec->kind);
  if (absl::Status valid = CheckKind(spec->kind); !valid.ok()) {
    return root.Fail("kind", valid.message());
  }
  if (absl::StrContains(spec->kind.substr(spec->kind.find('/')), '.')) {
    Demand(root, "kind", 6);
  }
  ReadEdits(root.Object("containerEdits"), &spec->edits);
  root.Each("devices", [&](const Reader& r) { ReadDevice(r, spec); });
  if (root.ok() && spec->devices.empty()) root.Fail("devices", "are missing");
}

template <typename T>
void AppendTo(std::vector<T>& to, const std::vector<T>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

void Edits::Append(const Edits& other) {
  AppendTo(env, other.env);
  AppendTo(nodes, other.nodes);
  AppendTo(mounts, other.mounts);
  AppendTo(hooks, other.hooks);
  AppendTo(gids, other.gids);
  if (unsupported.empty()) unsupported = other.unsupported;
}

absl::StatusOr<Spec> ParseSpec(absl::string_view text,
                               const std::string& path) {
  ASSIGN_OR_RETURN(runtime::Json document, ParseDocument(text, path));
  if (!document.is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expected an object"));
  }
  absl::Status error;
  Spec spec;
  Parser().Read(Reader(document, "", &error), &spec);
  RETURN_IF_ERROR(runtime::Annotate(error, path));
  return spec;
}

}  // namespace cri::cdi
