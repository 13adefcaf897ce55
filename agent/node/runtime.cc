// SPDX-License-Identifier: Apache-2.0
#include "agent/node/runtime.h"

#include <chrono>
#include <utility>

#include "absl/time/clock.h"
#include "agent/cri/client.h"
#include "proto/cri/v1/api.grpc.pb.h"
#include "runtime/base/status.h"

namespace agent::node {
namespace {

namespace v1 = ::runtime::v1;
using ::runtime::Json;

constexpr absl::Duration kTimeout = absl::Seconds(10);
constexpr absl::Duration kImagesAge = absl::Seconds(60);

// One blocking call with a deadline.
template <typename Stub, typename Request, typename Response>
absl::Status Call(Stub& stub,
                  grpc::Status (Stub::*method)(grpc::ClientContext*,
                                               const Request&, Response*),
                  const Request& request, Response* response) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kTimeout));
  return agent::cri::FromGrpc((stub.*method)(&context, request, response));
}

Json Handlers(const v1::StatusResponse& status) {
  Json list = Json::array();
  for (const v1::RuntimeHandler& handler : status.runtime_handlers()) {
    const auto& features = handler.features();
    list.push_back(
        {{"name", handler.name()},
         {"features",
          {{"recursiveReadOnlyMounts", features.recursive_read_only_mounts()},
           {"userNamespaces", features.user_namespaces()}}}});
  }
  return list;
}

}  // namespace

struct Runtime::Stubs {
  std::unique_ptr<v1::RuntimeService::Stub> runtime;
  std::unique_ptr<v1::ImageService::Stub> image;
};

Runtime::Runtime(std::shared_ptr<grpc::ChannelInterface> channel)
    : stubs_(new Stubs{v1::RuntimeService::NewStub(channel),
                       v1::ImageService::NewStub(channel)}) {}

Runtime::~Runtime() = default;

absl::StatusOr<RuntimeInfo> Runtime::Info() {
  v1::VersionResponse version;
  RETURN_IF_ERROR(Call(*stubs_->runtime, &v1::RuntimeService::Stub::Version,
                       v1::VersionRequest(), &version));
  v1::StatusResponse status;
  RETURN_IF_ERROR(Call(*stubs_->runtime, &v1::RuntimeService::Stub::Status,
                       v1::StatusRequest(), &status));
  RuntimeInfo info;
  info.name = version.runtime_name();
  info.version = version.runtime_version();
  info.handlers = Handlers(status);
  info.supplemental_groups_policy =
      status.features().supplemental_groups_policy();
  return info;
}

std::vector<Image> Runtime::Images() {
  {
    absl::MutexLock lock(&mutex_);
    if (absl::Now() - images_at_ < kImagesAge) return images_;
  }
  v1::ListImagesResponse response;
  const absl::Status status =
      Call(*stubs_->image, &v1::ImageService::Stub::ListImages,
           v1::ListImagesRequest(), &response);
  std::vector<Image> images;
  for (const v1::Image& image : response.images()) {
    Image item;
    item.names.assign(image.repo_digests().begin(), image.repo_digests().end());
    item.names.insert(item.names.end(), image.repo_tags().begin(),
                      image.repo_tags().end());
    item.size_bytes = static_cast<int64_t>(image.size());
    images.push_back(std::move(item));
  }
  absl::MutexLock lock(&mutex_);
  // Old names are better than none while the runtime is away.
  if (status.ok()) images_ = std::move(images);
  images_at_ = absl::Now();
  return images_;
}

absl::StatusOr<std::string> Runtime::CgroupDriver() {
  v1::RuntimeConfigResponse response;
  const absl::Status status =
      Call(*stubs_->runtime, &v1::RuntimeService::Stub::RuntimeConfig,
           v1::RuntimeConfigRequest(), &response);
  if (absl::IsUnimplemented(status)) return "";
  RETURN_IF_ERROR(status);
  if (!response.has_linux()) return "";
  return response.linux().cgroup_driver() == v1::SYSTEMD ? "systemd"
                                                         : "cgroupfs";
}

absl::Status Runtime::SetPodCidr(const std::string& cidr) {
  v1::UpdateRuntimeConfigRequest request;
  request.mutable_runtime_config()->mutable_network_config()->set_pod_cidr(
      cidr);
  v1::UpdateRuntimeConfigResponse response;
  return Call(*stubs_->runtime, &v1::RuntimeService::Stub::UpdateRuntimeConfig,
              request, &response);
}

absl::StatusOr<std::string> Runtime::ImageDirectory() {
  v1::ImageFsInfoResponse response;
  RETURN_IF_ERROR(Call(*stubs_->image, &v1::ImageService::Stub::ImageFsInfo,
                       v1::ImageFsInfoRequest(), &response));
  if (response.image_filesystems().empty()) return "";
  return response.image_filesystems(0).fs_id().mountpoint();
}

}  // namespace agent::node
