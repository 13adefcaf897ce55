// SPDX-License-Identifier: Apache-2.0
// Handler is the seam between the CRI engine and what runs containers: the
// built-in launcher and holders, external OCI runtimes, later microVMs.
//
// Thread rule: all methods are thread safe and may block (launch, mounts,
// waiting for a process); none may be called with a lock held. Calls for one
// sandbox are serialised by the implementation where the kernel needs it.
// Every method is idempotent in the sense that its comment gives.
#ifndef CORACLE_RUNTIME_HANDLER_HANDLER_H_
#define CORACLE_RUNTIME_HANDLER_HANDLER_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"
#include "runtime/handler/stream.h"
#include "runtime/handler/types.h"

namespace runtime {

// Told of every change from created to running to exited, once each, from a
// thread of the handler's own; must return quickly. After a daemon restart the
// changes that happened meanwhile are told when Recover runs (all containers
// that run or have exited are told then). A state with an empty id says that
// the sandbox itself died: its holder is gone, its containers were told as
// exited before, RemoveSandbox is left to do.
using StateListener = std::function<void(const ContainerState&)>;

class Handler {
 public:
  virtual ~Handler() = default;

  // Finds all sandboxes whose holders are not known to be dead, and reconnects.
  // Called once before any other method. Holders' records of containers come
  // with it; of one that does not answer in time, when it does.
  virtual absl::StatusOr<std::vector<SandboxState>> Recover() = 0;
  virtual void SetListener(StateListener listener) = 0;

  // The handlers that StartSandbox takes, by name. "" is the built-in one
  // unless it is among them. Sandboxes that live keep what they have.
  virtual void SetRuntimes(std::map<std::string, OciRuntime>) {}

  // OK if sandboxes can be started now, else why not. What is missing is tried
  // to be had first.
  virtual absl::Status Ready() { return absl::OkStatus(); }
  // Of a handler, after Recover. The first call may take a while, later ones
  // do not. Nothing for a name that is not known.
  virtual HandlerFeatures Features(const std::string&) { return {}; }

  // Makes the holder and its namespaces. ALREADY_EXISTS never: a repeated call
  // returns the living sandbox. INVALID_ARGUMENT for an unknown handler,
  // FAILED_PRECONDITION if its runtime is not there.
  virtual absl::StatusOr<SandboxState> StartSandbox(
      const SandboxOptions& options) = 0;
  // Kills all containers and the holder, removes what the handler made
  // (cgroups of containers, records). Unknown id: OK. Repeatable until it
  // succeeds: another OCI runtime may fail to delete a container.
  virtual absl::Status RemoveSandbox(const std::string& sandbox_id) = 0;
  // An open descriptor of the sandbox's network namespace.
  virtual absl::StatusOr<UniqueFd> NetworkNamespace(
      const std::string& sandbox_id) = 0;

  // Prepares everything up to, not including, the exec of the workload.
  virtual absl::StatusOr<ContainerState> CreateContainer(
      const ContainerOptions& options) = 0;
  // Returns when the workload's exec succeeded, or with the reason why not
  // (the container is then kExited with exit code 128 and `message`).
  virtual absl::StatusOr<ContainerState> StartContainer(
      const std::string& sandbox_id, const std::string& id) = 0;
  // Sends `signal` to process 1 of the container, or with `all` to every
  // process in it. Exited or unknown: OK.
  virtual absl::Status KillContainer(const std::string& sandbox_id,
                                     const std::string& id, int signal,
                                     bool all) = 0;
  // Changes the limits of a container that has not exited. `resources` is the
  // linux.resources object of an OCI config; what it leaves out stays as it is.
  // All or nothing. FAILED_PRECONDITION if more memory is in use than would be
  // allowed; NOT_FOUND if unknown.
  virtual absl::Status UpdateContainer(const std::string& sandbox_id,
                                       const std::string& id,
                                       const std::string& resources) = 0;
  // Kills if need be, waits, then removes cgroup and record. Unknown: OK. An
  // OCI runtime that fails to delete it is asked again by the next call, and by
  // RemoveSandbox.
  virtual absl::Status RemoveContainer(const std::string& sandbox_id,
                                       const std::string& id) = 0;
  // NOT_FOUND if unknown.
  virtual absl::StatusOr<ContainerState> GetContainer(
      const std::string& sandbox_id, const std::string& id) = 0;
  virtual absl::StatusOr<std::vector<ContainerState>> ListContainers(
      const std::string& sandbox_id) = 0;

  virtual absl::StatusOr<ExecResult> ExecSync(const std::string& sandbox_id,
                                              const std::string& id,
                                              const ExecOptions& options) = 0;
  // A process of the caller's own choice in the container, connected to the
  // session's descriptors. Returns when it exists; that its exec failed is told
  // by OnExit. FAILED_PRECONDITION unless the container runs.
  virtual absl::StatusOr<std::unique_ptr<StreamSession>> Exec(
      const std::string& sandbox_id, const std::string& id,
      const StreamOptions& options) = 0;
  // The container's own streams, from now on. `options.tty` has to be as the
  // container was made. `in` is absent if its input was never open or has been
  // closed. Whoever reads too slowly is let go: OnExit tells
  // RESOURCE_EXHAUSTED.
  virtual absl::StatusOr<std::unique_ptr<StreamSession>> Attach(
      const std::string& sandbox_id, const std::string& id,
      const StreamOptions& options) = 0;
  // Writes the processes of a running container to files; it goes on afterwards
  // whatever happens, also if the daemon dies meanwhile. FAILED_PRECONDITION
  // unless it runs; UNIMPLEMENTED, with what is missing and how to get it, if
  // this host cannot.
  virtual absl::Status CheckpointContainer(const std::string&,
                                           const std::string&,
                                           const CheckpointOptions&) {
    return absl::UnimplementedError("this handler makes no checkpoints");
  }
  // The daemon ends: who waits for a launcher, holder or OCI runtime is told
  // CANCELLED, from now on too; checkpoints go on. What was begun is finished
  // or undone by the next daemon.
  virtual void EndWaits() {}
  // After it returns nothing is written to the old file any more.
  virtual absl::Status ReopenLog(const std::string& sandbox_id,
                                 const std::string& id) = 0;
};

}  // namespace runtime

#endif  // CORACLE_RUNTIME_HANDLER_HANDLER_H_
