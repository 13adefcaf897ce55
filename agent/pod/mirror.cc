// SPDX-License-Identifier: Apache-2.0
#include "agent/pod/mirror.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/status/spec.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace agent::pod {
namespace {

namespace log = ::runtime::log;

constexpr char kMirrorKey[] = "kubernetes.io/config.mirror";
constexpr char kHashKey[] = "kubernetes.io/config.hash";

std::string FullName(const Json& pod) {
  return absl::StrCat(status::Namespace(pod), "/", status::Name(pod));
}

std::string PodsPath(const Json& pod) {
  return absl::StrCat("/api/v1/namespaces/", status::Namespace(pod), "/pods");
}

}  // namespace

Json MirrorOf(const Json& pod, const std::string& node_name,
              const std::string& node_uid) {
  const Json& meta = runtime::At(pod, "metadata");
  Json annotations = runtime::ObjectAt(meta, "annotations");
  annotations[kMirrorKey] = status::Annotation(pod, kHashKey);
  Json out = {{"apiVersion", "v1"},
              {"kind", "Pod"},
              {"metadata",
               {{"name", status::Name(pod)},
                {"namespace", status::Namespace(pod)},
                {"labels", runtime::ObjectAt(meta, "labels")},
                {"annotations", annotations},
                {"ownerReferences", Json::array({{{"apiVersion", "v1"},
                                                  {"kind", "Node"},
                                                  {"name", node_name},
                                                  {"uid", node_uid},
                                                  {"controller", true}}})}}},
              {"spec", runtime::At(pod, "spec")}};
  out["spec"]["nodeName"] = node_name;
  // A static pod bypasses the scheduler; without this the node controller
  // would evict its mirror from a tainted node.
  Json tolerations = runtime::ArrayAt(out["spec"], "tolerations");
  tolerations.push_back({{"operator", "Exists"}, {"effect", "NoExecute"}});
  out["spec"]["tolerations"] = std::move(tolerations);
  return out;
}

Mirrors::Mirrors(api::Client* client, status::Writer* writer,
                 runtime::Executor* executor, std::string node_name)
    : client_(client),
      writer_(writer),
      executor_(executor),
      node_name_(std::move(node_name)),
      queue_(executor),
      self_(std::make_shared<Mirrors*>(this)) {}

Mirrors::~Mirrors() = default;

void Mirrors::SetStatic(const std::string& name,
                        std::shared_ptr<const Json> pod) {
  {
    absl::MutexLock lock(&mutex_);
    pairs_[name].pod = std::move(pod);
  }
  Reconcile(name);
}

void Mirrors::RemoveStatic(const std::string& name) {
  {
    absl::MutexLock lock(&mutex_);
    pairs_[name].pod = nullptr;
  }
  Reconcile(name);
}

void Mirrors::SetMirror(std::shared_ptr<const Json> mirror) {
  std::string name = FullName(*mirror);
  {
    absl::MutexLock lock(&mutex_);
    pairs_[name].mirror = std::move(mirror);
  }
  Reconcile(name);
}

void Mirrors::RemoveMirror(const std::string& name, const std::string& uid) {
  {
    absl::MutexLock lock(&mutex_);
    auto it = pairs_.find(name);
    if (it == pairs_.end() || it->second.mirror == nullptr ||
        status::Uid(*it->second.mirror) != uid) {
      return;
    }
    it->second.mirror = nullptr;
  }
  Reconcile(name);
}

void Mirrors::Synced() {
  std::vector<std::string> names;
  {
    absl::MutexLock lock(&mutex_);
    synced_ = true;
    for (const auto& [name, pair] : pairs_) names.push_back(name);
  }
  for (const std::string& name : names) Reconcile(name);
}

void Mirrors::Reconcile(const std::string& name) {
  if (client_ == nullptr) return;
  queue_.Post([weak = std::weak_ptr(self_), this, name] {
    if (weak.expired()) return;
    std::shared_ptr<const Json> pod, mirror;
    {
      absl::MutexLock lock(&mutex_);
      if (!synced_) return;
      auto it = pairs_.find(name);
      if (it == pairs_.end()) return;
      pod = it->second.pod;
      mirror = it->second.mirror;
      if (pod == nullptr && mirror == nullptr) {
        pairs_.erase(it);
        return;
      }
    }
    absl::Status status = Step(pod.get(), mirror.get());
    if (status.ok()) return;
    log::Warning("mirror pod ", name, ": ", status.message());
    executor_->PostAfter(absl::Seconds(5), [weak, this, name] {
      if (!weak.expired()) Reconcile(name);
    });
  });
}

absl::StatusOr<std::string> Mirrors::NodeUid() {
  if (node_uid_.empty()) {
    ASSIGN_OR_RETURN(Json node, client_->Get("/api/v1/nodes/" + node_name_));
    node_uid_ = status::Uid(node);
  }
  return node_uid_;
}

absl::Status Mirrors::Step(const Json* pod, const Json* mirror) {
  if (mirror != nullptr) {
    bool fits =
        pod != nullptr &&
        status::Annotation(*mirror, kMirrorKey) ==
            status::Annotation(*pod, kHashKey) &&
        !runtime::Has(runtime::At(*mirror, "metadata"), "deletionTimestamp");
    if (fits) {
      writer_->SetTarget(status::Uid(*pod), status::Uid(*mirror));
      writer_->Observe(status::Uid(*pod), *mirror);
      return absl::OkStatus();
    }
    if (pod != nullptr) writer_->SetTarget(status::Uid(*pod), "");
    absl::Status status = client_->Delete(
        absl::StrCat(PodsPath(*mirror), "/", status::Name(*mirror)),
        {{"apiVersion", "v1"},
         {"kind", "DeleteOptions"},
         {"gracePeriodSeconds", 0},
         {"preconditions", {{"uid", status::Uid(*mirror)}}}});
    // Its removal comes back through the watch and leads on from there.
    return absl::IsNotFound(status) ? absl::OkStatus() : status;
  }
  writer_->SetTarget(status::Uid(*pod), "");
  ASSIGN_OR_RETURN(std::string node_uid, NodeUid());
  absl::Status status =
      client_->Create(PodsPath(*pod), MirrorOf(*pod, node_name_, node_uid))
          .status();
  return absl::IsAlreadyExists(status) ? absl::OkStatus() : status;
}

}  // namespace agent::pod
