// SPDX-License-Identifier: Apache-2.0
#include "agent/probe/prober.h"

#include <utility>
#include <vector>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/status/spec.h"

namespace agent::probe {
namespace {

enum class Kind { kStartup, kLiveness, kReadiness };

const char* NameOf(Kind kind) {
  switch (kind) {
    case Kind::kStartup:
      return "Startup";
    case Kind::kLiveness:
      return "Liveness";
    case Kind::kReadiness:
      break;
  }
  return "Readiness";
}

constexpr std::pair<Kind, const char*> kKinds[] = {
    {Kind::kStartup, "startupProbe"},
    {Kind::kLiveness, "livenessProbe"},
    {Kind::kReadiness, "readinessProbe"}};

State Initial(const Json& spec) {
  State state;
  state.started = !runtime::Has(spec, "startupProbe");
  state.ready = state.started && !runtime::Has(spec, "readinessProbe");
  return state;
}

// From `Initial` to what was known last.
void Resume(const Json& spec, const State& last, State& state) {
  state.started |= last.started;
  const bool has_readiness = runtime::Has(spec, "readinessProbe");
  state.ready = state.started && (!has_readiness || last.ready);
}

absl::Duration SecondsAt(const Json& spec, const char* key, int64_t fallback) {
  return absl::Seconds(runtime::IntAt(spec, key, fallback));
}

}  // namespace

struct Prober::Container {
  std::shared_ptr<const Json> pod;
  std::string name, id, uid, pod_ip;
  absl::Time started_at;
  State state;
  bool stopping = false, removed = false;
};

struct Prober::Probe {
  std::shared_ptr<Container> container;
  Kind kind;
  Json spec;
  bool last_ok = false;
  int run = 0;  // results of the same sort in a row
};

Prober::Prober(cri::Client* cri, Net* net, runtime::Executor* executor,
               status::Recorder* events,
               std::function<void(const std::string&)> on_change)
    : cri_(cri),
      net_(net),
      executor_(executor),
      events_(events),
      on_change_(std::move(on_change)),
      self_(std::make_shared<Prober*>(this)) {}

Prober::~Prober() {
  absl::MutexLock lock(&mutex_);
  for (auto& [id, container] : containers_) container->removed = true;
  containers_.clear();
}

void Prober::Add(std::shared_ptr<const Json> pod, const std::string& name,
                 const std::string& id, const std::string& pod_ip,
                 absl::Time started_at, std::optional<State> last) {
  auto container = std::make_shared<Container>();
  container->pod = pod;
  container->name = name;
  container->id = id;
  container->uid = status::Uid(*pod);
  container->pod_ip = pod_ip;
  container->started_at = started_at;
  const Json& spec = status::FindContainer(*pod, name);
  std::vector<ProbePtr> probes;
  for (const auto& [kind, key] : kKinds) {
    const Json& given = runtime::At(spec, key);
    if (!given.is_object()) continue;
    auto probe = std::make_shared<Probe>();
    probe->container = container;
    probe->kind = kind;
    probe->spec = given;
    probes.push_back(std::move(probe));
  }
  if (probes.empty()) return;
  container->state = Initial(spec);
  if (last.has_value()) Resume(spec, *last, container->state);
  absl::Time now = absl::Now();
  {
    absl::MutexLock lock(&mutex_);
    if (!containers_.emplace(id, container).second) return;
  }
  absl::BitGen random;
  for (const ProbePtr& probe : probes) {
    absl::Duration delay = std::max(
        started_at + SecondsAt(probe->spec, "initialDelaySeconds", 0) - now,
        absl::ZeroDuration());
    if (last.has_value()) {
      // Not all pods at once when the agent starts.
      delay = absl::Uniform(random, 0.0, 1.0) *
              SecondsAt(probe->spec, "periodSeconds", 10);
    }
    Schedule(probe, delay);
  }
}

void Prober::Stopping(const std::string& id) {
  absl::MutexLock lock(&mutex_);
  auto it = containers_.find(id);
  if (it != containers_.end()) it->second->stopping = true;
}

void Prober::Remove(const std::string& id) {
  absl::MutexLock lock(&mutex_);
  auto it = containers_.find(id);
  if (it == containers_.end()) return;
  it->second->removed = true;
  containers_.erase(it);
}

void Prober::RemovePod(const std::string& uid) {
  absl::MutexLock lock(&mutex_);
  for (auto it = containers_.begin(); it != containers_.end();) {
    if (it->second->uid == uid) {
      it->second->removed = true;
      it = containers_.erase(it);
    } else {
      ++it;
    }
  }
}

State Prober::Get(const std::string& id, const Json& spec) const {
  {
    absl::MutexLock lock(&mutex_);
    auto it = containers_.find(id);
    if (it != containers_.end()) return it->second->state;
  }
  return Initial(spec);
}

void Prober::Stop() {
  absl::MutexLock lock(&mutex_);
  stopped_ = true;
}

void Prober::Schedule(const ProbePtr& probe, absl::Duration delay) {
  executor_->PostAfter(delay, [weak = std::weak_ptr(self_), probe] {
    if (auto self = weak.lock()) (*self)->Run(probe);
  });
}

void Prober::RunExec(const ProbePtr& probe, absl::Duration timeout) {
  std::vector<std::string> command;
  for (const Json& word :
       runtime::ArrayAt(runtime::At(probe->spec, "exec"), "command")) {
    if (word.is_string()) command.push_back(word.get<std::string>());
  }
  cri_->ExecSync(
      probe->container->id, command, timeout,
      [weak = std::weak_ptr(self_), probe,
       timeout](absl::StatusOr<cri::v1::ExecSyncResponse> response) {
        auto self = weak.lock();
        if (self == nullptr) return;
        absl::Status result = response.status();
        if (absl::IsDeadlineExceeded(result)) {
          result = absl::DeadlineExceededError(absl::StrCat(
              "command timed out after ", absl::FormatDuration(timeout)));
        } else if (result.ok() && response->exit_code() != 0) {
          std::string output = response->stdout() + response->stderr();
          result = absl::AbortedError(output.substr(0, 1024));
        }
        (*self)->OnResult(probe, result);
      });
}

void Prober::Run(const ProbePtr& probe) {
  Container& container = *probe->container;
  {
    absl::MutexLock lock(&mutex_);
    if (container.removed || stopped_) return;
    bool wait = probe->kind != Kind::kStartup && !container.state.started;
    if (probe->kind == Kind::kStartup && container.state.started) return;
    if (container.stopping && probe->kind != Kind::kReadiness) return;
    if (wait) {
      // Startup gates the others; its success schedules them anew at once.
      return Schedule(probe, absl::Milliseconds(250));
    }
  }
  absl::Duration timeout = SecondsAt(probe->spec, "timeoutSeconds", 1);
  if (runtime::Has(probe->spec, "exec")) return RunExec(probe, timeout);
  const Json& spec = status::FindContainer(*container.pod, container.name);
  auto done = [weak = std::weak_ptr(self_), probe](absl::Status result) {
    if (auto self = weak.lock()) (*self)->OnResult(probe, std::move(result));
  };
  if (runtime::Has(probe->spec, "httpGet")) {
    net_->HttpGet(runtime::At(probe->spec, "httpGet"), spec, container.pod_ip,
                  timeout, done);
  } else if (runtime::Has(probe->spec, "tcpSocket")) {
    net_->TcpConnect(runtime::At(probe->spec, "tcpSocket"), spec,
                     container.pod_ip, timeout, done);
  } else if (runtime::Has(probe->spec, "grpc")) {
    net_->GrpcCheck(runtime::At(probe->spec, "grpc"), container.pod_ip, timeout,
                    done);
  } else {
    done(absl::OkStatus());
  }
}

void Prober::Evaluate(const ProbePtr& probe, const absl::Status& result,
                      bool& changed) {
  State& state = probe->container->state;
  bool ok = result.ok();
  probe->run = probe->run > 0 && probe->last_ok == ok ? probe->run + 1 : 1;
  probe->last_ok = ok;
  int64_t need = ok ? runtime::IntAt(probe->spec, "successThreshold", 1)
                    : runtime::IntAt(probe->spec, "failureThreshold", 3);
  if (probe->run < need) return;
  State before = state;
  switch (probe->kind) {
    case Kind::kStartup:
      if (ok) {
        state.started = true;
        bool has_readiness =
            runtime::Has(status::FindContainer(*probe->container->pod,
                                               probe->container->name),
                         "readinessProbe");
        state.ready = !has_readiness;
      } else {
        state.unhealthy = true;
      }
      break;
    case Kind::kLiveness:
      state.unhealthy = !ok;
      break;
    case Kind::kReadiness:
      state.ready = ok;
      break;
  }
  changed = before.started != state.started || before.ready != state.ready ||
            before.unhealthy != state.unhealthy;
}

void Prober::OnResult(const ProbePtr& probe, absl::Status result) {
  Container& container = *probe->container;
  bool changed = false;
  {
    absl::MutexLock lock(&mutex_);
    if (container.removed || stopped_) return;
    if (container.stopping && probe->kind != Kind::kReadiness) return;
    Evaluate(probe, result, changed);
  }
  if (!result.ok()) {
    events_->Event(
        *container.pod, absl::StrCat("spec.containers{", container.name, "}"),
        status::EventType::kWarning, "Unhealthy",
        absl::StrCat(NameOf(probe->kind), " probe failed: ", result.message()));
  }
  if (changed) on_change_(container.uid);
  Schedule(probe, SecondsAt(probe->spec, "periodSeconds", 10));
}

}  // namespace agent::probe
