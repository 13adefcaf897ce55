// SPDX-License-Identifier: Apache-2.0
// Exec, Attach and PortForward: each only checks, and returns a URL of the
// streaming server. What the URL stands for looks at container and sandbox
// again when the client comes.
#include <utility>

#include "absl/strings/str_cat.h"
#include "cri/server/rpc.h"
#include "cri/stream/netns_socket.h"
#include "runtime/base/status.h"

namespace cri::server {
namespace {

namespace v1 = ::runtime::v1;
using SessionPtr = std::unique_ptr<runtime::StreamSession>;

// The streams of an ExecRequest or AttachRequest.
template <typename Message>
absl::StatusOr<stream::ProcessRequest> Streams(const Message& request) {
  if (request.tty() && request.stderr()) {
    return absl::InvalidArgumentError(
        "stderr: a terminal has no standard error of its own (tty is set)");
  }
  if (!request.stdin() && !request.stdout() && !request.stderr()) {
    return absl::InvalidArgumentError(
        "stdin, stdout, stderr: at least one has to be asked for");
  }
  stream::ProcessRequest streams;
  streams.tty = request.tty();
  streams.in = request.stdin();
  streams.out = request.stdout();
  streams.err = request.stderr();
  return streams;
}

runtime::StreamOptions OptionsFor(const stream::ProcessRequest& request) {
  runtime::StreamOptions options;
  options.tty = request.tty;
  options.in = request.in;
  options.out = request.out;
  options.err = request.err;
  return options;
}

// One that runs, in a sandbox that is ready.
absl::StatusOr<container::ContainerPtr> FindRunning(const Engine& engine,
                                                    const std::string& id) {
  ASSIGN_OR_RETURN(container::ContainerPtr container,
                   FindContainer(engine, id));
  RETURN_IF_ERROR(CheckRunning(*container));
  RETURN_IF_ERROR(container->sandbox->Enter().status());
  return container;
}

}  // namespace

absl::StatusOr<v1::ExecResponse> Exec(Context& context,
                                      const v1::ExecRequest& request) {
  Engine& engine = context.engine;
  RETURN_IF_ERROR(CheckCommand(request.cmd()));
  ASSIGN_OR_RETURN(stream::ProcessRequest streams, Streams(request));
  ASSIGN_OR_RETURN(container::ContainerPtr container,
                   FindRunning(engine, request.container_id()));
  runtime::StreamOptions options = OptionsFor(streams);
  options.args.assign(request.cmd().begin(), request.cmd().end());
  streams.open = [&engine, container, options]() -> absl::StatusOr<SessionPtr> {
    RETURN_IF_ERROR(CheckRunning(*container));
    return engine.handler->Exec(container->sandbox->id, container->id, options);
  };
  v1::ExecResponse response;
  ASSIGN_OR_RETURN(*response.mutable_url(), engine.streams->Url(streams));
  return response;
}

absl::StatusOr<v1::AttachResponse> Attach(Context& context,
                                          const v1::AttachRequest& request) {
  Engine& engine = context.engine;
  ASSIGN_OR_RETURN(stream::ProcessRequest streams, Streams(request));
  ASSIGN_OR_RETURN(container::ContainerPtr container,
                   FindRunning(engine, request.container_id()));
  if (request.tty() != container->config.tty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("tty: container ", container->id, " has ",
                     container->config.tty() ? "a" : "no", " terminal"));
  }
  streams.attach = true;
  streams.open = [&engine, container,
                  options =
                      OptionsFor(streams)]() -> absl::StatusOr<SessionPtr> {
    RETURN_IF_ERROR(CheckRunning(*container));
    return engine.handler->Attach(container->sandbox->id, container->id,
                                  options);
  };
  v1::AttachResponse response;
  ASSIGN_OR_RETURN(*response.mutable_url(), engine.streams->Url(streams));
  return response;
}

absl::StatusOr<v1::PortForwardResponse> PortForward(
    Context& context, const v1::PortForwardRequest& request) {
  Engine& engine = context.engine;
  stream::ForwardRequest forward;
  for (const int32_t port : request.port()) {
    if (port < 1 || port > 65535) {
      return absl::InvalidArgumentError(
          absl::StrCat("port: ", port, " is not from 1 to 65535"));
    }
    forward.ports.push_back(static_cast<uint16_t>(port));
  }
  ASSIGN_OR_RETURN(sandbox::SandboxPtr sandbox,
                   FindSandbox(engine, request.pod_sandbox_id()));
  RETURN_IF_ERROR(sandbox->Enter().status());
  forward.open_socket =
      [&engine, sandbox](int family) -> absl::StatusOr<runtime::UniqueFd> {
    if (sandbox->HostNetwork()) return stream::SocketInNamespace(-1, family);
    RETURN_IF_ERROR(sandbox->Enter().status());
    ASSIGN_OR_RETURN(const runtime::UniqueFd netns,
                     engine.handler->NetworkNamespace(sandbox->id));
    return stream::SocketInNamespace(netns.get(), family);
  };
  v1::PortForwardResponse response;
  ASSIGN_OR_RETURN(*response.mutable_url(),
                   engine.streams->Url(std::move(forward)));
  return response;
}

}  // namespace cri::server
