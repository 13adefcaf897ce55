// SPDX-License-Identifier: Apache-2.0
// Sandboxes runs the sandbox life cycle: it alone makes, stops and removes
// sandboxes, keeps their records, and finds them again after a restart.
//
//   <root>/sandboxes/<id>.json   record; written last, so it means "complete"
//   <root>/sandboxes/<id>/       empty; made first, so it means "maybe a half"
#ifndef CORACLE_CRI_SANDBOX_SANDBOXES_H_
#define CORACLE_CRI_SANDBOX_SANDBOXES_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "cri/network/network.h"
#include "cri/sandbox/cgroup.h"
#include "cri/sandbox/flights.h"
#include "cri/sandbox/record_commits.h"
#include "cri/sandbox/registry.h"
#include "cri/sandbox/sandbox.h"
#include "runtime/base/executor.h"
#include "runtime/base/trash.h"
#include "runtime/handler/handler.h"

namespace cri::sandbox {

struct SandboxesOptions {
  std::string root;
  int64_t shm_bytes = 64 << 20;
  bool systemd_cgroups = false;  // pods' cgroups are slices and scopes
  runtime::Executor* executor = nullptr;
  // For the sweep of halves alone, whose plugins may hang.
  runtime::Executor* sweeper = nullptr;
  // Before a sweep that failed is tried again the first time.
  absl::Duration sweep_patience = absl::Minutes(1);
  runtime::Handler* handler = nullptr;
  network::Network* network = nullptr;
  runtime::Trash* trash = nullptr;
  RecordCommits* commits = nullptr;  // null: when the kernel likes
  // Told of CREATED, STARTED, STOPPED, DELETED on the sandbox's queue.
  std::function<void(const SandboxPtr&, runtime::v1::ContainerEventType)>
      notify;
};

// Thread safe; calls block.
class Sandboxes {
 public:
  explicit Sandboxes(SandboxesOptions options);

  // Reads the records, matches them with what the handler found `living`, and
  // finds halves: sandboxes without a record, leases of nobody. Before any
  // other call.
  absl::Status Recover(const std::vector<runtime::SandboxState>& living);
  // Begins to remove the halves, on `sweeper`. One that cannot be undone keeps
  // what it has left and is tried again, after a while that gets longer and at
  // the next start. Once, after Recover.
  void Sweep();

  // The sandbox's holder died; its containers were told before.
  void OnDeath(const std::string& id);

  // A READY sandbox for `config`, all or nothing. While one with the same
  // metadata is being made, joins it; if one is READY, that is the result. One
  // whose caller has `given_up` when it is complete, and for whom nobody else
  // waits, is undone: CANCELLED.
  absl::StatusOr<SandboxPtr> Run(
      const runtime::v1::PodSandboxConfig& config,
      const std::string& runtime_handler, absl::Time deadline,
      absl::FunctionRef<bool()> given_up = [] { return false; });

  // Changes the limits that are kept for those who look, over a restart too.
  // `change` sees those that the last one left. FAILED_PRECONDITION once it is
  // no longer READY.
  absl::Status ChangeLimits(const SandboxPtr& sandbox,
                            absl::FunctionRef<void(Sandbox::Limits&)> change);

  // Frees network and namespaces of a sandbox that is closed and whose
  // containers are dead. Repeatable until it succeeds.
  absl::Status TearDown(const SandboxPtr& sandbox);

  // Forgets a torn-down sandbox and removes its files.
  absl::Status Remove(const SandboxPtr& sandbox);

  absl::StatusOr<SandboxPtr> Find(absl::string_view prefix) const {
    return registry_.Find(prefix);
  }
  std::vector<SandboxPtr> List(absl::string_view prefix = "") const {
    return registry_.List(prefix);
  }
  // Whether other READY pods live in its cgroup too. A kubelet gives each pod a
  // cgroup of its own; pods of other clients may share one.
  bool SharesCgroup(const Sandbox& sandbox) const;

 private:
  using Sysctls = std::map<std::string, std::string>;

  // FAILED_PRECONDITION if it cannot give the pod its user namespace.
  absl::Status CheckHandler(const runtime::v1::NamespaceOption& namespaces,
                            const std::string& handler) const;
  // Null if it turned out to be `unwanted`, and was undone.
  absl::StatusOr<SandboxPtr> Make(const runtime::v1::PodSandboxConfig& config,
                                  const std::string& runtime_handler,
                                  const PodCgroup& cgroup,
                                  const Sysctls& sysctls,
                                  absl::FunctionRef<bool()> unwanted);
  absl::Status Build(Sandbox& sandbox, const Sysctls& sysctls);
  absl::Status Connect(Sandbox& sandbox);
  absl::Status Disconnect(network::PodNetwork pod, int holder_pid);
  absl::Status GiveBack(const SandboxPtr& sandbox);
  // Takes back what Build did, up to the first failure.
  absl::Status Undo(const Sandbox& sandbox);
  // The same for a half that an earlier daemon left and nobody knows.
  absl::Status SweepHalf(const std::string& id, int holder_pid);
  void TrySweep(const std::string& id, int holder_pid, absl::Duration patience);
  // NOTREADY, for the client to stop: its undoing failed.
  void Keep(const SandboxPtr& sandbox);
  SandboxPtr FindReady(const runtime::v1::PodSandboxMetadata& metadata) const;
  absl::Status Save(const Sandbox& sandbox) const;
  absl::Status Load(const std::string& id, const runtime::Json& body,
                    const std::map<std::string, runtime::SandboxState>& living);
  void FindHalfFiles();
  void Notify(const SandboxPtr& sandbox, runtime::v1::ContainerEventType type);
  void NotifyStopped(const SandboxPtr& sandbox);
  std::string RecordPath(const std::string& id) const;
  std::string MarkDir(const std::string& id) const;

  const SandboxesOptions options_;
  const std::string records_dir_;
  // By namespace, name, uid and attempt, and by cgroup.
  static std::vector<std::string> GroupsOf(const Sandbox& sandbox);
  Registry<Sandbox> registry_{"sandbox", &GroupsOf};
  Flights<absl::StatusOr<SandboxPtr>> runs_;
  std::map<std::string, int> halves_;  // to holder or 0; of Recover and Sweep
};

// INVALID_ARGUMENT or UNIMPLEMENTED with the field at fault.
absl::Status CheckConfig(const runtime::v1::PodSandboxConfig& config);

// The hostname that the pod gets.
std::string HostnameFor(const runtime::v1::PodSandboxConfig& config,
                        const std::string& id);

}  // namespace cri::sandbox

#endif  // CORACLE_CRI_SANDBOX_SANDBOXES_H_
