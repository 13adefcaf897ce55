// SPDX-License-Identifier: Apache-2.0
#include "agent/source/schema.h"

#include <algorithm>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/source/shape.h"
#include "runtime/base/status.h"

namespace agent::source {
namespace {

using runtime::Json;

absl::Status Bad(const std::string& field, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", why));
}

const Field* Find(const Shape& shape, const std::string& name) {
  for (const Field& field : shape.fields) {
    for (absl::string_view known : absl::StrSplit(field.names, ' ')) {
      if (known == name) return &field;
    }
  }
  return nullptr;
}

absl::Status CheckObject(const Json& object, const std::string& path,
                         const Shape& shape);

bool IsQuantity(const Json& value) {
  return value.is_string() || value.is_number();
}

// Every item of the list or map `value` with `check`.
template <typename Check>
absl::Status ForEach(const Json& value, const std::string& path, Check check) {
  size_t i = 0;
  for (const auto& [key, item] : value.items()) {
    const std::string where = value.is_array()
                                  ? absl::StrCat(path, "[", i++, "]")
                                  : absl::StrCat(path, "[", key, "]");
    RETURN_IF_ERROR(check(item, where));
  }
  return absl::OkStatus();
}

absl::Status Expect(bool fits, const std::string& path, const char* what) {
  return fits ? absl::OkStatus() : Bad(path, absl::StrCat("expected ", what));
}

absl::Status CheckItems(const Json& value, const std::string& path,
                        const Field& field) {
  switch (field.type) {
    case Type::kStrings:
    case Type::kStringMap:
      return ForEach(value, path, [](const Json& item, const std::string& at) {
        return Expect(item.is_string(), at, "a string");
      });
    case Type::kIntegers:
      return ForEach(value, path, [](const Json& item, const std::string& at) {
        return Expect(item.is_number_integer(), at, "an integer");
      });
    case Type::kQuantityMap:
      return ForEach(value, path, [](const Json& item, const std::string& at) {
        return Expect(IsQuantity(item), at, "a quantity");
      });
    default:
      return ForEach(value, path, [&](const Json& item, const std::string& at) {
        return CheckObject(item, at, *field.of);
      });
  }
}

absl::Status CheckValue(const Json& value, const std::string& path,
                        const Field& field) {
  switch (field.type) {
    case Type::kUnsupported:
      return Bad(path, "this node does not support it");
    case Type::kAny:
      return absl::OkStatus();
    case Type::kString:
      return Expect(value.is_string(), path, "a string");
    case Type::kInteger:
      return Expect(value.is_number_integer(), path, "an integer");
    case Type::kBool:
      return Expect(value.is_boolean(), path, "true or false");
    case Type::kQuantity:
      return Expect(IsQuantity(value), path, "a string or a number");
    case Type::kObject:
      return CheckObject(value, path, *field.of);
    case Type::kObjects:
    case Type::kStrings:
    case Type::kIntegers:
      if (!value.is_array()) return Bad(path, "expected a list");
      return CheckItems(value, path, field);
    case Type::kStringMap:
    case Type::kQuantityMap:
      if (!value.is_object()) return Bad(path, "expected an object");
      return CheckItems(value, path, field);
  }
  return absl::OkStatus();
}

absl::Status CheckObject(const Json& object, const std::string& path,
                         const Shape& shape) {
  if (!object.is_object()) return Bad(path, "expected an object");
  for (const auto& [name, value] : object.items()) {
    const std::string where =
        path.empty() ? name : absl::StrCat(path, ".", name);
    const Field* field = Find(shape, name);
    if (field == nullptr) return Bad(where, "unknown field");
    if (value.is_null()) continue;
    RETURN_IF_ERROR(CheckValue(value, where, *field));
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

absl::Status CheckVolumes(const Json& spec, std::set<std::string>& names) {
  size_t i = 0;
  for (const Json& volume : runtime::ArrayAt(spec, "volumes")) {
    const std::string path = absl::StrCat("spec.volumes[", i++, "]");
    const std::string name = runtime::StringAt(volume, "name");
    RETURN_IF_ERROR(CheckName(name, path + ".name", false, 63));
    if (!names.insert(name).second) {
      return Bad(path + ".name", absl::StrCat("\"", name, "\" is used twice"));
    }
    // The name and one source.
    if (std::count_if(volume.begin(), volume.end(),
                      [](const Json& value) { return !value.is_null(); }) > 2) {
      return Bad(path, "has more than one source");
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
    std::string name = runtime::StringAt(container, "name");
    RETURN_IF_ERROR(CheckName(name, path + ".name", false, 63));
    if (!names.insert(name).second) {
      return Bad(path + ".name", absl::StrCat("\"", name, "\" is used twice"));
    }
    if (runtime::StringAt(container, "image").empty()) {
      return Bad(path + ".image", "is required");
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
  RETURN_IF_ERROR(CheckObject(pod, "", PodShape()));
  const Json& meta = runtime::ObjectAt(pod, "metadata");
  RETURN_IF_ERROR(
      CheckName(runtime::StringAt(meta, "name"), "metadata.name", true, 253));
  std::string ns = runtime::StringAt(meta, "namespace", "default");
  RETURN_IF_ERROR(CheckName(ns, "metadata.namespace", false, 63));
  const Json& spec = runtime::ObjectAt(pod, "spec");
  if (runtime::ArrayAt(spec, "containers").empty()) {
    return Bad("spec.containers", "at least one is required");
  }
  std::set<std::string> volumes, names;
  RETURN_IF_ERROR(CheckVolumes(spec, volumes));
  RETURN_IF_ERROR(CheckContainers(spec, "initContainers", volumes, names));
  return CheckContainers(spec, "containers", volumes, names);
}

}  // namespace agent::source
