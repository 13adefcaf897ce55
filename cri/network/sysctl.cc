// SPDX-License-Identifier: Apache-2.0
#include "cri/network/sysctl.h"

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace cri::network {
namespace {

// /proc/sys/net shows the namespace of whoever opens it.
absl::Status Set(const std::string& name, absl::string_view value) {
  const std::string path = absl::StrCat("/proc/sys/net/", name);
  ASSIGN_OR_RETURN(const std::string old, runtime::ReadFile(path, 64));
  if (absl::StripAsciiWhitespace(old) == value) return absl::OkStatus();
  return runtime::WriteFile(path, value);
}

}  // namespace

absl::Status EnableForwarding(const std::string& bridge) {
  const std::string conf = absl::StrCat("ipv4/conf/", bridge);
  RETURN_IF_ERROR(Set("ipv4/ip_forward", "1"));
  RETURN_IF_ERROR(Set(absl::StrCat(conf, "/rp_filter"), "2"));
  RETURN_IF_ERROR(Set(absl::StrCat(conf, "/route_localnet"), "1"));
  // A pod that reaches another one of this bridge through a service address
  // gets the answer by the bridge alone; without this nobody translates it
  // back. Missing without the module: nothing on this node needs it yet.
  const absl::Status bridged = Set("bridge/bridge-nf-call-iptables", "1");
  return absl::IsNotFound(bridged) ? absl::OkStatus() : bridged;
}

}  // namespace cri::network
