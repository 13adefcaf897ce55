// SPDX-License-Identifier: Apache-2.0
// ExecSync and ReopenContainerLog: what needs a running container.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cri/server/rpc.h"
#include "runtime/base/status.h"

namespace cri::server {
namespace {

namespace v1 = ::runtime::v1;

// Clients take messages up to 16 MiB; the answer has two streams and a frame.
constexpr size_t kMostOutput = (16 << 20) - (64 << 10);

// What is too much is dropped; the smaller stream keeps all of its own.
void FitTogether(std::string& a, std::string& b) {
  if (a.size() + b.size() <= kMostOutput) return;
  size_t half = kMostOutput / 2;
  if (a.size() <= half) {
    b.resize(kMostOutput - a.size());
  } else {
    b.resize(std::min(b.size(), half));
    a.resize(kMostOutput - b.size());
  }
}

}  // namespace

absl::Status CheckRunning(const container::Container& container) {
  if (container.GetState().phase == runtime::ContainerPhase::kRunning) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat("container ", container.id, " is not running"));
}

absl::Status CheckCommand(
    const google::protobuf::RepeatedPtrField<std::string>& cmd) {
  if (cmd.empty() || cmd.Get(0).empty()) {
    return absl::InvalidArgumentError("cmd: is empty");
  }
  for (const std::string& word : cmd) {
    if (absl::StrContains(word, absl::string_view("\0", 1))) {
      return absl::InvalidArgumentError("cmd: holds a NUL byte");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::ExecSyncResponse> ExecSync(
    Context& context, const v1::ExecSyncRequest& request) {
  Engine& engine = context.engine;
  RETURN_IF_ERROR(CheckCommand(request.cmd()));
  if (request.timeout() < 0) {
    return absl::InvalidArgumentError("timeout: is negative");
  }
  ASSIGN_OR_RETURN(container::ContainerPtr container,
                   FindContainer(engine, request.container_id()));
  RETURN_IF_ERROR(CheckRunning(*container));
  runtime::ExecOptions options;
  options.args.assign(request.cmd().begin(), request.cmd().end());
  options.timeout = absl::Seconds(request.timeout());
  options.max_output_bytes = kMostOutput;
  ASSIGN_OR_RETURN(options.cancelled_fd, context.cancellation.Descriptor());
  ASSIGN_OR_RETURN(
      runtime::ExecResult result,
      engine.handler->ExecSync(container->sandbox->id, container->id, options));
  FitTogether(result.standard_output, result.standard_error);
  v1::ExecSyncResponse response;
  response.set_exit_code(result.exit_code);
  response.set_stdout(std::move(result.standard_output));
  response.set_stderr(std::move(result.standard_error));
  return response;
}

absl::StatusOr<v1::ReopenContainerLogResponse> ReopenContainerLog(
    Context& context, const v1::ReopenContainerLogRequest& request) {
  Engine& engine = context.engine;
  ASSIGN_OR_RETURN(container::ContainerPtr container,
                   FindContainer(engine, request.container_id()));
  RETURN_IF_ERROR(CheckRunning(*container));
  RETURN_IF_ERROR(
      engine.handler->ReopenLog(container->sandbox->id, container->id));
  return v1::ReopenContainerLogResponse();
}

}  // namespace cri::server
