// SPDX-License-Identifier: Apache-2.0
#include "agent/server/handlers.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/server/metrics.h"
#include "agent/server/resource_metrics.h"
#include "runtime/base/json.h"
#include "runtime/base/log.h"

namespace agent::server {
namespace {

using runtime::ArrayAt;
using runtime::At;
using runtime::Has;
using runtime::Json;
using runtime::StringAt;

Response JsonResponse(const Json& value) {
  return {200, runtime::DumpJson(value), "application/json"};
}

// A pod as /runningpods/ shows it: who it is and which containers run.
Json RunningPod(const Json& pod) {
  Json containers = Json::array();
  for (const Json& status : ArrayAt(At(pod, "status"), "containerStatuses")) {
    if (!Has(At(status, "state"), "running")) continue;
    containers.push_back({{"name", StringAt(status, "name")},
                          {"image", StringAt(status, "image")},
                          {"resources", Json::object()}});
  }
  if (containers.empty()) return Json();
  return {{"metadata",
           {{"name", StringAt(pod, {"metadata", "name"})},
            {"namespace", StringAt(pod, {"metadata", "namespace"})},
            {"uid", StringAt(pod, {"metadata", "uid"})}}},
          {"spec", {{"containers", std::move(containers)}}},
          {"status", Json::object()}};
}

bool IsRead(const Request& request) {
  return request.method == "GET" || request.method == "HEAD";
}

int StatusOfLogQuery(const absl::Status& status) {
  return absl::IsOutOfRange(status) ? 422 : 400;
}

}  // namespace

Handlers::Handlers(const Options& options)
    : options_(options),
      authenticator_(options.authentication, options.client),
      authorizer_(options.authorization, options.node_name, options.client) {}

Answer Handlers::Handle(const Request& request,
                        const ClientCertificate& certificate) {
  // Without a cluster nobody could say who may look at a node's health.
  if (options_.client == nullptr && request.parts.front() == "healthz") {
    return Route(request);
  }
  absl::StatusOr<User> user =
      authenticator_.Authenticate(certificate, request.authorization);
  if (!user.ok()) {
    WarnOfRequest(request, user.status().message());
    return {TextResponse(401, "Unauthorized\n"), nullptr, "", nullptr};
  }
  absl::Status allowed = authorizer_.Authorize(*user, AccessOf(request));
  if (!allowed.ok()) {
    int code = absl::IsPermissionDenied(allowed) ? 403 : 500;
    if (code == 500) WarnOfRequest(request, allowed.message());
    return {TextResponse(code, std::string(allowed.message())), nullptr, "",
            nullptr};
  }
  return Route(request);
}

void Handlers::WarnOfRequest(const Request& request, absl::string_view why) {
  int64_t now = absl::ToUnixSeconds(absl::Now());
  int64_t next = next_warning_;
  if (now < next || !next_warning_.compare_exchange_strong(next, now + 10)) {
    return;
  }
  runtime::log::Warning("request for ", request.path, " from ", request.peer,
                        " refused: ", why);
}

Answer Handlers::Route(const Request& request) {
  const std::string& first = request.parts.front();
  Answer answer;
  if (first == "exec" || first == "attach" || first == "portForward" ||
      first == "run" || first == "checkpoint") {
    if (options_.debugging_handlers) {
      answer.response = TextResponse(
          501, absl::StrCat(first, " is not implemented on this node\n"));
      return answer;
    }
  }
  bool one = request.parts.size() == 1 ||
             (request.parts.size() == 2 && request.parts[1].empty());
  if (first == "containerLogs" && options_.debugging_handlers) {
    if (request.method == "GET") return ContainerLogs(request);
    answer.response = TextResponse(405, "405: Method Not Allowed");
  } else if (first == "healthz") {
    answer.response = Health(request);
  } else if (one && first == "pods") {
    answer.response = PodList(false);
  } else if (one && first == "runningpods") {
    answer.response = PodList(true);
  } else if (one && first == "metrics") {
    answer.response = Metrics();
  } else if (request.parts == std::vector<std::string>{"metrics", "resource"} &&
             options_.pod_usage != nullptr) {
    answer.response = {200,
                       ResourceMetricsText(NodeUsage(), options_.pod_usage(),
                                           options_.pods->List()),
                       "text/plain; version=0.0.4; charset=utf-8"};
  } else if (one && first == "configz" && options_.debugging_handlers &&
             options_.configz.is_object()) {
    answer.response = JsonResponse({{"kubeletconfig", options_.configz}});
  } else {
    answer.response = TextResponse(404, "404 page not found\n");
  }
  if (answer.response.status == 200 && !IsRead(request)) {
    answer.response = TextResponse(405, "405: Method Not Allowed");
  }
  return answer;
}

Response Handlers::Metrics() {
  std::optional<std::vector<ImagePull>> pulls;
  if (options_.pulls != nullptr) {
    // One that cannot be asked has no samples, as the format wants it.
    if (auto read = options_.pulls(); read.ok()) pulls = *std::move(read);
  }
  return {200, MetricsText(options_.node_name, *options_.pods, pulls),
          "text/plain; version=0.0.4; charset=utf-8"};
}

Response Handlers::Health(const Request& request) {
  std::string check = request.parts.size() > 1 ? request.parts[1] : "";
  if (request.parts.size() > 2 || (check != "" && check != "ping" &&
                                   check != "log" && check != "syncloop")) {
    return TextResponse(404, "404 page not found\n");
  }
  if ((check.empty() || check == "syncloop") && options_.sync_loop != nullptr) {
    if (absl::Status status = options_.sync_loop(); !status.ok()) {
      return TextResponse(500,
                          absl::StrCat("[-]syncloop failed: ", status.message(),
                                       "\nhealthz check failed\n"));
    }
  }
  return TextResponse(200, "ok");
}

Response Handlers::PodList(bool running_only) {
  Json items = Json::array();
  for (Json& pod : options_.pods->List()) {
    if (!running_only) {
      items.push_back(std::move(pod));
    } else if (Json running = RunningPod(pod); !running.is_null()) {
      items.push_back(std::move(running));
    }
  }
  return JsonResponse({{"kind", "PodList"},
                       {"apiVersion", "v1"},
                       {"metadata", Json::object()},
                       {"items", std::move(items)}});
}

Answer Handlers::ContainerLogs(const Request& request) {
  Answer answer;
  if (request.parts.size() != 4) {
    answer.response = TextResponse(404, "404 page not found\n");
    return answer;
  }
  const std::string& ns = request.parts[1];
  const std::string& pod = request.parts[2];
  const std::string& container = request.parts[3];
  absl::StatusOr<LogQuery> query = ParseLogQuery(request.query, absl::Now());
  if (!query.ok()) {
    answer.response = TextResponse(StatusOfLogQuery(query.status()),
                                   std::string(query.status().message()));
    return answer;
  }
  absl::StatusOr<LogLocation> location =
      options_.pods->ContainerLog(ns, pod, container, query->previous);
  if (!location.ok()) {
    int code = absl::IsNotFound(location.status()) ? 404 : 400;
    answer.response =
        TextResponse(code, std::string(location.status().message()));
    return answer;
  }
  absl::StatusOr<std::unique_ptr<LogReader>> log =
      LogReader::Open(options_.pod_logs_dir, location->path, *query);
  if (!log.ok()) {
    answer.response = TextResponse(400, std::string(log.status().message()));
    return answer;
  }
  answer.log = *std::move(log);
  answer.log_directory = location->path.substr(0, location->path.rfind('/'));
  // Another attempt is another container: its log is another file.
  answer.writing = [pods = options_.pods, ns, pod, container,
                    previous = query->previous, id = location->container_id] {
    if (previous) return false;
    absl::StatusOr<LogLocation> current =
        pods->ContainerLog(ns, pod, container, false);
    return current.ok() && current->running && current->container_id == id;
  };
  return answer;
}

}  // namespace agent::server
