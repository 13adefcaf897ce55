// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/chain.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "cri/network/cni/spec/error.h"
#include "cri/network/cni/spec/fields.h"
#include "runtime/base/status.h"

namespace cri::network::cni {

bool HasCheck(const NetworkConf& conf) {
  return !conf.disable_check && AtLeast(conf.version, "0.4.0");
}

Chain::Chain(const NetworkConf& conf, Plugins& plugins, absl::Time deadline)
    : conf_(conf), plugins_(plugins), deadline_(deadline) {}

std::string Chain::Timings() const { return absl::StrJoin(timings_, ", "); }

Json Chain::Request(const PluginConf& plugin) const {
  Json request = plugin.json;
  request.erase("capabilities");
  // Keys that only the runtime may set.
  request.erase("prevResult");
  request.erase("runtimeConfig");
  for (auto it = request.begin(); it != request.end();) {
    it = absl::StartsWith(it.key(), "cni.dev/") ? request.erase(it)
                                                : std::next(it);
  }
  request["name"] = conf_.name;
  request["cniVersion"] = conf_.version;
  return request;
}

Json Chain::Request(const PluginConf& plugin, const Attachment& attachment,
                    const Json& previous) const {
  Json request = Request(plugin);
  for (const std::string& capability : plugin.capabilities) {
    const Json& value = runtime::At(attachment.capabilities, capability);
    if (!value.is_null()) request["runtimeConfig"][capability] = value;
  }
  if (!previous.is_null()) request["prevResult"] = previous;
  return request;
}

absl::StatusOr<Json> Chain::Run(Command command, const PluginConf& plugin,
                                Json request, const Attachment& attachment) {
  Call call;
  call.command = command;
  call.plugin = plugin.type;
  call.container_id = attachment.container_id;
  call.netns = attachment.netns;
  call.ifname = attachment.ifname;
  call.args = attachment.ArgsText();
  call.request = std::move(request);
  call.deadline = deadline_;
  call.stopped = plugins_.stopped();
  const absl::Time begin = absl::Now();
  absl::StatusOr<Json> answer = plugins_.Run(call);
  timings_.push_back(
      absl::StrFormat("%s %.1f ms", plugin.type,
                      absl::ToDoubleMilliseconds(absl::Now() - begin)));
  if (answer.ok()) return answer;
  return runtime::Annotate(
      answer.status(), absl::StrCat("network ", conf_.name, ": plugin ",
                                    plugin.type, ": ", CommandName(command)));
}

absl::StatusOr<Json> Chain::Previous(const Attachment& attachment) const {
  if (attachment.result.is_null()) return Json();
  ASSIGN_OR_RETURN(const Result result,
                   ParseResult(attachment.result, conf_.version));
  return PrintResult(result, conf_.version);
}

absl::StatusOr<Result> Chain::Add(const Attachment& attachment) {
  Result result;
  Json previous;
  for (const PluginConf& plugin : conf_.plugins) {
    ASSIGN_OR_RETURN(const Json answer,
                     Run(Command::kAdd, plugin,
                         Request(plugin, attachment, previous), attachment));
    absl::StatusOr<Result> parsed = ParseResult(answer, conf_.version);
    if (!parsed.ok()) {
      return runtime::Annotate(parsed.status(),
                               absl::StrCat("network ", conf_.name, ": plugin ",
                                            plugin.type, ": ADD: its result"));
    }
    result = *std::move(parsed);
    previous = PrintResult(result, conf_.version);
  }
  return result;
}

absl::Status Chain::Del(const Attachment& attachment) {
  Json previous;
  if (AtLeast(conf_.version, "0.4.0")) {
    // One that cannot be read any more must not keep the rest from going.
    previous = Previous(attachment).value_or(Json());
  }
  for (auto plugin = conf_.plugins.rbegin(); plugin != conf_.plugins.rend();
       ++plugin) {
    const absl::Status done =
        Run(Command::kDel, *plugin, Request(*plugin, attachment, previous),
            attachment)
            .status();
    if (!done.ok() && CodeOf(done) != kUnknownContainer) return done;
  }
  return absl::OkStatus();
}

absl::Status Chain::Check(const Attachment& attachment) {
  if (!HasCheck(conf_)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Json previous, Previous(attachment));
  for (const PluginConf& plugin : conf_.plugins) {
    RETURN_IF_ERROR(Run(Command::kCheck, plugin,
                        Request(plugin, attachment, previous), attachment)
                        .status());
  }
  return absl::OkStatus();
}

absl::Status Chain::Status() {
  if (!AtLeast(conf_.version, "1.1.0")) return absl::OkStatus();
  for (const PluginConf& plugin : conf_.plugins) {
    RETURN_IF_ERROR(
        Run(Command::kStatus, plugin, Request(plugin), {}).status());
  }
  return absl::OkStatus();
}

absl::Status Chain::Gc(const std::vector<Attachment>& valid) {
  if (conf_.disable_gc || !AtLeast(conf_.version, "1.1.0")) {
    return absl::OkStatus();
  }
  Json list = Json::array();
  for (const Attachment& attachment : valid) {
    if (attachment.network != conf_.name) continue;
    list.push_back(Json{{"containerID", attachment.container_id},
                        {"ifname", attachment.ifname}});
  }
  absl::Status first;
  for (const PluginConf& plugin : conf_.plugins) {
    Json request = Request(plugin);
    request["cni.dev/valid-attachments"] = list;
    request["cni.dev/attachments"] = list;  // as libcni wrote it first
    first.Update(Run(Command::kGc, plugin, std::move(request), {}).status());
  }
  return first;
}

absl::Status Chain::Version() {
  for (const PluginConf& plugin : conf_.plugins) {
    RETURN_IF_ERROR(CheckVersion(plugin.type));
    const std::string ipam = runtime::StringAt(plugin.json, {"ipam", "type"});
    if (!ipam.empty()) RETURN_IF_ERROR(CheckVersion(ipam));
  }
  return absl::OkStatus();
}

absl::Status Chain::CheckVersion(const std::string& type) {
  PluginConf plugin;
  plugin.type = type;
  const absl::StatusOr<Json> answer =
      Run(Command::kVersion, plugin, Json{{"cniVersion", conf_.version}}, {});
  if (!answer.ok()) {
    return absl::FailedPreconditionError(answer.status().message());
  }
  std::vector<std::string> versions;
  RETURN_IF_ERROR(Read(*answer, "supportedVersions", versions));
  if (std::find(versions.begin(), versions.end(), conf_.version) !=
      versions.end()) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "network ", conf_.name, ": plugin ", type, " does not speak CNI version ",
      conf_.version, ", only ", absl::StrJoin(versions, ", ")));
}

}  // namespace cri::network::cni
