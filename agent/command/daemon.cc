// SPDX-License-Identifier: Apache-2.0
#include "agent/command/daemon.h"

#include <grpcpp/grpcpp.h>

#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/api/http_client.h"
#include "agent/api/kubeconfig.h"
#include "agent/command/certificates.h"
#include "agent/command/cri_options.h"
#include "agent/command/event_engine.h"
#include "agent/command/memory.h"
#include "agent/command/pod_usage.h"
#include "agent/command/reload.h"
#include "agent/command/settings.h"
#include "agent/command/signals.h"
#include "agent/cri/client.h"
#include "agent/env/env.h"
#include "agent/join/bootstrap.h"
#include "agent/node/capacity.h"
#include "agent/node/node.h"
#include "agent/node/plain_http.h"
#include "agent/node/runtime.h"
#include "agent/object/source.h"
#include "agent/pod/engine.h"
#include "agent/server/server.h"
#include "agent/volume/manager.h"
#include "cri/config/config.h"
#include "cri/image/inbox.h"
#include "cri/server/server.h"
#include "proto/cri/v1/api.grpc.pb.h"
#include "runtime/base/executor.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace agent::command {
namespace {

constexpr int kAgentThreads = 32;
constexpr absl::Duration kApprovalWait = absl::Hours(1);
constexpr absl::Duration kRuntimeRetry = absl::Milliseconds(500);

// Members are destroyed from the bottom up: what is used outlives its users.
class Daemon {
 public:
  explicit Daemon(const DaemonOptions& options) : options_(options) {}

  absl::Status Run();

 private:
  absl::Status StartRuntime();
  absl::Status WaitForRuntime();
  absl::Status StartClient();
  absl::Status StartPods();
  // Whether systemd drives cgroups: as the runtime says, else as configured.
  absl::StatusOr<bool> UsesSystemd();
  absl::Status StartServer();
  absl::Status StartLocal();
  absl::Status Health();
  absl::Status StartNode();
  void Stop();

  const DaemonOptions options_;
  StopSignal stop_;
  Settings settings_;
  node::RuntimeInfo runtime_info_;
  volume::NodeFacts node_facts_;
  std::unique_ptr<::cri::server::Server> cri_;
  std::unique_ptr<runtime::Executor> executor_;
  std::unique_ptr<::cri::image::Inbox> inbox_;
  std::shared_ptr<grpc::ChannelInterface> channel_;
  std::unique_ptr<node::Runtime> runtime_;
  std::unique_ptr<api::HttpClient> client_;
  std::unique_ptr<object::Source> objects_;
  std::unique_ptr<volume::Manager> volumes_;
  std::unique_ptr<pod::Engine> engine_;
  std::unique_ptr<node::Node> node_;
  std::unique_ptr<Certificates> certificates_;
  std::unique_ptr<cri::Client> usage_client_;
  std::unique_ptr<server::Server> server_;
  std::unique_ptr<node::PlainHttp> healthz_, local_;
};

absl::Status Daemon::StartRuntime() {
  if (options_.cri_in_process) {
    ASSIGN_OR_RETURN(::cri::server::ServerOptions server,
                     CriOptions(options_, settings_));
    settings_.cri_socket = server.config.listen;
    const std::string root = server.config.root;
    ASSIGN_OR_RETURN(cri_, ::cri::server::Server::Start(std::move(server)));
    inbox_ = ::cri::image::StartInbox(&cri_->Images(), root);
    channel_ = cri_->InProcessChannel();
  } else {
    if (!absl::StartsWith(settings_.cri_socket, "unix://")) {
      return absl::InvalidArgumentError(
          "give the runtime's socket: --cri-socket unix:///PATH");
    }
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(16 << 20);
    channel_ = grpc::CreateCustomChannel(
        settings_.cri_socket, grpc::InsecureChannelCredentials(), arguments);
  }
  runtime_ = std::make_unique<node::Runtime>(channel_);
  return WaitForRuntime();
}

absl::Status Daemon::WaitForRuntime() {
  for (bool told = false;;) {
    auto info = runtime_->Info();
    if (info.ok()) {
      runtime_info_ = *std::move(info);
      return absl::OkStatus();
    }
    if (!told) {
      runtime::log::Warning("waiting for the runtime at ", settings_.cri_socket,
                            ": ", info.status().message());
      told = true;
    }
    if (stop_.stopped()) return absl::CancelledError("stopped");
    absl::SleepFor(kRuntimeRetry);
  }
}

absl::Status Daemon::StartClient() {
  if (settings_.standalone) return absl::OkStatus();
  RETURN_IF_ERROR(join::EnsureClientCertificate(
      settings_.paths, settings_.node_name, kApprovalWait, stop_.token()));
  ASSIGN_OR_RETURN(const api::ClientConfig config,
                   api::LoadKubeconfig(settings_.paths.kubeconfig));
  ASSIGN_OR_RETURN(client_, api::MakeClient(config));
  return absl::OkStatus();
}

absl::StatusOr<bool> Daemon::UsesSystemd() {
  const std::string& configured = settings_.kubelet.cgroup_driver;
  ASSIGN_OR_RETURN(std::string driver, runtime_->CgroupDriver());
  if (driver.empty()) driver = configured;
  if (driver != configured) {
    runtime::log::Info("cgroupDriver is ", configured, ", the runtime has ",
                       driver, ": following the runtime");
  }
  return driver == "systemd";
}

absl::Status Daemon::StartPods() {
  const config::KubeletConfig& kubelet = settings_.kubelet;
  const config::Paths& paths = settings_.paths;
  for (const std::string& dir :
       {paths.kubelet_dir, kubelet.pod_logs_dir, paths.container_logs_dir,
        settings_.static_pod_dir}) {
    if (!dir.empty()) RETURN_IF_ERROR(runtime::MakeDirs(dir));
  }
  node_facts_.name = settings_.node_name;
  node_facts_.host_ips = settings_.node_ips;
  ASSIGN_OR_RETURN(
      node_facts_.allocatable,
      node::Allocatable(node::ReadHostFacts(),
                        node::ReadUsage(paths.kubelet_dir), kubelet));
  objects_ = client_ ? object::MakeApiSource(client_.get(), executor_.get())
                     : object::MakeEmptySource();
  volumes_ =
      volume::MakeManager({paths.kubelet_dir, objects_.get(), node_facts_});
  pod::EngineOptions engine;
  engine.node_name = settings_.node_name;
  engine.kubelet_dir = paths.kubelet_dir;
  engine.pod_logs_dir = kubelet.pod_logs_dir;
  engine.container_logs_dir = paths.container_logs_dir;
  engine.static_pod_dir = settings_.static_pod_dir;
  if (!kubelet.cgroup_root.empty()) engine.cgroup_root = kubelet.cgroup_root;
  ASSIGN_OR_RETURN(engine.systemd_cgroups, UsesSystemd());
  engine.node = node_facts_;
  engine.dns = {kubelet.cluster_dns, kubelet.cluster_domain,
                kubelet.resolv_conf};
  engine.max_pods = static_cast<int>(kubelet.max_pods);
  engine.max_restart_backoff = kubelet.max_restart_period;
  if (kubelet.serialize_image_pulls) {
    engine.max_parallel_pulls = 1;
  } else if (kubelet.max_parallel_image_pulls > 0) {
    engine.max_parallel_pulls =
        static_cast<int>(kubelet.max_parallel_image_pulls);
  }
  engine.sync_frequency = kubelet.sync_frequency;
  engine.seccomp_default = kubelet.seccomp_default;
  engine.allowed_unsafe_sysctls = kubelet.allowed_unsafe_sysctls;
  engine.pod_pids_limit = kubelet.pod_pids_limit;
  engine.cpu_cfs_quota = kubelet.cpu_cfs_quota;
  ASSIGN_OR_RETURN(engine.log_limits.max_size,
                   env::QuantityBytes(kubelet.container_log_max_size));
  engine.log_limits.max_files =
      static_cast<int>(kubelet.container_log_max_files);
  engine_ = pod::MakeEngine(engine, channel_, client_.get(), objects_.get(),
                            volumes_.get());
  return engine_->Start();
}

absl::Status Daemon::StartServer() {
  const config::KubeletConfig& kubelet = settings_.kubelet;
  ASSIGN_OR_RETURN(const join::ServingFiles serving,
                   Certificates::Serving(settings_));
  if (client_ != nullptr) {
    certificates_ = std::make_unique<Certificates>(&settings_, client_.get());
    certificates_->Start();
  }
  if (!kubelet.enable_server) return absl::OkStatus();
  server::Options options;
  options.address = kubelet.address;
  options.port = static_cast<int>(kubelet.port);
  options.cert_file = serving.cert_file;
  options.key_file = serving.key_file;
  ASSIGN_OR_RETURN(options.tls,
                   server::ParseTlsPolicy(kubelet.tls_min_version,
                                          kubelet.tls_cipher_suites));
  options.node_name = settings_.node_name;
  options.pod_logs_dir = kubelet.pod_logs_dir;
  options.debugging_handlers = kubelet.enable_debugging_handlers;
  options.configz = config::KubeletConfigJson(kubelet);
  options.authentication = {kubelet.client_ca_file,
                            kubelet.webhook_authentication,
                            kubelet.authentication_ttl, kubelet.anonymous_auth};
  options.authorization = {kubelet.authorization_mode == "Webhook",
                           kubelet.authorized_ttl, kubelet.unauthorized_ttl};
  options.client = client_.get();
  options.pods = &engine_->pods();
  usage_client_ = std::make_unique<cri::Client>(channel_);
  options.pod_usage = [this] { return ReadPodUsage(*usage_client_); };
  options.pulls = [this] { return ReadPulls(*usage_client_); };
  options.executor = executor_.get();
  options.sync_loop = [this] { return Health(); };
  server_ = server::MakeServer(options);
  const absl::Status started = server_->Start();
  if (started.ok() || !settings_.standalone) return started;
  // Pods do not need it, and several standalone nodes may share a host.
  runtime::log::Warning("no HTTPS server: ", started.message());
  server_ = nullptr;
  return absl::OkStatus();
}

absl::Status Daemon::Health() {
  const pod::RuntimeCondition condition = engine_->Condition();
  if (condition.runtime_ready) return absl::OkStatus();
  return absl::UnavailableError(condition.message);
}

absl::Status Daemon::StartLocal() {
  const std::string socket =
      LocalSocket(settings_.cri_socket, settings_.paths.root);
  ASSIGN_OR_RETURN(
      local_,
      node::PlainHttp::ListenUnix(socket, [this](const std::string& path) {
        if (path == "/pods") {
          return node::Reply{
              200, runtime::DumpJson(runtime::Json(engine_->pods().List()))};
        }
        if (path == "/waits") {
          return node::Reply{200, runtime::DumpJson(engine_->Waits())};
        }
        return node::Reply{404, "no such path\n"};
      }));
  const config::KubeletConfig& kubelet = settings_.kubelet;
  if (kubelet.healthz_port == 0) return absl::OkStatus();
  ASSIGN_OR_RETURN(
      healthz_,
      node::PlainHttp::ListenTcp(
          kubelet.healthz_bind_address, static_cast<int>(kubelet.healthz_port),
          [this](const std::string& path) {
            if (path != "/healthz") return node::Reply{404, "no such path\n"};
            const absl::Status health = Health();
            if (health.ok()) return node::Reply{200, "ok"};
            return node::Reply{500, std::string(health.message())};
          }));
  return absl::OkStatus();
}

absl::Status Daemon::StartNode() {
  if (client_ == nullptr) return absl::OkStatus();
  node::Options options;
  options.identity = {settings_.node_name, settings_.node_ips, settings_.labels,
                      settings_.cri_socket};
  options.runtime = runtime_info_;
  options.config = settings_.kubelet;
  options.kubelet_dir = settings_.paths.kubelet_dir;
  node::Hooks hooks;
  hooks.readiness = [this] {
    const pod::RuntimeCondition condition = engine_->Condition();
    return node::Readiness{condition.runtime_ready && condition.network_ready,
                           condition.message};
  };
  hooks.images = [this] { return runtime_->Images(); };
  hooks.on_pod_cidr = [this](const std::string& cidr) {
    return engine_->SetPodCidr(cidr);
  };
  node_ = std::make_unique<node::Node>(std::move(options), std::move(hooks),
                                       client_.get());
  engine_->SetConditionListener([this] { node_->Kick(); });
  return node_->Start();
}

void Daemon::Stop() {
  NotifySystemd("STOPPING=1");
  runtime::log::Info("stopping; pods keep running");
  healthz_.reset();
  local_.reset();
  if (usage_client_) usage_client_->Shutdown();
  if (server_) server_->Stop();
  if (certificates_) certificates_->Stop();
  if (engine_) engine_->SetConditionListener([] {});
  if (node_) node_->Stop();
  if (engine_) engine_->Stop();
  if (cri_) cri_->Stop();
}

absl::Status Daemon::Run() {
  ASSIGN_OR_RETURN(settings_, LoadSettings(options_));
  runtime::log::Info("coracle " CORACLE_VERSION " starts node ",
                     settings_.node_name,
                     settings_.standalone ? " without a cluster" : "");
  executor_ = std::make_unique<runtime::Executor>("agent", kAgentThreads);
  RETURN_IF_ERROR(StartRuntime());
  RETURN_IF_ERROR(StartClient());
  RETURN_IF_ERROR(StartPods());
  RETURN_IF_ERROR(StartServer());
  RETURN_IF_ERROR(StartLocal());
  RETURN_IF_ERROR(StartNode());
  if (cri_) stop_.OnHangUp([this] { ReloadCri(*cri_); });
  NotifySystemd("READY=1");
  runtime::log::Info("node ", settings_.node_name, " runs, CRI on ",
                     settings_.cri_socket);
  do {
    ReleaseUnused();
  } while (!stop_.WaitFor(kReleasePeriod));
  stop_.OnHangUp(nullptr);
  Stop();
  return absl::OkStatus();
}

}  // namespace

absl::Status RunDaemon(const DaemonOptions& options) {
  TuneAllocator();
  UseQuietEventEngine();
  Daemon daemon(options);
  return daemon.Run();
}

}  // namespace agent::command
