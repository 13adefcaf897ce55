// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/plugin/builtin.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cri/network/cni/plugin/iptables.h"
#include "cri/network/cni/plugin/plugins.h"
#include "cri/network/cni/spec/fields.h"
#include "cri/network/cni/spec/result.h"
#include "runtime/base/status.h"

namespace cri::network::cni {
namespace {

absl::Status Unknown(absl::string_view type) {
  return FieldError("type",
                    absl::StrCat("there is no plugin ", type, " in process"));
}

absl::Status UnderstandsAddresses(const PluginConf& plugin) {
  const bool wants = plugin.type == "ptp" || plugin.type == "bridge";
  const Json& ipam = runtime::At(plugin.json, "ipam");
  if (!wants) return absl::OkStatus();
  const std::string type = runtime::StringAt(ipam, "type");
  if (type != "host-local") return Within(Unknown(type), "ipam");
  return Within(HostLocal().understands(ipam), "ipam");
}

absl::Status UnderstandsPlugin(const PluginConf& plugin) {
  const PluginCode* code = FindPlugin(plugin.type);
  if (code == nullptr || plugin.type == "host-local") {
    return Unknown(plugin.type);
  }
  RETURN_IF_ERROR(code->understands(plugin.json));
  RETURN_IF_ERROR(UnderstandsAddresses(plugin));
  // Its rules have to stand in the tables that this node uses.
  const bool rules =
      plugin.type == "portmap" || runtime::BoolAt(plugin.json, "ipMasq");
  return rules ? CanUseIptables() : absl::OkStatus();
}

}  // namespace

absl::Status Builtin::Understands(const NetworkConf& conf) {
  for (const PluginConf& plugin : conf.plugins) {
    RETURN_IF_ERROR(Within(UnderstandsPlugin(plugin), plugin.type));
  }
  return absl::OkStatus();
}

absl::StatusOr<Json> Builtin::Run(const Call& call) {
  const PluginCode* code = FindPlugin(call.plugin);
  if (code == nullptr) return Unknown(call.plugin);
  switch (call.command) {
    case Command::kAdd: {
      ASSIGN_OR_RETURN(const Result result, code->add(call));
      return PrintResult(result, VersionOf(call));
    }
    case Command::kDel:
      RETURN_IF_ERROR(code->del(call));
      return Json::object();
    case Command::kCheck:
      RETURN_IF_ERROR(code->check(call));
      return Json::object();
    case Command::kGc:
      if (code->gc != nullptr) RETURN_IF_ERROR(code->gc(call));
      return Json::object();
    case Command::kStatus:
      if (code->status != nullptr) RETURN_IF_ERROR(code->status(call));
      return Json::object();
    case Command::kVersion:
      return Json{{"cniVersion", VersionOf(call)},
                  {"supportedVersions", SupportedVersions()}};
  }
  return absl::InternalError("no such command");
}

}  // namespace cri::network::cni
