// SPDX-License-Identifier: Apache-2.0
// Version, Status, RuntimeConfig, UpdateRuntimeConfig.
#include <google/protobuf/util/json_util.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cri/server/image_use.h"
#include "cri/server/operations.h"
#include "cri/server/rpc.h"
#include "runtime/base/json.h"
#include "runtime/base/status.h"
#include "runtime/cgroup/layout.h"

namespace cri::server {
namespace {

using runtime::Json;
namespace v1 = ::runtime::v1;

void AddCondition(const char* type, bool met, const std::string& reason,
                  const std::string& message, v1::RuntimeStatus& status) {
  v1::RuntimeCondition* condition = status.add_conditions();
  condition->set_type(type);
  condition->set_status(met);
  condition->set_reason(reason);
  condition->set_message(message);
}

void AddHandler(const Engine& engine, const std::string& name,
                v1::StatusResponse& response) {
  v1::RuntimeHandler* handler = response.add_runtime_handlers();
  handler->set_name(name);
  runtime::HandlerFeatures features = engine.handler->Features(name);
  handler->mutable_features()->set_recursive_read_only_mounts(
      features.recursive_read_only_mounts);
  handler->mutable_features()->set_user_namespaces(features.user_namespaces);
}

// For `coracle config`.
Json ConfigInfo(const Engine& engine) {
  const std::shared_ptr<const config::Config> config = engine.Config();
  const Engine::Reloads reloads = engine.GetReloads();
  return Json{{"values", config::ToJson(*config)},
              {"origins", config->origins},
              {"reloads", reloads.count},
              {"last_reload_ok", reloads.ok},
              {"last_reload", reloads.text}};
}

const char* CgroupMode() {
  const auto layout = runtime::cgroup::Detect();
  return layout.ok() ? layout->Mode() : "none";
}

}  // namespace

std::string ToJsonText(const google::protobuf::Message& message) {
  std::string text;
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  auto status =
      google::protobuf::util::MessageToJsonString(message, &text, options);
  return status.ok() ? text : "{}";
}

absl::Status CheckHandler(const Engine& engine, const std::string& name) {
  const std::shared_ptr<const config::Config> config = engine.Config();
  if (name.empty() || config->handlers.count(name) > 0) return absl::OkStatus();
  std::string known = "\"\"";
  for (const auto& [one, handler] : config->handlers) {
    absl::StrAppend(&known, ", \"", one, "\"");
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "runtime_handler \"", name, "\" is not configured; known: ", known,
      " (see coracle config explain handlers)"));
}

absl::StatusOr<v1::VersionResponse> Version(Context&,
                                            const v1::VersionRequest&) {
  v1::VersionResponse response;
  response.set_version(CORACLE_VERSION);
  response.set_runtime_name("coracle");
  response.set_runtime_version(CORACLE_VERSION);
  response.set_runtime_api_version("v1");
  return response;
}

absl::StatusOr<v1::StatusResponse> Status(Context& context,
                                          const v1::StatusRequest& request) {
  Engine& engine = context.engine;
  v1::StatusResponse response;
  absl::Status ready = engine.handler->Ready();
  AddCondition("RuntimeReady", ready.ok(),
               ready.ok() ? "" : "PodsCannotBeStarted",
               std::string(ready.message()), *response.mutable_status());
  network::Readiness network = engine.network->Ready();
  AddCondition("NetworkReady", network.ready, network.reason, network.message,
               *response.mutable_status());
  AddHandler(engine, "", response);
  const auto config = engine.Config();  // a reload may replace it
  for (const auto& [name, handler] : config->handlers) {
    AddHandler(engine, name, response);
  }
  response.mutable_features()->set_supplemental_groups_policy(true);
  if (request.verbose()) {
    Json host{{"cgroup", CgroupMode()},
              {"cgroup_driver", engine.Config()->cgroup_driver},
              {"sandboxes", engine.sandboxes->List().size()},
              {"containers", engine.containers->List().size()}};
    Json pulls = Json::array();
    for (const image::PullProgress& pull : engine.images->ActivePulls()) {
      pulls.push_back(Json{{"image", pull.reference},
                           {"requested", pull.requested},
                           {"layers", pull.layers_total},
                           {"layers_done", pull.layers_done},
                           {"layers_waiting", pull.layers_waiting},
                           {"bytes", pull.bytes_total},
                           {"bytes_done", pull.bytes_done}});
    }
    const cdi::Overview devices = engine.cdi.Look();
    auto& info = *response.mutable_info();
    info["cdi"] = runtime::DumpJson(Json{{"directories", devices.directories},
                                         {"devices", devices.devices},
                                         {"problems", devices.problems}});
    info["config"] = runtime::DumpJson(ConfigInfo(engine));
    info["host"] = runtime::DumpJson(host);
    info["images"] = runtime::DumpJson(ImagesInfo(engine, absl::Now()));
    info["operations"] = runtime::DumpJson(OperationsInfo(engine, absl::Now()));
    info["pulls"] = runtime::DumpJson(pulls);
    info["version"] = runtime::DumpJson(Json(CORACLE_VERSION));
  }
  return response;
}

absl::StatusOr<v1::RuntimeConfigResponse> RuntimeConfig(
    Context& context, const v1::RuntimeConfigRequest&) {
  v1::RuntimeConfigResponse response;
  response.mutable_linux()->set_cgroup_driver(
      context.engine.Config()->cgroup_driver == "systemd" ? v1::SYSTEMD
                                                          : v1::CGROUPFS);
  return response;
}

absl::StatusOr<v1::UpdateRuntimeConfigResponse> UpdateRuntimeConfig(
    Context& context, const v1::UpdateRuntimeConfigRequest& request) {
  const std::string& cidr =
      request.runtime_config().network_config().pod_cidr();
  if (!cidr.empty()) {
    const absl::Status set = context.engine.network->SetPodCidr(cidr);
    if (absl::IsInvalidArgument(set)) {
      return runtime::Annotate(set, "runtime_config.network_config.pod_cidr");
    }
    RETURN_IF_ERROR(set);
  }
  return v1::UpdateRuntimeConfigResponse();
}

}  // namespace cri::server
