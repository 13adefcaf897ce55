// SPDX-License-Identifier: Apache-2.0
#include "cri/server/errors.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace cri::server {
namespace {

constexpr size_t kMaxMessageBytes = 8 << 10;

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  std::string message(status.message().substr(0, kMaxMessageBytes));
  if (message.size() < status.message().size()) message += " …";
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), message);
}

absl::Status PullFailed(const absl::Status& status) {
  if (!absl::IsUnavailable(status)) return status;
  return absl::UnknownError(
      absl::StrCat("RegistryUnavailable: ", status.message()));
}

}  // namespace cri::server
