// SPDX-License-Identifier: Apache-2.0
// The holder of one pod: parent and reaper of its containers, writer of their
// logs, recorder of their exits. It lives in the pod's network, IPC and UTS
// namespaces and so keeps them. One thread, one poll loop; nothing in it blocks
// but writes to the log file. Everything heavy happens in forked children.
//
// Who waits for what is no chain of callbacks: a connection remembers its
// request, and Settle() answers those whose condition holds by now.
#ifndef CORACLE_RUNTIME_HOLD_HOLDER_H_
#define CORACLE_RUNTIME_HOLD_HOLDER_H_

#include <poll.h>
#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "runtime/base/unique_fd.h"
#include "runtime/cgroup/layout.h"
#include "runtime/external/adapt.h"
#include "runtime/hold/held.h"
#include "runtime/hold/socket.h"
#include "runtime/hold/wire.h"
#include "runtime/launch/container.h"

namespace runtime::hold {

class Holder {
 public:
  struct Options {
    UniqueFd dir;     // the sandbox's state directory
    UniqueFd listen;  // "holder.sock" in it
    pid_t pause_pid = 0;
    UniqueFd empty_root;          // that containers may start from
    UniqueFd pod_pid_namespace;   // of the pause
    UniqueFd pod_user_namespace;  // if the pod has one; owns the others
  };
  explicit Holder(Options options) : options_(std::move(options)) {}

  // Returns after kShutdown, when all containers are dead.
  void Run();

 private:
  // holder.cc: the loop.
  void Poll();
  void Watch(int fd, short events, void (Holder::*ready)(size_t), size_t index);
  int PollTimeout() const;
  void Accept(size_t);
  void Reap(size_t);
  void Reaped(pid_t pid, int wait_status);
  // A pid that was reaped before its report told whose it is.
  bool TakeEarlyExit(pid_t pid, int* wait_status);
  bool SetupsRunning() const;
  void Settle();
  void DropConnection(Connection* connection);
  void Reply(Connection* connection, const hold::Reply& reply,
             const int* fds = nullptr, int fd_count = 0);
  void ReplyStatus(Connection* connection, absl::StatusCode code,
                   absl::string_view text);
  void ReplyState(Connection* connection, const HeldContainer& container);

  // requests.cc
  void OnRequest(size_t index);
  void Dispatch(Connection* connection, const Request& request,
                std::vector<UniqueFd>* fds);
  void Subscribe(Connection* connection);
  void ReplySandbox(Connection* connection);
  void Get(Connection* connection, const std::string& id);
  void List(Connection* connection);
  void Kill(Connection* connection, const Request& request);
  void ReopenLog(Connection* connection, const Request& request);
  void SendNetwork(Connection* connection);
  void Anchor(Connection* connection);
  void Wait(Connection* connection, const Request& request);
  // Answers a waiting connection if it can be; false: still waiting.
  bool TryAnswer(Connection* connection);
  bool AnswerRemove(Connection* connection, const HeldContainer* container);
  bool AnswerShutdown(Connection* connection);
  HeldContainer* Find(absl::string_view id);
  // Null, and answered, if it does not run.
  HeldContainer* FindRunning(Connection* connection, absl::string_view id,
                             absl::string_view action);

  // container.cc
  void Create(Connection* connection, const Request& request);
  absl::Status ForkSetup(HeldContainer* container);
  [[noreturn]] void SetupChild(const HeldContainer& container, int report,
                               int start, int in, int out, int err);
  void Start(Connection* connection, const Request& request);
  void Destroy(HeldContainer* container);
  void OnContainerReport(size_t index);
  void OnReport(HeldContainer* container, const launch::Report& report,
                UniqueFd fd);
  void OnReportEnd(HeldContainer* container);
  void OnContainerExit(HeldContainer* container, int wait_status);
  void OnOutput(size_t index);
  // Standard output or error. True at its end.
  bool ReadStream(HeldContainer* container, bool err, bool all);
  void DrainOrFinish(HeldContainer* container);
  void Finish(HeldContainer* container);
  void Save(const HeldContainer& container);
  // Saves the record and tells all subscribers.
  void Announce(const HeldContainer& container);

  // external.cc
  static bool IsExternal(const HeldContainer& container) {
    return (container.flags & state::kExternal) != 0;
  }
  // Between the start byte and the news how it went: until then an exit waits.
  static bool IsStarting(const HeldContainer& container);
  // Nothing is left of it with its runtime.
  static bool IsUndone(const HeldContainer& container);
  // The same, or the runtime could not.
  static bool WasUndoTried(const HeldContainer& container) {
    return IsUndone(container) || !container.delete_error.empty();
  }
  external::Namespaces PodNamespaces(pid_t holder) const;
  void OnExternalReportEnd(HeldContainer* container);
  void SettleExternal(HeldContainer* container);
  // Has the runtime forget it, in a process of its own.
  absl::Status ForkDelete(HeldContainer* container);
  static void OnDeleteEnd(HeldContainer* container, int wait_status);

  // attach.cc
  void Attach(Connection* connection, const Request& request,
              std::vector<UniqueFd>* fds);
  // Gives `data` to all clients.
  void Tee(HeldContainer* container, bool err, absl::string_view data);
  // A client's pipe is full: nothing more may be read.
  static bool IsHeldUp(const HeldContainer& container);
  void WatchFull(size_t index);
  void OnAttachReady(size_t index);
  // When a client that takes nothing is let go; 0: there is none.
  static int64_t WindowEnd(const HeldContainer& container);
  void DropStalled(HeldContainer* container, int64_t now);
  void CloseInput(uint64_t connection);
  void Detach(uint64_t connection);
  void EndAttaches(HeldContainer* container);
  void EndStream(uint64_t serial, const hold::Reply& reply);

  // exec.cc
  struct ExecFds {
    int process = -1, in = -1, out = -1, err = -1;
  };
  // False if `fds` are not what the request needs.
  static bool AssignFds(const Request& request,
                        const std::vector<UniqueFd>& fds, ExecFds* assigned);
  void Exec(Connection* connection, const Request& request,
            std::vector<UniqueFd>* fds);
  // Into `exec`, whose reports come from the other end of `report`.
  absl::Status StartExec(HeldContainer* container, const ExecFds& fds,
                         int report, HeldExec* exec);
  // What is the same for each exec.
  absl::Status Learn(HeldContainer* container);
  // Another runtime is waited for, in a child.
  [[noreturn]] void ExternalExecChild(const HeldContainer& container,
                                      const ExecFds& fds, int report);
  void TellStart(const HeldExec& exec);
  void OnExecReport(size_t index);
  void CancelExecs(uint64_t connection);
  void KillExec(HeldExec* exec);
  void SettleExecs();

  Options options_;
  std::optional<cgroup::Layout> layout_;  // from the first exec on
  UniqueFd signals_;
  bool running_ = true;
  bool shutting_down_ = false;
  pid_t anchor_pid_ = 0;  // 0 = none
  uint64_t next_serial_ = 1;
  std::vector<std::unique_ptr<HeldContainer>> containers_;
  std::vector<std::unique_ptr<HeldExec>> execs_;
  std::vector<std::unique_ptr<Connection>> connections_;
  // Of processes whose start was not told yet; the oldest first.
  struct EarlyExit {
    pid_t pid;
    int wait_status;
    int64_t at;  // monotonic ns
  };
  std::vector<EarlyExit> early_exits_;

  struct Watched {
    void (Holder::*ready)(size_t);
    size_t index;
  };
  std::vector<pollfd> polled_;
  std::vector<Watched> watched_;
};

// Receives one set-up report. 0, ENODATA at the end, EAGAIN, or an errno.
int ReceiveReport(int fd, launch::Report* report, UniqueFd* passed);

// Forks; -1 with errno. In the child everything of the holder's is reset.
pid_t ForkChild();

}  // namespace runtime::hold

#endif  // CORACLE_RUNTIME_HOLD_HOLDER_H_
