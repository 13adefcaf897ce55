// SPDX-License-Identifier: Apache-2.0
#include "agent/source/manifest.h"

#include <openssl/sha.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "agent/config/yaml.h"
#include "agent/source/schema.h"
#include "runtime/base/status.h"

namespace agent::source {
namespace {

std::string Digest(const std::string& text) {
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         hash);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(hash), 16));
}

// What the API server would have filled in and somebody reads from the object.
void FillDefaults(Json& pod) {
  Json& spec = pod["spec"];
  auto set = [](Json& object, const char* key, Json value) {
    if (!object.contains(key)) object[key] = std::move(value);
  };
  set(spec, "restartPolicy", "Always");
  set(spec, "terminationGracePeriodSeconds", 30);
  set(spec, "dnsPolicy", "ClusterFirst");
  set(spec, "enableServiceLinks", true);
  set(spec, "securityContext", Json::object());
  set(spec, "schedulerName", "default-scheduler");
  for (const char* list : {"initContainers", "containers"}) {
    if (!spec.contains(list)) continue;
    for (Json& container : spec[list]) {
      set(container, "terminationMessagePath", "/dev/termination-log");
      set(container, "terminationMessagePolicy", "File");
      set(container, "resources", Json::object());
    }
  }
}

absl::StatusOr<Json> MakePod(Json pod, const std::string& file,
                             const std::string& node, const std::string& seen) {
  RETURN_IF_ERROR(CheckPod(pod));
  std::string hash =
      Digest(absl::StrCat(node, "\n", file, "\n", runtime::DumpJson(pod)));
  Json& meta = pod["metadata"];
  meta["name"] = absl::StrCat(runtime::StringAt(meta, "name"), "-", node);
  if (runtime::StringAt(meta, "namespace").empty()) {
    meta["namespace"] = "default";
  }
  // A UID of one's own would not change with the content.
  meta["uid"] = hash;
  meta.erase("resourceVersion");
  meta.erase("generation");
  meta.erase("creationTimestamp");
  meta.erase("deletionTimestamp");
  meta.erase("deletionGracePeriodSeconds");
  pod.erase("status");
  if (!runtime::Has(meta, "annotations") || !meta["annotations"].is_object()) {
    meta["annotations"] = Json::object();
  }
  meta["annotations"]["kubernetes.io/config.source"] = "file";
  meta["annotations"]["kubernetes.io/config.hash"] = hash;
  meta["annotations"]["kubernetes.io/config.seen"] = seen;
  pod["spec"]["nodeName"] = node;
  FillDefaults(pod);
  return pod;
}

}  // namespace

Manifest ParseManifest(absl::string_view text, const std::string& file,
                       const std::string& node_name, const std::string& seen) {
  Manifest out;
  auto documents = config::ParseYamlDocuments(text, file);
  if (!documents.ok()) {
    out.errors.push_back(documents.status());
    return out;
  }
  std::vector<Json> objects;
  for (Json& document : *documents) {
    std::string kind = runtime::StringAt(document, "kind");
    if (kind == "PodList" || kind == "List") {
      for (const Json& item : runtime::ArrayAt(document, "items")) {
        objects.push_back(item);
      }
    } else if (!document.is_null()) {
      objects.push_back(std::move(document));
    }
  }
  for (size_t i = 0; i < objects.size(); ++i) {
    auto pod = MakePod(std::move(objects[i]), file, node_name, seen);
    if (pod.ok()) {
      out.pods.push_back(*std::move(pod));
    } else {
      std::string where =
          objects.size() > 1 ? absl::StrCat(file, ": document ", i + 1) : file;
      out.errors.push_back(runtime::Annotate(pod.status(), where));
    }
  }
  return out;
}

}  // namespace agent::source
