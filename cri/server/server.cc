// SPDX-License-Identifier: Apache-2.0
#include "cri/server/server.h"

#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "cri/server/edge.h"
#include "cri/server/engine.h"
#include "cri/server/socket.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace cri::server {
namespace {

constexpr std::chrono::seconds kDrain{5};

class ServerImpl : public Server {
 public:
  ~ServerImpl() override { Stop(); }

  absl::Status Open(ServerOptions options);

  std::shared_ptr<grpc::Channel> InProcessChannel() override {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    return grpc_->InProcessChannel(arguments);
  }

  void Stop() override ABSL_LOCKS_EXCLUDED(mutex_) {
    {
      absl::MutexLock lock(&mutex_);
      if (stopping_ || grpc_ == nullptr) return;
      stopping_ = true;
    }
    engine_->events.Close();
    unlink(path_.c_str());
    engine_->EndWaits();
    grpc_->Shutdown(std::chrono::system_clock::now() + kDrain);
    // What is left waits for holders or plugins that hang, or sweeps.
    engine_->handler->EndWaits();
    engine_->network->Stop();
    edge_->Stop();
    engine_->streams->Stop();
  }

  void Wait() override {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&stopping_));
  }

  absl::StatusOr<std::string> Reload() override {
    return engine_->Reload(config::Load(config_file_, overrides_));
  }

  image::ImageStore& Images() override { return *engine_->images; }

 private:
  absl::Status Listen();

  std::string path_, config_file_;
  config::Overrides overrides_;
  runtime::UniqueFd root_lock_, state_lock_;
  // Destroyed from the bottom up: gRPC ends before what it calls into.
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Edge> edge_;
  std::unique_ptr<grpc::Server> grpc_;
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

absl::Status ServerImpl::Open(ServerOptions options) {
  ASSIGN_OR_RETURN(path_, SocketPath(options.config.listen));
  config_file_ = options.config_file;
  overrides_ = options.overrides;
  RETURN_IF_ERROR(PreparePlace(path_));
  for (const std::string& directory :
       {options.config.root, options.config.state}) {
    RETURN_IF_ERROR(runtime::MakeDirs(directory, 0700));
  }
  ASSIGN_OR_RETURN(state_lock_, LockDirectory(options.config.state));
  if (options.config.root != options.config.state) {
    ASSIGN_OR_RETURN(root_lock_, LockDirectory(options.config.root));
  }
  ASSIGN_OR_RETURN(engine_, Engine::Open(std::move(options)));
  RETURN_IF_ERROR(Listen());
  runtime::log::Info("CRI v1 served at unix://", path_);
  return absl::OkStatus();
}

absl::Status ServerImpl::Listen() {
  edge_ = std::make_unique<Edge>(*engine_);
  ASSIGN_OR_RETURN(std::string bind_dir, MakeBindDir(path_));
  grpc::ServerBuilder builder;
  builder.AddListeningPort(absl::StrCat("unix://", bind_dir, "/s"),
                           grpc::InsecureServerCredentials());
  builder.SetMaxReceiveMessageSize(
      static_cast<int>(engine_->Config()->max_message_bytes));
  // A unix socket needs no measuring of its delay, nor the timers for it.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  edge_->Register(builder);
  grpc_ = builder.BuildAndStart();
  if (grpc_ == nullptr) {
    rmdir(bind_dir.c_str());
    return absl::InternalError(
        absl::StrCat("listen: gRPC cannot bind in ", bind_dir));
  }
  edge_->Start();
  return Publish(bind_dir, path_);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(ServerOptions options) {
  auto server = std::make_unique<ServerImpl>();
  RETURN_IF_ERROR(server->Open(std::move(options)));
  return server;
}

}  // namespace cri::server
