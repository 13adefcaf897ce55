// SPDX-License-Identifier: Apache-2.0
#include "runtime/spec/spec.h"

#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/spec/process.h"
#include "runtime/spec/sysctl.h"

namespace runtime::spec {
namespace {

constexpr std::array<std::pair<const char*, NamespaceKind>, 8> kNamespaces = {{
    {"pid", NamespaceKind::kPid},
    {"network", NamespaceKind::kNetwork},
    {"mount", NamespaceKind::kMount},
    {"ipc", NamespaceKind::kIpc},
    {"uts", NamespaceKind::kUts},
    {"user", NamespaceKind::kUser},
    {"cgroup", NamespaceKind::kCgroup},
    {"time", NamespaceKind::kTime},
}};

void ReadNamespace(const Reader& reader, std::vector<Namespace>* out) {
  std::string type;
  Namespace entry;
  reader.String("type", &type);
  reader.String("path", &entry.path);
  bool known = false;
  for (const auto& [name, kind] : kNamespaces) {
    if (type == name) {
      entry.kind = kind;
      known = true;
    }
  }
  if (!known) {
    return reader.Fail("type",
                       absl::StrCat("unknown namespace \"", type, "\""));
  }
  for (const Namespace& other : *out) {
    if (other.kind == entry.kind) {
      return reader.Fail("type", absl::StrCat(type, " is given twice"));
    }
  }
  if (!entry.path.empty() && entry.path[0] != '/') {
    return reader.Fail("path", "expected an absolute path");
  }
  out->push_back(std::move(entry));
}

void ReadIdMapping(const Reader& reader, std::vector<IdMapping>* out) {
  IdMapping mapping;
  reader.Integer("containerID", &mapping.container_id, 0, UINT32_MAX);
  reader.Integer("hostID", &mapping.host_id, 0, UINT32_MAX);
  reader.Integer("size", &mapping.size, 1, UINT32_MAX);
  // The kernel takes 340 lines; a page of text is the real bound.
  if (out->size() >= 340) return reader.Fail("", "more than 340 mappings");
  out->push_back(mapping);
}

void ReadMount(const Reader& reader, std::vector<Mount>* out) {
  Mount mount;
  reader.String("destination", &mount.destination);
  reader.String("type", &mount.type);
  reader.String("source", &mount.source);
  reader.Strings("options", &mount.options);
  if (reader.ok() && mount.destination.empty()) {
    return reader.Fail("destination", "is missing");
  }
  reader.Each("uidMappings",
              [&](const Reader& r) { ReadIdMapping(r, &mount.uid_mappings); });
  reader.Each("gidMappings",
              [&](const Reader& r) { ReadIdMapping(r, &mount.gid_mappings); });
  if (mount.uid_mappings.empty() != mount.gid_mappings.empty()) {
    return reader.Fail("uidMappings", "and gidMappings go together");
  }
  out->push_back(std::move(mount));
}

void ReadDevice(const Reader& reader, std::vector<Device>* out) {
  Device device;
  std::string type;
  reader.String("path", &device.path);
  reader.String("type", &type);
  reader.Integer("major", &device.major, 0, UINT32_MAX);
  reader.Integer("minor", &device.minor, 0, UINT32_MAX);
  reader.Integer("fileMode", &device.mode, 0, 0177777);
  device.mode &= 07777;
  reader.Integer("uid", &device.uid, 0, UINT32_MAX);
  reader.Integer("gid", &device.gid, 0, UINT32_MAX);
  if (type != "c" && type != "b" && type != "u" && type != "p") {
    return reader.Fail("type", "expected c, b, u or p");
  }
  device.type = type[0];
  if (device.path.empty() || device.path[0] != '/') {
    return reader.Fail("path", "expected an absolute path");
  }
  out->push_back(std::move(device));
}

void ReadSysctls(const Reader& reader, Linux* out) {
  std::map<std::string, std::string> entries;
  reader.StringMap("sysctl", &entries);
  for (auto& [name, value] : entries) {
    if (!IsSysctlName(name)) {
      return reader.Fail("sysctl",
                         absl::StrCat("\"", name, "\" is not a sysctl name"));
    }
    if (!IsSysctlValue(value)) {
      return reader.Fail(
          "sysctl", absl::StrCat("the value of ", name, " is not a plain one"));
    }
    out->sysctl.emplace_back(name, std::move(value));
  }
}

void ReadLinux(const Reader& reader, Linux* out) {
  reader.Each("namespaces",
              [&](const Reader& r) { ReadNamespace(r, &out->namespaces); });
  reader.Each("uidMappings",
              [&](const Reader& r) { ReadIdMapping(r, &out->uid_mappings); });
  reader.Each("gidMappings",
              [&](const Reader& r) { ReadIdMapping(r, &out->gid_mappings); });
  reader.Each("devices",
              [&](const Reader& r) { ReadDevice(r, &out->devices); });
  reader.String("cgroupsPath", &out->cgroups_path);
  ReadResources(reader.Object("resources"), &out->resources);
  ReadSysctls(reader, out);
  if (reader.Has("seccomp")) {
    out->seccomp.emplace();
    ReadSeccomp(reader.Object("seccomp"), &*out->seccomp);
  }
  reader.String("rootfsPropagation", &out->rootfs_propagation);
  reader.String("mountLabel", &out->mount_label);
  reader.Strings("maskedPaths", &out->masked_paths);
  reader.Strings("readonlyPaths", &out->readonly_paths);
}

void ReadHooks(const Reader& reader, absl::string_view key,
               std::vector<Hook>* out) {
  reader.Each(key, [&](const Reader& r) {
    Hook hook;
    r.String("path", &hook.path);
    r.Strings("args", &hook.args);
    r.Strings("env", &hook.env);
    r.Integer("timeout", &hook.timeout_seconds, 0, 86400);
    if (r.ok() && (hook.path.empty() || hook.path[0] != '/')) {
      return r.Fail("path", "expected an absolute path");
    }
    out->push_back(std::move(hook));
  });
}

void ReadConfig(const Reader& reader, Config* config) {
  reader.String("ociVersion", &config->oci_version);
  if (!reader.Has("process")) return reader.Fail("process", "is missing");
  ReadProcess(reader.Object("process"), &config->process);
  Reader root = reader.Object("root");
  root.String("path", &config->root_path);
  root.Bool("readonly", &config->root_readonly);
  reader.String("hostname", &config->hostname);
  reader.String("domainname", &config->domainname);
  reader.Each("mounts",
              [&](const Reader& r) { ReadMount(r, &config->mounts); });
  reader.StringMap("annotations", &config->annotations);
  Reader hooks = reader.Object("hooks");
  ReadHooks(hooks, "prestart", &config->hooks.prestart);
  ReadHooks(hooks, "createRuntime", &config->hooks.create_runtime);
  ReadHooks(hooks, "createContainer", &config->hooks.create_container);
  ReadHooks(hooks, "startContainer", &config->hooks.start_container);
  ReadHooks(hooks, "poststart", &config->hooks.poststart);
  ReadHooks(hooks, "poststop", &config->hooks.poststop);
  ReadLinux(reader.Object("linux"), &config->linux_section);
}

}  // namespace

const Namespace* Config::FindNamespace(NamespaceKind kind) const {
  for (const Namespace& entry : linux_section.namespaces) {
    if (entry.kind == kind) return &entry;
  }
  return nullptr;
}

absl::StatusOr<Config> Parse(absl::string_view json) {
  ASSIGN_OR_RETURN(Json document, ParseJson(json, "config.json"));
  if (!document.is_object()) {
    return absl::InvalidArgumentError("config.json: expected an object");
  }
  absl::Status error;
  Config config;
  ReadConfig(Reader(document, "", &error), &config);
  RETURN_IF_ERROR(Annotate(error, "config.json"));
  return config;
}

bool IsValidId(absl::string_view id) {
  if (id.empty() || id.size() > 1024 || id[0] == '.') return false;
  for (char c : id) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '_' &&
        c != '+' && c != '-' && c != '.') {
      return false;
    }
  }
  return true;
}

}  // namespace runtime::spec
