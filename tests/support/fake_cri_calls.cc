// SPDX-License-Identifier: Apache-2.0
// FakeCri as its client sees it: the server and the calls of both services.
#include "tests/support/fake_cri.h"

#include <grpcpp/grpcpp.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace tests {
namespace {

template <typename Map>
bool Matches(const Map& labels, const Map& selector) {
  for (const auto& [key, value] : selector) {
    auto it = labels.find(key);
    if (it == labels.end() || it->second != value) return false;
  }
  return true;
}

int64_t Now() { return absl::ToUnixNanos(absl::Now()); }

grpc::Status NotFound(const std::string& what) {
  return {grpc::StatusCode::NOT_FOUND, what};
}

}  // namespace

class FakeCri::ImageService final : public v1::ImageService::Service {
 public:
  explicit ImageService(FakeCri* cri) : cri_(cri) {}

  grpc::Status ImageStatus(Context, const v1::ImageStatusRequest* request,
                           v1::ImageStatusResponse* response) override {
    absl::MutexLock lock(&cri_->mutex_);
    for (const auto& [name, image] : cri_->images_) {
      if (name == request->image().image() ||
          image.id() == request->image().image()) {
        *response->mutable_image() = image;
      }
    }
    return grpc::Status::OK;
  }

  grpc::Status PullImage(Context, const v1::PullImageRequest* request,
                         v1::PullImageResponse* response) override {
    absl::MutexLock lock(&cri_->mutex_);
    grpc::Status status = cri_->Enter("PullImage", request->image().image());
    if (!status.ok()) return status;
    const auto may_end = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return cri_->pulls_.empty() || cri_->stopping_;
    };
    cri_->mutex_.Await(absl::Condition(&may_end));
    v1::Image& image = cri_->images_[request->image().image()];
    image.set_id("sha256:" + request->image().image());
    image.set_size(1);
    response->set_image_ref(image.id());
    return grpc::Status::OK;
  }

 private:
  FakeCri* const cri_;
};

FakeCri::FakeCri() : image_service_(std::make_unique<ImageService>(this)) {
  grpc::ServerBuilder builder;
  builder.RegisterService(this);
  builder.RegisterService(image_service_.get());
  server_ = builder.BuildAndStart();
}

FakeCri::~FakeCri() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  server_->Shutdown(std::chrono::system_clock::now());
}

std::shared_ptr<grpc::Channel> FakeCri::channel() {
  return server_->InProcessChannel(grpc::ChannelArguments());
}

grpc::Status FakeCri::Version(Context, const v1::VersionRequest*,
                              v1::VersionResponse* response) {
  response->set_version("0.1.0");
  response->set_runtime_name("fake");
  response->set_runtime_version("1.0.0");
  response->set_runtime_api_version("v1");
  return grpc::Status::OK;
}

grpc::Status FakeCri::Status(Context, const v1::StatusRequest* request,
                             v1::StatusResponse* response) {
  if (request->verbose()) {
    absl::MutexLock lock(&mutex_);
    if (!pulls_.empty()) (*response->mutable_info())["pulls"] = pulls_;
  }
  for (const char* type : {"RuntimeReady", "NetworkReady"}) {
    auto* condition = response->mutable_status()->add_conditions();
    condition->set_type(type);
    condition->set_status(true);
  }
  response->add_runtime_handlers()->mutable_features()->set_user_namespaces(
      user_namespaces_);
  return grpc::Status::OK;
}

grpc::Status FakeCri::RunPodSandbox(Context,
                                    const v1::RunPodSandboxRequest* request,
                                    v1::RunPodSandboxResponse* response) {
  absl::MutexLock lock(&mutex_);
  const auto& config = request->config();
  grpc::Status status = Enter("RunPodSandbox", config.metadata().name());
  if (!status.ok()) return status;
  std::string id = absl::StrCat("sandbox", next_id_++);
  v1::PodSandboxStatus& sandbox = world_.sandboxes[id];
  sandbox.set_id(id);
  *sandbox.mutable_metadata() = config.metadata();
  *sandbox.mutable_labels() = config.labels();
  *sandbox.mutable_annotations() = config.annotations();
  sandbox.set_created_at(Now());
  sandbox.set_state(v1::SANDBOX_READY);
  sandbox.mutable_network()->set_ip("10.0.0.5");
  world_.configs[id] = config;
  response->set_pod_sandbox_id(id);
  return grpc::Status::OK;
}

grpc::Status FakeCri::StopPodSandbox(Context,
                                     const v1::StopPodSandboxRequest* request,
                                     v1::StopPodSandboxResponse*) {
  absl::MutexLock lock(&mutex_);
  grpc::Status status = Enter("StopPodSandbox", request->pod_sandbox_id());
  if (!status.ok()) return status;
  auto it = world_.sandboxes.find(request->pod_sandbox_id());
  if (it == world_.sandboxes.end()) return grpc::Status::OK;
  it->second.set_state(v1::SANDBOX_NOTREADY);
  for (auto& [id, container] : world_.containers) {
    if (container.sandbox_id == request->pod_sandbox_id() &&
        container.status.state() == v1::CONTAINER_RUNNING) {
      End(container, 137);
    }
  }
  return grpc::Status::OK;
}

grpc::Status FakeCri::RemovePodSandbox(
    Context, const v1::RemovePodSandboxRequest* request,
    v1::RemovePodSandboxResponse*) {
  absl::MutexLock lock(&mutex_);
  grpc::Status status = Enter("RemovePodSandbox", request->pod_sandbox_id());
  if (!status.ok()) return status;
  world_.sandboxes.erase(request->pod_sandbox_id());
  std::erase_if(world_.containers, [&](const auto& c) {
    return c.second.sandbox_id == request->pod_sandbox_id();
  });
  return grpc::Status::OK;
}

grpc::Status FakeCri::PodSandboxStatus(
    Context, const v1::PodSandboxStatusRequest* request,
    v1::PodSandboxStatusResponse* response) {
  absl::MutexLock lock(&mutex_);
  auto it = world_.sandboxes.find(request->pod_sandbox_id());
  if (it == world_.sandboxes.end()) return NotFound("sandbox");
  *response->mutable_status() = it->second;
  return grpc::Status::OK;
}

grpc::Status FakeCri::ListPodSandbox(Context,
                                     const v1::ListPodSandboxRequest* request,
                                     v1::ListPodSandboxResponse* response) {
  absl::MutexLock lock(&mutex_);
  for (const auto& [id, sandbox] : world_.sandboxes) {
    if (!Matches(sandbox.labels(), request->filter().label_selector())) {
      continue;
    }
    auto* item = response->add_items();
    item->set_id(id);
    *item->mutable_metadata() = sandbox.metadata();
    *item->mutable_labels() = sandbox.labels();
    item->set_state(sandbox.state());
    item->set_created_at(sandbox.created_at());
  }
  return grpc::Status::OK;
}

grpc::Status FakeCri::CreateContainer(Context,
                                      const v1::CreateContainerRequest* request,
                                      v1::CreateContainerResponse* response) {
  absl::MutexLock lock(&mutex_);
  const auto& config = request->config();
  grpc::Status status = Enter("CreateContainer", config.metadata().name());
  if (!status.ok()) return status;
  std::string id = absl::StrCat("container", next_id_++);
  Container& container = world_.containers[id];
  container.sandbox_id = request->pod_sandbox_id();
  container.config = config;
  container.status.set_id(id);
  *container.status.mutable_metadata() = config.metadata();
  *container.status.mutable_image() = config.image();
  container.status.set_image_ref("ref");
  *container.status.mutable_labels() = config.labels();
  *container.status.mutable_annotations() = config.annotations();
  *container.status.mutable_mounts() = config.mounts();
  container.status.set_created_at(Now());
  container.status.set_log_path(
      absl::StrCat(world_.configs[container.sandbox_id].log_directory(), "/",
                   config.log_path()));
  response->set_container_id(id);
  return grpc::Status::OK;
}

grpc::Status FakeCri::StartContainer(Context,
                                     const v1::StartContainerRequest* request,
                                     v1::StartContainerResponse*) {
  absl::MutexLock lock(&mutex_);
  auto it = world_.containers.find(request->container_id());
  if (it == world_.containers.end()) return NotFound("container");
  grpc::Status status =
      Enter("StartContainer", it->second.status.metadata().name());
  it->second.status.set_started_at(Now());
  if (!status.ok()) {
    it->second.status.set_reason("StartError");
    it->second.status.set_message(status.error_message());
    End(it->second, 128);
    return status;
  }
  it->second.status.set_state(v1::CONTAINER_RUNNING);
  Emit(it->second, v1::CONTAINER_STARTED_EVENT);
  return grpc::Status::OK;
}

grpc::Status FakeCri::StopContainer(Context,
                                    const v1::StopContainerRequest* request,
                                    v1::StopContainerResponse*) {
  absl::MutexLock lock(&mutex_);
  auto it = world_.containers.find(request->container_id());
  if (it == world_.containers.end()) return grpc::Status::OK;
  grpc::Status status =
      Enter("StopContainer", absl::StrCat(it->second.status.metadata().name(),
                                          " ", request->timeout()));
  if (!status.ok()) return status;
  if (it->second.status.state() == v1::CONTAINER_RUNNING) End(it->second, 143);
  return grpc::Status::OK;
}

grpc::Status FakeCri::RemoveContainer(Context,
                                      const v1::RemoveContainerRequest* request,
                                      v1::RemoveContainerResponse*) {
  absl::MutexLock lock(&mutex_);
  grpc::Status status = Enter("RemoveContainer", request->container_id());
  world_.containers.erase(request->container_id());
  return status;
}

grpc::Status FakeCri::ListContainers(Context,
                                     const v1::ListContainersRequest* request,
                                     v1::ListContainersResponse* response) {
  absl::MutexLock lock(&mutex_);
  for (const auto& [id, container] : world_.containers) {
    if (!Matches(container.status.labels(),
                 request->filter().label_selector())) {
      continue;
    }
    auto* item = response->add_containers();
    item->set_id(id);
    item->set_pod_sandbox_id(container.sandbox_id);
    *item->mutable_metadata() = container.status.metadata();
    *item->mutable_labels() = container.status.labels();
    item->set_state(container.status.state());
    item->set_created_at(container.status.created_at());
  }
  return grpc::Status::OK;
}

grpc::Status FakeCri::ContainerStatus(Context,
                                      const v1::ContainerStatusRequest* request,
                                      v1::ContainerStatusResponse* response) {
  absl::MutexLock lock(&mutex_);
  auto it = world_.containers.find(request->container_id());
  if (it == world_.containers.end()) return NotFound("container");
  *response->mutable_status() = it->second.status;
  return grpc::Status::OK;
}

grpc::Status FakeCri::ExecSync(Context context, const v1::ExecSyncRequest*,
                               v1::ExecSyncResponse* response) {
  absl::MutexLock lock(&mutex_);
  auto answered = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return stopping_ || exec_.has_value();
  };
  while (!mutex_.AwaitWithTimeout(absl::Condition(&answered),
                                  absl::Milliseconds(20))) {
    if (context->IsCancelled()) return grpc::Status::CANCELLED;
  }
  response->set_exit_code(exec_.value_or(0));
  return grpc::Status::OK;
}

grpc::Status FakeCri::GetContainerEvents(
    Context context, const v1::GetEventsRequest*,
    grpc::ServerWriter<v1::ContainerEventResponse>* writer) {
  if (!events_on_) return {grpc::StatusCode::UNIMPLEMENTED, ""};
  while (true) {
    v1::ContainerEventResponse event;
    {
      absl::MutexLock lock(&mutex_);
      auto ready = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
        return stopping_ || !events_.empty();
      };
      mutex_.AwaitWithTimeout(absl::Condition(&ready), absl::Milliseconds(100));
      if (stopping_ || context->IsCancelled()) return grpc::Status::OK;
      if (events_.empty()) continue;
      event = std::move(events_.front());
      events_.pop_front();
    }
    if (!writer->Write(event)) return grpc::Status::OK;
  }
}

}  // namespace tests
