// SPDX-License-Identifier: Apache-2.0
#include "agent/pod/facts.h"

#include <algorithm>

#include <google/protobuf/util/message_differencer.h>

namespace agent::pod {
namespace {

int Rank(v1::ContainerState state) {
  switch (state) {
    case v1::CONTAINER_CREATED:
      return 0;
    case v1::CONTAINER_RUNNING:
      return 1;
    case v1::CONTAINER_EXITED:
      return 3;
    default:
      return 2;  // unknown: better than running, to be stopped
  }
}

template <typename Message>
bool Same(const Message& a, const Message& b) {
  return google::protobuf::util::MessageDifferencer::Equals(a, b);
}

}  // namespace

bool Facts::ObserveSandbox(const v1::PodSandboxStatus& sandbox) {
  if (sandbox.id().empty() || gone_.contains(sandbox.id())) return false;
  for (v1::PodSandboxStatus& known : sandboxes_) {
    if (known.id() != sandbox.id()) continue;
    // Stopped is for ever.
    if (known.state() == v1::SANDBOX_NOTREADY &&
        sandbox.state() == v1::SANDBOX_READY) {
      return false;
    }
    if (Same(known, sandbox)) return false;
    known = sandbox;
    return true;
  }
  sandboxes_.push_back(sandbox);
  std::sort(sandboxes_.begin(), sandboxes_.end(),
            [](const auto& a, const auto& b) {
              if (a.metadata().attempt() != b.metadata().attempt()) {
                return a.metadata().attempt() > b.metadata().attempt();
              }
              return a.created_at() > b.created_at();
            });
  return true;
}

bool Facts::ObserveContainer(const v1::ContainerStatus& container,
                             const std::string& sandbox_id) {
  if (container.id().empty() || gone_.contains(container.id())) return false;
  ContainerFact& fact = containers_[container.id()];
  if (!sandbox_id.empty()) fact.sandbox_id = sandbox_id;
  bool fresh = fact.cri.id().empty();
  if (!fresh && Rank(container.state()) < Rank(fact.cri.state())) return false;
  if (!fresh && Same(fact.cri, container)) return false;
  fact.cri = container;
  return true;
}

void Facts::ForgetContainer(const std::string& id) {
  containers_.erase(id);
  gone_.insert(id);
}

void Facts::ForgetSandbox(const std::string& id) {
  gone_.insert(id);
  std::erase_if(sandboxes_, [&](const auto& s) { return s.id() == id; });
  for (auto it = containers_.begin(); it != containers_.end();) {
    if (it->second.sandbox_id == id) {
      gone_.insert(it->first);
      it = containers_.erase(it);
    } else {
      ++it;
    }
  }
}

bool Facts::IsReady(const std::string& sandbox_id) const {
  for (const auto& sandbox : sandboxes_) {
    if (sandbox.id() == sandbox_id) {
      return sandbox.state() == v1::SANDBOX_READY;
    }
  }
  return false;
}

std::vector<ContainerFact*> Facts::Attempts(const std::string& name) {
  std::vector<ContainerFact*> out;
  for (auto& [id, fact] : containers_) {
    if (fact.cri.metadata().name() == name) out.push_back(&fact);
  }
  std::sort(out.begin(), out.end(), [](const auto* a, const auto* b) {
    if (a->cri.created_at() != b->cri.created_at()) {
      return a->cri.created_at() > b->cri.created_at();
    }
    return a->cri.metadata().attempt() > b->cri.metadata().attempt();
  });
  return out;
}

ContainerFact* Facts::Find(const std::string& id) {
  auto it = containers_.find(id);
  return it == containers_.end() ? nullptr : &it->second;
}

std::vector<ContainerFact*> Facts::All() {
  std::vector<ContainerFact*> out;
  for (auto& [id, fact] : containers_) out.push_back(&fact);
  return out;
}

}  // namespace agent::pod
