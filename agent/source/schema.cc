// SPDX-License-Identifier: Apache-2.0
#include "agent/source/schema.h"

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/status.h"

namespace agent::source {
namespace {

using runtime::Json;

absl::Status Bad(const std::string& field, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", why));
}

// A field's type: s string, i integer, b bool, o object, a array, q quantity
// or port (string or integer), m map of strings, * anything.
struct Field {
  char type;
  const char* names;  // space separated
};

constexpr Field kPodFields[] = {{'s', "apiVersion kind"},
                                {'o', "metadata spec status"}};
constexpr Field kMetaFields[] = {
    {'s', "name namespace uid generateName resourceVersion selfLink"},
    {'m', "labels annotations"},
    {'a', "ownerReferences finalizers managedFields"},
    {'i', "generation deletionGracePeriodSeconds"},
    {'*', "creationTimestamp deletionTimestamp"}};
constexpr Field kSpecFields[] = {
    {'a',
     "containers initContainers ephemeralContainers volumes tolerations "
     "hostAliases imagePullSecrets readinessGates "
     "topologySpreadConstraints schedulingGates resourceClaims"},
    {'s',
     "restartPolicy dnsPolicy serviceAccountName serviceAccount nodeName "
     "hostname subdomain schedulerName priorityClassName "
     "runtimeClassName preemptionPolicy hostnameOverride"},
    {'b',
     "hostNetwork hostPID hostIPC shareProcessNamespace hostUsers "
     "automountServiceAccountToken enableServiceLinks "
     "setHostnameAsFQDN"},
    {'i', "terminationGracePeriodSeconds activeDeadlineSeconds priority"},
    {'o',
     "securityContext affinity dnsConfig os resources workloadRef "
     "schedulingGroup"},
    {'m', "nodeSelector overhead"}};
constexpr Field kContainerFields[] = {
    {'s',
     "name image workingDir imagePullPolicy restartPolicy "
     "terminationMessagePath terminationMessagePolicy "
     "targetContainerName"},
    {'a',
     "command args env envFrom ports volumeMounts volumeDevices "
     "resizePolicy restartPolicyRules"},
    {'b', "stdin stdinOnce tty"},
    {'o',
     "resources securityContext lifecycle livenessProbe readinessProbe "
     "startupProbe"}};

bool TypeFits(char type, const Json& value) {
  switch (type) {
    case 's':
      return value.is_string();
    case 'i':
      return value.is_number_integer();
    case 'b':
      return value.is_boolean();
    case 'o':
    case 'm':
      return value.is_object();
    case 'a':
      return value.is_array();
    case 'q':
      return value.is_string() || value.is_number();
    default:
      return true;
  }
}

const char* TypeName(char type) {
  switch (type) {
    case 's':
      return "expected a string";
    case 'i':
      return "expected an integer";
    case 'b':
      return "expected true or false";
    case 'a':
      return "expected a list";
    default:
      return "expected an object";
  }
}

template <size_t N>
absl::Status CheckFields(const Json& object, const std::string& path,
                         const Field (&fields)[N]) {
  if (!object.is_object()) return Bad(path, "expected an object");
  for (const auto& [name, value] : object.items()) {
    std::string where = path.empty() ? name : absl::StrCat(path, ".", name);
    char type = 0;
    for (const Field& field : fields) {
      for (absl::string_view known : absl::StrSplit(field.names, ' ')) {
        if (known == name) type = field.type;
      }
    }
    if (type == 0) return Bad(where, "unknown field");
    if (!value.is_null() && !TypeFits(type, value)) {
      return Bad(where, TypeName(type));
    }
    if (type != 'm') continue;
    for (const auto& [key, item] : runtime::ObjectAt(object, name).items()) {
      if (!item.is_string()) {
        return Bad(absl::StrCat(where, "[", key, "]"), "expected a string");
      }
    }
  }
  return absl::OkStatus();
}

// DNS-1123: what becomes a file name, a host name and an API object's name.
absl::Status CheckName(const std::string& name, const std::string& field,
                       bool dots, size_t max) {
  if (name.empty()) return Bad(field, "is required");
  if (name.size() > max) return Bad(field, absl::StrCat("longer than ", max));
  for (size_t i = 0; i < name.size(); ++i) {
    char c = name[i];
    bool edge = i == 0 || i + 1 == name.size();
    bool ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              (!edge && (c == '-' || (dots && c == '.')));
    if (!ok) {
      return Bad(field, absl::StrCat("\"", name,
                                     "\" must be lower case letters, digits, "
                                     "'-'",
                                     dots ? " or '.'" : ""));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckMounts(const Json& container, const std::string& path,
                         const std::set<std::string>& volumes) {
  size_t i = 0;
  for (const Json& mount : runtime::ArrayAt(container, "volumeMounts")) {
    std::string where = absl::StrCat(path, ".volumeMounts[", i++, "]");
    if (!mount.is_object()) return Bad(where, "expected an object");
    if (!volumes.contains(runtime::StringAt(mount, "name"))) {
      return Bad(where + ".name",
                 absl::StrCat("no volume \"", runtime::StringAt(mount, "name"),
                              "\" in spec.volumes"));
    }
    if (runtime::StringAt(mount, "mountPath").empty()) {
      return Bad(where + ".mountPath", "is required");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckContainers(const Json& spec, const char* list,
                             const std::set<std::string>& volumes,
                             std::set<std::string>& names) {
  size_t i = 0;
  for (const Json& container : runtime::ArrayAt(spec, list)) {
    std::string path = absl::StrCat("spec.", list, "[", i++, "]");
    RETURN_IF_ERROR(CheckFields(container, path, kContainerFields));
    std::string name = runtime::StringAt(container, "name");
    RETURN_IF_ERROR(CheckName(name, path + ".name", false, 63));
    if (!names.insert(name).second) {
      return Bad(path + ".name", absl::StrCat("\"", name, "\" is used twice"));
    }
    if (runtime::StringAt(container, "image").empty()) {
      return Bad(path + ".image", "is required");
    }
    for (const char* words : {"command", "args"}) {
      size_t n = 0;
      for (const Json& word : runtime::ArrayAt(container, words)) {
        if (!word.is_string()) {
          return Bad(absl::StrCat(path, ".", words, "[", n, "]"),
                     "expected a string");
        }
        ++n;
      }
    }
    RETURN_IF_ERROR(CheckMounts(container, path, volumes));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckPod(const Json& pod) {
  if (!pod.is_object()) {
    return absl::InvalidArgumentError("expected an object with kind: Pod");
  }
  if (runtime::StringAt(pod, "kind") != "Pod") {
    return Bad("kind", absl::StrCat("expected \"Pod\", found \"",
                                    runtime::StringAt(pod, "kind"), "\""));
  }
  if (runtime::StringAt(pod, "apiVersion") != "v1") {
    return Bad("apiVersion", "expected \"v1\"");
  }
  RETURN_IF_ERROR(CheckFields(pod, "", kPodFields));
  const Json& meta = runtime::ObjectAt(pod, "metadata");
  RETURN_IF_ERROR(CheckFields(meta, "metadata", kMetaFields));
  RETURN_IF_ERROR(
      CheckName(runtime::StringAt(meta, "name"), "metadata.name", true, 253));
  std::string ns = runtime::StringAt(meta, "namespace", "default");
  RETURN_IF_ERROR(CheckName(ns, "metadata.namespace", false, 63));
  const Json& spec = runtime::ObjectAt(pod, "spec");
  RETURN_IF_ERROR(CheckFields(spec, "spec", kSpecFields));
  if (runtime::ArrayAt(spec, "containers").empty()) {
    return Bad("spec.containers", "at least one is required");
  }
  std::set<std::string> volumes, names;
  size_t i = 0;
  for (const Json& volume : runtime::ArrayAt(spec, "volumes")) {
    std::string where = absl::StrCat("spec.volumes[", i++, "].name");
    std::string name = runtime::StringAt(volume, "name");
    RETURN_IF_ERROR(CheckName(name, where, false, 63));
    if (!volumes.insert(name).second) {
      return Bad(where, absl::StrCat("\"", name, "\" is used twice"));
    }
  }
  RETURN_IF_ERROR(CheckContainers(spec, "initContainers", volumes, names));
  return CheckContainers(spec, "containers", volumes, names);
}

}  // namespace agent::source
