// SPDX-License-Identifier: Apache-2.0
// What a holder holds: containers, running execs and connections.
#ifndef CORACLE_RUNTIME_HOLD_HELD_H_
#define CORACLE_RUNTIME_HOLD_HELD_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/unique_fd.h"
#include "runtime/hold/log.h"
#include "runtime/hold/wire.h"
#include "runtime/launch/container.h"
#include "runtime/spec/spec.h"
#include "runtime/state/container.h"

namespace runtime::hold {

// The way to a client; `rest` is what did not fit into it.
struct AttachPipe {
  UniqueFd fd;
  std::string rest;
};

struct HeldAttach {
  uint64_t connection = 0;  // serial of the client's
  bool in = false;          // shares the container's input
  AttachPipe out, err;
  int64_t window_start = 0;  // monotonic ns, since when a pipe is full
  size_t taken = 0;          // bytes since then

  bool IsFull() const { return !out.rest.empty() || !err.rest.empty(); }
};

struct HeldContainer {
  state::ContainerRecord record;
  uint32_t flags = 0;  // state::PlanFlag
  std::string cgroups_path, log_path;
  // Kept from the first exec on: to find them takes a tenth of the time of one.
  std::unique_ptr<const spec::Config> config;
  std::unique_ptr<const launch::ExecTarget> target;

  pid_t setup_pid = 0;  // 0 once reaped
  // Open until the workload's exec or the failure of the set-up.
  UniqueFd report;
  // Its byte lets init exec; its end of file ends init.
  UniqueFd start;
  UniqueFd stdin_pipe;
  UniqueFd out, err;  // read ends; with a terminal `out` is its master
  LogFile log;
  LineAssembler out_lines{"stdout"}, err_lines{"stderr"};
  std::vector<HeldAttach> attaches;

  bool start_sent = false;
  bool started = false;    // told by what starts an external one
  bool failed = false;     // the set-up or the exec; record.message says why
  int error = 0;           // errno of a failed set-up, if it is known
  bool abandoned = false;  // to be removed as soon as the set-up has ended
  bool reaped = false;
  int wait_status = 0;
  int64_t drain_deadline = 0;  // monotonic ns; how long to wait for the pipes
  // Of an external one: who lets the runtime forget it, and that it has, or why
  // it has not; then the next request to remove it has it tried again.
  pid_t delete_pid = 0;
  UniqueFd delete_error_pipe;
  std::string delete_error;
  bool deleted = false;

  bool IsAlive() const {
    return record.phase == state::Phase::kCreated ||
           record.phase == state::Phase::kRunning;
  }
};

struct HeldExec {
  uint64_t connection = 0;  // serial of the one who asked
  pid_t setup_pid = 0;      // of another runtime's
  pid_t pid = 0;            // 0 until that has told
  pid_t killer_pid = 0;     // process that hunts down the tree
  UniqueFd report;
  std::vector<UniqueFd> streams;  // of one that tells its exit code only
  bool tell_start = false;        // by kStarted
  bool untold = false;            // a report is to come before the process runs
  // The master, kept so that a client that goes does not hang it up: the
  // leader would die of that and its descendants escape the kill.
  UniqueFd terminal;
  bool cancelled = false;
  // Of a cancelled one whose process is not known yet: when its set-up is
  // killed; monotonic ns, 0 = never.
  int64_t set_up_until = 0;
  bool failed = false;
  bool reaped = false;
  bool done = false;
  int wait_status = 0;
  std::string message;
};

struct Connection {
  uint64_t serial = 0;
  UniqueFd fd;  // closed: to be dropped
  bool subscribed = false;
  bool waiting = false;  // for the outcome of `pending`
  RequestType pending = RequestType::kPing;
  std::string pending_id;
};

// 0–255; 128 + N for signal N.
int ExitCode(int wait_status);
int64_t WallNanoseconds();
int64_t MonotonicNanoseconds();

}  // namespace runtime::hold

#endif  // CORACLE_RUNTIME_HOLD_HELD_H_
