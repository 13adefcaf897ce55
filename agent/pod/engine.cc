// SPDX-License-Identifier: Apache-2.0
// Start, stop, condition, and the way of news from the runtime to the workers.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/pod/engine_impl.h"
#include "agent/pod/labels.h"
#include "agent/pod/paths.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace agent::pod {
namespace {

namespace log = ::runtime::log;

constexpr int kThreads = 32;
constexpr absl::Duration kConditionPeriod = absl::Seconds(5);
constexpr absl::Duration kLogCheck = absl::Seconds(10);

RuntimeCondition ToCondition(
    const absl::StatusOr<v1::StatusResponse>& response) {
  RuntimeCondition out;
  if (!response.ok()) {
    out.message = absl::StrCat("container runtime is down: ",
                               response.status().message());
    return out;
  }
  for (const auto& condition : response->status().conditions()) {
    std::string text =
        absl::StrCat(condition.type(), "=false reason:", condition.reason(),
                     " message:", condition.message());
    if (condition.type() == "RuntimeReady") {
      out.runtime_ready = condition.status();
      if (!condition.status()) {
        out.message = absl::StrCat("container runtime not ready: ", text);
      }
    } else if (condition.type() == "NetworkReady") {
      out.network_ready = condition.status();
      if (!condition.status() && out.message.empty()) {
        out.message =
            absl::StrCat("container runtime network not ready: ", text);
      }
    }
  }
  for (const auto& handler : response->runtime_handlers()) {
    if (!handler.name().empty()) continue;  // the default one
    out.user_namespaces = handler.features().user_namespaces();
  }
  return out;
}

std::string Label(const google::protobuf::Map<std::string, std::string>& map,
                  const char* key) {
  auto it = map.find(key);
  return it == map.end() ? "" : it->second;
}

}  // namespace

EngineImpl::EngineImpl(const EngineOptions& options,
                       std::shared_ptr<grpc::ChannelInterface> channel,
                       api::Client* client, object::Source* objects,
                       volume::Manager* volumes)
    : pool_("pods", kThreads),
      cri_(std::move(channel)),
      cgroups_(MakeCgroups(options.cgroup_root,
                           options.cgroup_root.empty()
                               ? std::vector<CgroupHierarchy>()
                               : DetectCgroups(),
                           {options.pod_pids_limit, options.cpu_cfs_quota,
                            options.systemd_cgroups})),
      images_(&cri_, objects, &pool_, options.max_parallel_pulls,
              options.first_pull_report),
      recorder_(client, &pool_, options.node_name),
      writer_(client, &pool_),
      prober_(&cri_, &net_, &pool_, &recorder_,
              [this](const std::string& uid) {
                if (auto worker = FindWorker(uid)) worker->Wake(false);
              }),
      client_(client),
      mirrors_(client, &writer_, &pool_, options.node_name),
      self_(std::make_shared<EngineImpl*>(this)) {
  deps_.options = options;
  deps_.memory_capacity = MemoryCapacity();
  deps_.cri = &cri_;
  deps_.objects = objects;
  deps_.volumes = volumes;
  deps_.executor = &pool_;
  deps_.net = &net_;
  deps_.cgroups = cgroups_.get();
  deps_.images = &images_;
  deps_.events = &recorder_;
  deps_.writer = &writer_;
  deps_.prober = &prober_;
  deps_.network_problem = [this]() -> std::string {
    RuntimeCondition condition = Condition();
    return condition.network_ready ? "" : condition.message;
  };
  deps_.user_namespaces = [this] { return Condition().user_namespaces; };
  deps_.on_done = [this](const std::string& uid) { OnWorkerDone(uid); };
}

EngineImpl::~EngineImpl() { Stop(); }

absl::Status EngineImpl::Start() {
  ASSIGN_OR_RETURN(v1::VersionResponse version, cri_.Version());
  deps_.runtime_name = version.runtime_name();
  log::Info("container runtime ", version.runtime_name(), " ",
            version.runtime_version());
  RETURN_IF_ERROR(runtime::MakeDirs(deps_.options.kubelet_dir + "/pods", 0750));
  RETURN_IF_ERROR(runtime::MakeDirs(deps_.options.pod_logs_dir));
  RETURN_IF_ERROR(runtime::MakeDirs(deps_.options.container_logs_dir));
  RETURN_IF_ERROR(cgroups_->Init());
  CheckCondition();
  RETURN_IF_ERROR(AdoptAll());
  if (deps_.objects != nullptr) {
    deps_.objects->SetListener(
        [weak = std::weak_ptr(self_)](const std::string& uid) {
          auto self = weak.lock();
          if (self == nullptr) return;
          if (auto worker = (*self)->FindWorker(uid)) worker->Wake(true);
        });
  }
  events_ = std::make_unique<cri::EventReader>(
      &cri_, cri::EventReaderOptions(),
      [this](v1::ContainerEventResponse event) { OnEvent(std::move(event)); },
      [this] { Relist(); });
  {
    absl::MutexLock lock(&mutex_);
    api_synced_ = client_ == nullptr;
    static_synced_ = deps_.options.static_pod_dir.empty();
    next_resync_ = absl::Now() + deps_.options.sync_frequency;
    CleanOrphans();
  }
  if (!deps_.options.static_pod_dir.empty()) {
    static_ = std::make_unique<source::StaticSource>(
        deps_.options.static_pod_dir, deps_.options.node_name,
        [this](std::vector<Json> pods) { OnStaticPods(std::move(pods)); });
    RETURN_IF_ERROR(static_->Start());
  }
  if (client_ != nullptr) {
    watch_ = std::make_unique<source::PodWatch>(
        client_, deps_.options.node_name,
        source::PodWatch::Handlers{
            [this](std::vector<Json> pods, bool current) {
              return OnApiList(std::move(pods), current);
            },
            [this](Json pod) { OnApiPod(std::move(pod)); },
            [this](Json pod) { OnApiGone(std::move(pod)); }});
  }
  Tick();
  return absl::OkStatus();
}

void EngineImpl::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    if (std::exchange(stopping_, true)) return;
  }
  if (deps_.objects != nullptr) deps_.objects->SetListener(nullptr);
  self_.reset();
  watch_.reset();
  static_.reset();
  events_.reset();
  deps_.stopped = true;
  prober_.Stop();
  recorder_.Stop();
  cri_.Shutdown();
  net_.Stop();
  writer_.Stop();
  pool_.Stop();
}

bool EngineImpl::stopped() {
  absl::MutexLock lock(&mutex_);
  return stopping_;
}

RuntimeCondition EngineImpl::Condition() {
  absl::MutexLock lock(&mutex_);
  return condition_;
}

void EngineImpl::SetConditionListener(std::function<void()> on_change) {
  absl::MutexLock lock(&mutex_);
  condition_listener_ = std::move(on_change);
}

absl::Status EngineImpl::SetPodCidr(const std::string& cidr) {
  RETURN_IF_ERROR(cri_.UpdateRuntimeConfig(cidr));
  CheckCondition();
  return absl::OkStatus();
}

void EngineImpl::CheckCondition() {
  RuntimeCondition now = ToCondition(cri_.Status());
  std::function<void()> listener;
  {
    absl::MutexLock lock(&mutex_);
    bool flipped = now.runtime_ready != condition_.runtime_ready ||
                   now.network_ready != condition_.network_ready;
    condition_ = std::move(now);
    if (!flipped) return;
    listener = condition_listener_;
  }
  if (listener) listener();
  WakeAll();
}

// Every 5 s the runtime's condition, every 10 s the sizes of the logs, every
// minute a look at all pods: volumes are refreshed, lost news is made good.
void EngineImpl::Tick() {
  CheckCondition();
  absl::Time now = absl::Now();
  std::vector<std::shared_ptr<Worker>> workers;
  {
    absl::MutexLock lock(&mutex_);
    if (now >= next_resync_) {
      next_resync_ = now + deps_.options.sync_frequency;
      for (auto& [uid, entry] : workers_) workers.push_back(entry.worker);
    }
  }
  for (auto& worker : workers) worker->Wake(true);
  if (now >= next_log_check_) {
    RotateLogs();
    next_log_check_ = absl::Now() + kLogCheck;
  }
  deps_.executor->PostAfter(kConditionPeriod, [weak = std::weak_ptr(self_)] {
    if (auto self = weak.lock()) (*self)->Tick();
  });
}

void EngineImpl::RotateLogs() {
  std::vector<std::shared_ptr<Worker>> workers;
  {
    absl::MutexLock lock(&mutex_);
    for (auto& [uid, entry] : workers_) workers.push_back(entry.worker);
  }
  for (auto& worker : workers) {
    for (const auto& [name, attempts] : worker->Snapshot().containers) {
      for (const auto& attempt : attempts) {
        if (attempt.state != v1::CONTAINER_RUNNING ||
            attempt.log_path.empty()) {
          continue;
        }
        absl::Status status =
            RotateLog(attempt.log_path, deps_.options.log_limits, absl::Now(),
                      [&] { return cri_.ReopenContainerLog(attempt.id); });
        if (!status.ok()) {
          log::Warning("pod ", worker->full_name(), ", log of ", name, ": ",
                       status.message());
        }
      }
    }
  }
}

void EngineImpl::WakeAll() {
  std::vector<std::shared_ptr<Worker>> workers;
  {
    absl::MutexLock lock(&mutex_);
    for (auto& [uid, entry] : workers_) workers.push_back(entry.worker);
  }
  for (auto& worker : workers) worker->Wake(false);
}

std::shared_ptr<Worker> EngineImpl::FindWorker(const std::string& uid) {
  absl::MutexLock lock(&mutex_);
  auto it = workers_.find(uid);
  return it == workers_.end() ? nullptr : it->second.worker;
}

absl::Status EngineImpl::AdoptAll() {
  ASSIGN_OR_RETURN(v1::ListPodSandboxResponse sandboxes, cri_.ListPodSandbox());
  ASSIGN_OR_RETURN(v1::ListContainersResponse containers,
                   cri_.ListContainers());
  std::map<std::string, Facts> found;
  for (const auto& sandbox : sandboxes.items()) {
    std::string uid = Label(sandbox.labels(), kPodUid);
    if (uid.empty()) continue;  // not ours: crictl's, or another client's
    auto status = cri_.PodSandboxStatus(sandbox.id());
    if (absl::IsNotFound(status.status())) continue;
    RETURN_IF_ERROR(status.status());
    found[uid].ObserveSandbox(*status);
  }
  for (const auto& container : containers.containers()) {
    std::string uid = Label(container.labels(), kPodUid);
    if (uid.empty()) continue;
    auto status = cri_.ContainerStatus(container.id());
    if (absl::IsNotFound(status.status())) continue;
    RETURN_IF_ERROR(status.status());
    found[uid].ObserveContainer(*status, container.pod_sandbox_id());
  }
  absl::MutexLock lock(&mutex_);
  adopted_ = std::move(found);
  return absl::OkStatus();
}

void EngineImpl::OnEvent(v1::ContainerEventResponse event) {
  std::string uid = event.pod_sandbox_status().metadata().uid();
  if (uid.empty()) {
    for (const auto& status : event.containers_statuses()) {
      if (uid.empty()) uid = Label(status.labels(), kPodUid);
    }
  }
  auto worker = FindWorker(uid);
  if (worker == nullptr) return;
  bool removed = event.container_event_type() == v1::CONTAINER_DELETED_EVENT;
  if (removed || event.containers_statuses().empty()) worker->Refresh();
  if (event.has_pod_sandbox_status()) worker->Observe(std::move(event));
}

// Compares the runtime's short lists with the last ones, and has those pods
// look closer that differ.
void EngineImpl::Relist() {
  auto sandboxes = cri_.ListPodSandbox();
  auto containers = cri_.ListContainers();
  if (!sandboxes.ok() || !containers.ok()) return;
  std::map<std::string, std::string> now;
  for (const auto& sandbox : sandboxes->items()) {
    absl::StrAppend(&now[Label(sandbox.labels(), kPodUid)], sandbox.id(),
                    sandbox.state(), ";");
  }
  for (const auto& container : containers->containers()) {
    absl::StrAppend(&now[Label(container.labels(), kPodUid)], container.id(),
                    container.state(), ";");
  }
  std::vector<std::shared_ptr<Worker>> changed;
  {
    absl::MutexLock lock(&mutex_);
    for (auto& [uid, entry] : workers_) {
      if (now[uid] != relist_[uid]) changed.push_back(entry.worker);
    }
    relist_ = std::move(now);
  }
  for (auto& worker : changed) worker->Refresh();
}

std::unique_ptr<Engine> MakeEngine(const EngineOptions& options,
                                   std::shared_ptr<grpc::ChannelInterface> cri,
                                   api::Client* client, object::Source* objects,
                                   volume::Manager* volumes) {
  return std::make_unique<EngineImpl>(options, std::move(cri), client, objects,
                                      volumes);
}

}  // namespace agent::pod
