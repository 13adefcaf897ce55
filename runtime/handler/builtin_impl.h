// SPDX-License-Identifier: Apache-2.0
// The class behind MakeBuiltinHandler. What a sandbox leaves in
// <state>/pods/<sandbox>: "sandbox.rec", "holder.sock", "shm/", "files/" and
// for each container "<id>.plan" and "<id>.rec"; see README.md of runtime/.
#ifndef CORACLE_RUNTIME_HANDLER_BUILTIN_IMPL_H_
#define CORACLE_RUNTIME_HANDLER_BUILTIN_IMPL_H_

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "runtime/base/executor.h"
#include "runtime/checkpoint/criu.h"
#include "runtime/handler/builtin.h"
#include "runtime/handler/client.h"
#include "runtime/handler/events.h"
#include "runtime/handler/launcher_client.h"
#include "runtime/handler/runtimes.h"
#include "runtime/handler/stream_loop.h"
#include "runtime/state/container.h"

namespace runtime::handler {

// Thread safe. Making and removing one sandbox take turns; calls for its
// containers are serialised by its holder.
class BuiltinHandler : public Handler {
 public:
  explicit BuiltinHandler(const BuiltinOptions& options);
  ~BuiltinHandler() override;

  absl::StatusOr<std::vector<SandboxState>> Recover() override;
  void SetListener(StateListener listener) override;
  void SetRuntimes(std::map<std::string, OciRuntime> runtimes) override;
  absl::Status Ready() override;
  HandlerFeatures Features(const std::string& handler) override;
  absl::StatusOr<SandboxState> StartSandbox(
      const SandboxOptions& options) override;
  absl::Status RemoveSandbox(const std::string& sandbox_id) override;
  absl::StatusOr<UniqueFd> NetworkNamespace(
      const std::string& sandbox_id) override;
  absl::StatusOr<ContainerState> CreateContainer(
      const ContainerOptions& options) override;
  absl::StatusOr<ContainerState> StartContainer(const std::string& sandbox_id,
                                                const std::string& id) override;
  absl::Status KillContainer(const std::string& sandbox_id,
                             const std::string& id, int signal,
                             bool all) override;
  absl::Status UpdateContainer(const std::string& sandbox_id,
                               const std::string& id,
                               const std::string& resources) override;
  absl::Status RemoveContainer(const std::string& sandbox_id,
                               const std::string& id) override;
  absl::StatusOr<ContainerState> GetContainer(const std::string& sandbox_id,
                                              const std::string& id) override;
  absl::StatusOr<std::vector<ContainerState>> ListContainers(
      const std::string& sandbox_id) override;
  absl::StatusOr<ExecResult> ExecSync(const std::string& sandbox_id,
                                      const std::string& id,
                                      const ExecOptions& options) override;
  absl::StatusOr<std::unique_ptr<StreamSession>> Exec(
      const std::string& sandbox_id, const std::string& id,
      const StreamOptions& options) override;
  absl::StatusOr<std::unique_ptr<StreamSession>> Attach(
      const std::string& sandbox_id, const std::string& id,
      const StreamOptions& options) override;
  absl::Status CheckpointContainer(const std::string& sandbox_id,
                                   const std::string& id,
                                   const CheckpointOptions& options) override;
  absl::Status ReopenLog(const std::string& sandbox_id,
                         const std::string& id) override;
  void EndWaits() override;

 private:
  // While it lives, nobody else makes or removes this sandbox (or does what
  // else is named so).
  class Turn {
   public:
    Turn(BuiltinHandler* handler, std::string sandbox_id);
    ~Turn();

   private:
    BuiltinHandler* const handler_;
    const std::string sandbox_id_;
  };

  // Of the built-in handler; nullopt if the launcher did not answer: *why.
  std::optional<HandlerFeatures> HostFeatures(std::string* why)
      ABSL_LOCKS_EXCLUDED(mutex_);
  std::string PodDir(const std::string& sandbox_id) const;
  std::string ContainerFile(const std::string& sandbox_id,
                            const std::string& id, const char* suffix) const;
  absl::StatusOr<state::ContainerPlan> ReadPlan(const std::string& sandbox_id,
                                                const std::string& id);
  // The same; what has no plan is an unknown container.
  absl::StatusOr<state::ContainerPlan> PlanOf(const std::string& sandbox_id,
                                              const std::string& id);
  // What the holder's set-up needs of a command in the container.
  absl::StatusOr<UniqueFd> ProcessFor(const std::string& sandbox_id,
                                      const std::string& id,
                                      const std::vector<std::string>& args,
                                      bool terminal);
  // To the holder, until EndWaits. NOT_FOUND if there is none.
  absl::StatusOr<Connection> OpenHolder(const std::string& sandbox_id);
  absl::StatusOr<hold::Reply> CallHolder(const std::string& sandbox_id,
                                         const hold::Request& request,
                                         absl::Duration time);

  // checkpoint.cc
  absl::StatusOr<checkpoint::Criu> Criu();

  // recover.cc
  // NOT_FOUND if the holder is known to be dead; any other error: it may live.
  absl::StatusOr<SandboxState> FindLiving(const std::string& sandbox_id);
  // The two halves of it: the question and the answer.
  absl::StatusOr<Connection> Ping(const std::string& sandbox_id);
  absl::StatusOr<SandboxState> Hear(const std::string& sandbox_id,
                                    Connection* connection,
                                    absl::Time deadline);
  absl::Status Subscribe(const std::string& sandbox_id);
  // Of a sandbox without a holder. NOT_FOUND if none came to life meanwhile,
  // and of one that did what FindLiving says.
  absl::StatusOr<SandboxState> SweepLost(const std::string& id);
  // Waits for the answer of a holder that is stopped or busy: it tells of its
  // containers then. If it dies instead, it is lost as others are.
  void KeepListening(const std::string& sandbox_id);
  // A holder closed its connection. Waits for other runtimes: on `losses_`, so
  // that the news of other sandboxes come meanwhile.
  void OnLost(const std::string& sandbox_id);

  // sandbox.cc
  absl::StatusOr<state::SandboxRecord> ReadSandbox(
      const std::string& sandbox_id);
  absl::StatusOr<SandboxState> MakeSandbox(const SandboxOptions& options);
  absl::Status PrepareDir(const SandboxOptions& options);
  absl::Status EndHolder(Connection* connection);
  // Ends the holder, if one lives, and what it leaves. If the holder does not
  // end, its files stay, for the next try. In the sandbox's turn.
  absl::Status EndSandbox(const std::string& sandbox_id);
  // Ends what a holder left: kills its containers' cgroups, removes mounts and
  // files. With `tell` its containers are told as exited, each when it is dead,
  // and systemd, on which no news may wait, ends the scope later. ABORTED if
  // another OCI runtime could not delete one: the plans stay for the next try.
  absl::Status Sweep(const std::string& sandbox_id, bool tell);
  // Of a container whose holder is dead: has its OCI runtime, if it is another
  // one, forget it. ABORTED if that fails; OK if it knows no such container.
  absl::Status Disown(const std::vector<std::string>& runtime,
                      const std::string& id, absl::Duration patience);
  absl::Status SweepContainer(const std::string& sandbox_id,
                              const std::string& id, bool tell);
  // Ends the sandbox's scope, if it has one, see scope.h; then removes the
  // pod's cgroup, if it came with the sandbox and is empty.
  void RemoveCgroupParent(const std::string& sandbox_id, bool await);
  // The sandbox's scope in `slice` is there, and the anchor in it.
  absl::Status Anchor(const std::string& sandbox_id, const std::string& slice);

  const BuiltinOptions options_;
  const std::string pods_dir_;
  const UniqueFd end_;  // to be read once nobody is to wait any more
  LauncherClient launcher_;
  Runtimes runtimes_;
  StreamLoop streams_;
  absl::Mutex mutex_;
  std::set<std::string> turns_ ABSL_GUARDED_BY(mutex_);
  std::optional<HandlerFeatures> features_ ABSL_GUARDED_BY(mutex_);
  Executor losses_;   // of holders; its tasks use all others
  EventLoop events_;  // last: its thread uses the rest
};

}  // namespace runtime::handler

#endif  // CORACLE_RUNTIME_HANDLER_BUILTIN_IMPL_H_
