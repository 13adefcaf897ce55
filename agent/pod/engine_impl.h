// SPDX-License-Identifier: Apache-2.0
// The registry of workers, and what feeds it: sources, CRI events, timers.
#ifndef CORACLE_AGENT_POD_ENGINE_IMPL_H_
#define CORACLE_AGENT_POD_ENGINE_IMPL_H_

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "agent/cri/client.h"
#include "agent/cri/events.h"
#include "agent/pod/deps.h"
#include "agent/pod/engine.h"
#include "agent/pod/mirror.h"
#include "agent/pod/resources.h"
#include "agent/pod/worker.h"
#include "agent/source/pod_watch.h"
#include "agent/source/static_source.h"

namespace agent::pod {

class EngineImpl : public Engine, public server::Pods {
 public:
  EngineImpl(const EngineOptions& options,
             std::shared_ptr<grpc::ChannelInterface> channel,
             api::Client* client, object::Source* objects,
             volume::Manager* volumes);
  ~EngineImpl() override;

  absl::Status Start() override;
  void Stop() override;
  server::Pods& pods() override { return *this; }
  RuntimeCondition Condition() override ABSL_LOCKS_EXCLUDED(mutex_);
  void SetConditionListener(std::function<void()> on_change) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status SetPodCidr(const std::string& cidr) override;

  std::vector<Json> List() override ABSL_LOCKS_EXCLUDED(mutex_);
  Json Waits() override ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<server::LogLocation> ContainerLog(const std::string& ns,
                                                   const std::string& pod,
                                                   const std::string& container,
                                                   bool previous) override
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  enum class Origin { kApi, kStatic, kOrphan };
  struct Entry {
    std::shared_ptr<Worker> worker;
    Origin origin = Origin::kApi;
    Requests requests;
    bool held = false;
  };

  // Sources.
  // False, and nothing done, if the list is not current and a pod that runs is
  // missing in it: it may be younger than the list.
  bool OnApiList(std::vector<Json> pods, bool current)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void OnApiPod(Json pod) ABSL_LOCKS_EXCLUDED(mutex_);
  void OnApiGone(Json pod) ABSL_LOCKS_EXCLUDED(mutex_);
  void OnStaticPods(std::vector<Json> pods) ABSL_LOCKS_EXCLUDED(mutex_);
  void Accept(PodPtr pod, Origin origin) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Whether a list with these UIDs would end a pod.
  bool Lacks(const std::set<std::string>& uids) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RemoveMissing(Origin origin, const std::set<std::string>& uids)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnWorkerDone(const std::string& uid) ABSL_LOCKS_EXCLUDED(mutex_);
  // Why the node does not take this pod; both empty if it does.
  std::pair<std::string, std::string> Admit(const Json& pod,
                                            const Requests& requests)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::shared_ptr<Worker> FindWorker(const std::string& uid)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Runtime.
  absl::Status AdoptAll() ABSL_LOCKS_EXCLUDED(mutex_);
  void OnEvent(v1::ContainerEventResponse event) ABSL_LOCKS_EXCLUDED(mutex_);
  void Relist() ABSL_LOCKS_EXCLUDED(mutex_);
  // After the first full set from every source: what nobody wants goes.
  void CleanOrphans() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RemoveOrphanDirs(std::set<std::string> wanted);
  void CheckCondition() ABSL_LOCKS_EXCLUDED(mutex_);
  void Tick();
  // Those of running containers that have grown too large.
  void RotateLogs() ABSL_LOCKS_EXCLUDED(mutex_);
  void WakeAll() ABSL_LOCKS_EXCLUDED(mutex_);
  bool stopped() ABSL_LOCKS_EXCLUDED(mutex_);

  // Tasks refer to all that follows; Stop ends them.
  runtime::Executor pool_;
  cri::Client cri_;
  probe::Net net_;
  const std::unique_ptr<Cgroups> cgroups_;
  Images images_;
  status::Recorder recorder_;
  status::Writer writer_;
  probe::Prober prober_;
  Deps deps_;
  api::Client* const client_;
  Mirrors mirrors_;

  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool api_synced_ ABSL_GUARDED_BY(mutex_) = false;
  bool static_synced_ ABSL_GUARDED_BY(mutex_) = false;
  bool orphans_done_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<std::string, Entry> workers_ ABSL_GUARDED_BY(mutex_);
  // "ns/name" → UIDs in the order they came; the first one has the name.
  std::map<std::string, std::vector<std::string>> names_
      ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Facts> adopted_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> relist_ ABSL_GUARDED_BY(mutex_);
  absl::Time next_resync_ ABSL_GUARDED_BY(mutex_);
  RuntimeCondition condition_ ABSL_GUARDED_BY(mutex_);
  std::function<void()> condition_listener_ ABSL_GUARDED_BY(mutex_);

  absl::Time next_log_check_ = absl::InfinitePast();  // of Tick

  std::unique_ptr<source::PodWatch> watch_;
  std::unique_ptr<source::StaticSource> static_;
  std::unique_ptr<cri::EventReader> events_;
  // Timers find out that the engine is gone.
  std::shared_ptr<EngineImpl*> self_;
};

}  // namespace agent::pod

#endif  // CORACLE_AGENT_POD_ENGINE_IMPL_H_
