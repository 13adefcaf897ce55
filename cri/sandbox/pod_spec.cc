// SPDX-License-Identifier: Apache-2.0
#include "cri/sandbox/pod_spec.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "cri/sandbox/sandboxes.h"
#include "cri/sandbox/user_namespace.h"

namespace cri::sandbox {
namespace {

using runtime::Json;
namespace v1 = ::runtime::v1;

Json NamespaceOf(const char* type, int pid, const char* file) {
  return Json{{"type", type},
              {"path", absl::StrCat("/proc/", pid, "/ns/", file)}};
}

Json NamespacesOf(const Sandbox& sandbox) {
  Json result = Json::array();
  if (!sandbox.IsReady()) return result;
  const int holder = sandbox.holder_pid;
  if (holder > 0) {
    if (!sandbox.HostNetwork()) {
      result.push_back(NamespaceOf("network", holder, "net"));
      result.push_back(NamespaceOf("uts", holder, "uts"));
    }
    if (sandbox.Namespaces().ipc() != v1::NODE) {
      result.push_back(NamespaceOf("ipc", holder, "ipc"));
    }
  }
  // The holder itself is in the host's.
  const int pause = sandbox.pause_pid;
  if (pause > 0) {
    result.push_back(NamespaceOf("pid", pause, "pid"));
    if (!IdMapsOf(sandbox.Namespaces()).empty()) {
      result.push_back(NamespaceOf("user", pause, "user"));
    }
  }
  return result;
}

}  // namespace

Json PodSpec(const Sandbox& sandbox) {
  Json spec{{"ociVersion", "1.2.0"},
            {"annotations", Json::object()},
            {"linux", Json{{"namespaces", NamespacesOf(sandbox)},
                           {"cgroupsPath", sandbox.ContainersCgroup()}}}};
  for (const auto& [name, value] : sandbox.config.annotations()) {
    spec["annotations"][name] = value;
  }
  if (!sandbox.HostNetwork()) {
    spec["hostname"] = HostnameFor(sandbox.config, sandbox.id);
  }
  return spec;
}

}  // namespace cri::sandbox
