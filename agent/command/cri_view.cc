// SPDX-License-Identifier: Apache-2.0
#include "agent/command/cri_view.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "agent/command/options.h"
#include "agent/cri/client.h"
#include "agent/node/plain_http.h"
#include "proto/cri/v1/api.grpc.pb.h"
#include "runtime/base/status.h"

namespace agent::command {
namespace {

namespace v1 = ::runtime::v1;

constexpr absl::Duration kTimeout = absl::Seconds(10);
constexpr absl::Duration kPullTimeout = absl::Minutes(30);
constexpr char kPodLabel[] = "io.kubernetes.pod.name";
constexpr char kNamespaceLabel[] = "io.kubernetes.pod.namespace";
constexpr char kUidLabel[] = "io.kubernetes.pod.uid";

std::string Label(const v1::Container& container, const char* key) {
  const auto it = container.labels().find(key);
  return it == container.labels().end() ? "" : it->second;
}

template <typename Stub, typename Request, typename Response>
absl::Status Call(Stub& stub,
                  grpc::Status (Stub::*method)(grpc::ClientContext*,
                                               const Request&, Response*),
                  const Request& request, Response* response,
                  absl::Duration timeout = kTimeout) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  return agent::cri::FromGrpc((stub.*method)(&context, request, response));
}

ContainerRow RowOf(const v1::ContainerStatus& status) {
  ContainerRow row;
  row.name = status.metadata().name();
  row.restarts = status.metadata().attempt();
  row.reason = status.reason();
  row.message = status.message();
  switch (status.state()) {
    case v1::CONTAINER_RUNNING:
      row.state = "running";
      row.ready = true;
      break;
    case v1::CONTAINER_EXITED:
      row.state = "terminated";
      row.reason = absl::StrCat(status.reason(), ", exit ", status.exit_code());
      break;
    default:
      row.state = "waiting";
  }
  return row;
}

}  // namespace

struct CriView::Stubs {
  std::unique_ptr<v1::RuntimeService::Stub> runtime;
  std::unique_ptr<v1::ImageService::Stub> image;
};

CriView::CriView(const std::string& cri_socket)
    : socket_(SocketPath(cri_socket)), stubs_(new Stubs()) {
  const auto channel = grpc::CreateChannel(absl::StrCat("unix://", socket_),
                                           grpc::InsecureChannelCredentials());
  stubs_->runtime = v1::RuntimeService::NewStub(channel);
  stubs_->image = v1::ImageService::NewStub(channel);
}

CriView::~CriView() = default;

absl::Status CriView::Annotated(const absl::Status& status) const {
  if (!absl::IsUnavailable(status)) return status;
  return absl::UnavailableError(absl::StrCat(
      "no CRI server answers on ", socket_,
      " (is coracle node or coracle cri running? give its --cri-socket): ",
      status.message()));
}

PodRow CriView::RowOfSandbox(const v1::PodSandbox& sandbox,
                             const v1::ListContainersResponse& containers) {
  PodRow row;
  row.ns = sandbox.metadata().namespace_();
  row.name = sandbox.metadata().name();
  row.uid = sandbox.metadata().uid();
  row.created = absl::FromUnixNanos(sandbox.created_at());
  row.phase = sandbox.state() == v1::SANDBOX_READY ? "Running" : "Stopped";
  v1::PodSandboxStatusRequest request;
  request.set_pod_sandbox_id(sandbox.id());
  v1::PodSandboxStatusResponse detail;
  // A sandbox that is gone meanwhile just has no address.
  if (Call(*stubs_->runtime, &v1::RuntimeService::Stub::PodSandboxStatus,
           request, &detail)
          .ok()) {
    row.ip = detail.status().network().ip();
  }
  for (const v1::Container& container : containers.containers()) {
    if (container.pod_sandbox_id() != sandbox.id()) continue;
    v1::ContainerStatusRequest ask;
    ask.set_container_id(container.id());
    v1::ContainerStatusResponse answer;
    if (Call(*stubs_->runtime, &v1::RuntimeService::Stub::ContainerStatus, ask,
             &answer)
            .ok()) {
      row.containers.push_back(RowOf(answer.status()));
    }
  }
  return row;
}

absl::StatusOr<std::map<std::string, std::string>> CriView::Info() {
  v1::StatusRequest request;
  request.set_verbose(true);
  v1::StatusResponse response;
  RETURN_IF_ERROR(
      Annotated(Call(*stubs_->runtime, &v1::RuntimeService::Stub::Status,
                     request, &response)));
  return std::map<std::string, std::string>(response.info().begin(),
                                            response.info().end());
}

absl::StatusOr<View> CriView::Load() {
  View view;
  v1::VersionResponse version;
  RETURN_IF_ERROR(
      Annotated(Call(*stubs_->runtime, &v1::RuntimeService::Stub::Version,
                     v1::VersionRequest(), &version)));
  view.runtime =
      absl::StrCat(version.runtime_name(), " ", version.runtime_version());
  v1::StatusResponse status;
  v1::StatusRequest verbose;
  verbose.set_verbose(true);
  RETURN_IF_ERROR(Call(*stubs_->runtime, &v1::RuntimeService::Stub::Status,
                       verbose, &status));
  if (const auto it = status.info().find("operations");
      it != status.info().end()) {
    ASSIGN_OR_RETURN(const runtime::Json operations,
                     runtime::ParseJson(it->second, "the server's operations"));
    view.operations = RowsOfOperations(operations);
  }
  if (const auto it = status.info().find("images"); it != status.info().end()) {
    ASSIGN_OR_RETURN(const runtime::Json images,
                     runtime::ParseJson(it->second, "the server's images"));
    view.image_budget = BudgetProblem(ImageUsageOf(images));
  }
  for (const v1::RuntimeCondition& condition : status.status().conditions()) {
    if (condition.status() ||
        condition.type().find("Ready") == std::string::npos) {
      continue;
    }
    view.not_ready.push_back(absl::StrCat(
        condition.type(), ": ", condition.reason(), ": ", condition.message()));
  }
  v1::ListPodSandboxResponse sandboxes;
  RETURN_IF_ERROR(Call(*stubs_->runtime,
                       &v1::RuntimeService::Stub::ListPodSandbox,
                       v1::ListPodSandboxRequest(), &sandboxes));
  v1::ListContainersResponse containers;
  RETURN_IF_ERROR(Call(*stubs_->runtime,
                       &v1::RuntimeService::Stub::ListContainers,
                       v1::ListContainersRequest(), &containers));
  for (const v1::PodSandbox& sandbox : sandboxes.items()) {
    view.pods.push_back(RowOfSandbox(sandbox, containers));
  }
  return view;
}

namespace {

// The containers of `pod` that `container` means, newest first. An error says
// which choices there are.
absl::StatusOr<std::vector<v1::Container>> Attempts(
    const v1::ListContainersResponse& list, const std::string& pod,
    const std::string& container) {
  const size_t slash = pod.find('/');
  const bool full = slash != std::string::npos;
  std::vector<v1::Container> found;
  std::set<std::string> uids, names;
  for (const v1::Container& item : list.containers()) {
    if (Label(item, kPodLabel) != (full ? pod.substr(slash + 1) : pod)) {
      continue;
    }
    if (full && Label(item, kNamespaceLabel) != pod.substr(0, slash)) continue;
    uids.insert(Label(item, kUidLabel));
    names.insert(item.metadata().name());
    if (container.empty() || item.metadata().name() == container) {
      found.push_back(item);
    }
  }
  const std::string choices = absl::StrJoin(names, ", ");
  if (names.empty()) {
    return absl::NotFoundError(
        absl::StrCat("no container of a pod ", pod, " is on this host"));
  }
  if (uids.size() > 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "more than one pod is named ", pod, "; give NAMESPACE/NAME"));
  }
  if (found.empty()) {
    return absl::NotFoundError(absl::StrCat("pod ", pod, " has no container ",
                                            container, ", but ", choices));
  }
  if (container.empty() && names.size() > 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "pod ", pod, " has several containers, choose one of: ", choices));
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return a.created_at() > b.created_at();
  });
  return found;
}

}  // namespace

absl::StatusOr<ContainerLog> CriView::Log(const std::string& pod,
                                          const std::string& container,
                                          bool previous) {
  v1::ListContainersResponse list;
  RETURN_IF_ERROR(Annotated(Call(*stubs_->runtime,
                                 &v1::RuntimeService::Stub::ListContainers,
                                 v1::ListContainersRequest(), &list)));
  ASSIGN_OR_RETURN(const std::vector<v1::Container> found,
                   Attempts(list, pod, container));
  if (previous && found.size() < 2) {
    return absl::NotFoundError(
        absl::StrCat("container ", found[0].metadata().name(),
                     " has no earlier attempt on this host"));
  }
  v1::ContainerStatusRequest request;
  request.set_container_id(found[previous ? 1 : 0].id());
  v1::ContainerStatusResponse response;
  RETURN_IF_ERROR(Call(*stubs_->runtime,
                       &v1::RuntimeService::Stub::ContainerStatus, request,
                       &response));
  return ContainerLog{response.status().log_path(),
                      response.status().state() == v1::CONTAINER_RUNNING};
}

absl::StatusOr<std::vector<ImageRow>> CriView::Images() {
  v1::ListImagesResponse response;
  RETURN_IF_ERROR(
      Annotated(Call(*stubs_->image, &v1::ImageService::Stub::ListImages,
                     v1::ListImagesRequest(), &response)));
  std::vector<ImageRow> rows;
  for (const v1::Image& image : response.images()) {
    for (const std::string& tag : image.repo_tags()) {
      rows.push_back({tag, image.id(), image.size()});
    }
    if (image.repo_tags().empty()) {
      rows.push_back(
          {image.repo_digests().empty() ? "<none>" : image.repo_digests(0),
           image.id(), image.size()});
    }
  }
  std::sort(rows.begin(), rows.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return rows;
}

namespace {

// What each container has written, the most first.
std::vector<WrittenRow> WrittenBy(const v1::ListContainersResponse& containers,
                                  const v1::ListPodSandboxResponse& sandboxes,
                                  const v1::ListContainerStatsResponse& stats) {
  std::map<std::string, std::string> pods;
  for (const v1::PodSandbox& pod : sandboxes.items()) {
    pods[pod.id()] = absl::StrCat(pod.metadata().namespace_(), "/",
                                  pod.metadata().name(), "/");
  }
  std::map<std::string, uint64_t> written;
  for (const v1::ContainerStats& item : stats.stats()) {
    if (item.writable_layer().has_used_bytes()) {
      written[item.attributes().id()] =
          item.writable_layer().used_bytes().value();
    }
  }
  std::vector<WrittenRow> rows;
  for (const v1::Container& container : containers.containers()) {
    WrittenRow row;
    row.container =
        pods[container.pod_sandbox_id()] + container.metadata().name();
    if (const auto it = written.find(container.id()); it != written.end()) {
      row.bytes = it->second;
    }
    rows.push_back(std::move(row));
  }
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    return std::tie(b.bytes, a.container) < std::tie(a.bytes, b.container);
  });
  return rows;
}

}  // namespace

absl::StatusOr<ImageUsage> CriView::Usage() {
  ASSIGN_OR_RETURN(const auto info, Info());
  const auto images = info.find("images");
  if (images == info.end()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the CRI server on ", socket_, " does not tell what holds its images"));
  }
  ASSIGN_OR_RETURN(const runtime::Json parsed,
                   runtime::ParseJson(images->second, "the server's images"));
  ImageUsage usage = ImageUsageOf(parsed);
  v1::ListContainersResponse containers;
  RETURN_IF_ERROR(Call(*stubs_->runtime,
                       &v1::RuntimeService::Stub::ListContainers,
                       v1::ListContainersRequest(), &containers));
  v1::ListPodSandboxResponse sandboxes;
  RETURN_IF_ERROR(Call(*stubs_->runtime,
                       &v1::RuntimeService::Stub::ListPodSandbox,
                       v1::ListPodSandboxRequest(), &sandboxes));
  v1::ListContainerStatsResponse stats;
  RETURN_IF_ERROR(Call(*stubs_->runtime,
                       &v1::RuntimeService::Stub::ListContainerStats,
                       v1::ListContainerStatsRequest(), &stats));
  usage.written = WrittenBy(containers, sandboxes, stats);
  return usage;
}

absl::StatusOr<std::string> CriView::Pull(const std::string& image) {
  v1::PullImageRequest request;
  request.mutable_image()->set_image(image);
  v1::PullImageResponse response;
  RETURN_IF_ERROR(
      Annotated(Call(*stubs_->image, &v1::ImageService::Stub::PullImage,
                     request, &response, kPullTimeout)));
  return response.image_ref();
}

absl::StatusOr<std::string> CriView::ImageDirectory() {
  v1::ImageFsInfoResponse response;
  RETURN_IF_ERROR(
      Annotated(Call(*stubs_->image, &v1::ImageService::Stub::ImageFsInfo,
                     v1::ImageFsInfoRequest(), &response)));
  if (response.image_filesystems().empty()) {
    return absl::NotFoundError("the runtime does not say where its images are");
  }
  return response.image_filesystems(0).fs_id().mountpoint();
}

absl::StatusOr<View> LoadView(const std::string& cri_socket,
                              const std::string& root_dir) {
  ASSIGN_OR_RETURN(View view, CriView(cri_socket).Load());
  const auto text =
      node::GetOverUnix(LocalSocket(cri_socket, root_dir), "/pods");
  if (!text.ok()) return view;
  ASSIGN_OR_RETURN(const runtime::Json pods,
                   runtime::ParseJson(*text, "agent's pods"));
  view.from_agent = true;
  view.pods = RowsOfPods(pods);
  // An agent of another age may not tell.
  const auto waits =
      node::GetOverUnix(LocalSocket(cri_socket, root_dir), "/waits");
  if (!waits.ok()) return view;
  ASSIGN_OR_RETURN(const runtime::Json parsed,
                   runtime::ParseJson(*waits, "agent's waits"));
  AddWaits(parsed, &view.pods);
  return view;
}

}  // namespace agent::command
