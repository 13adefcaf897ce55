// SPDX-License-Identifier: Apache-2.0
// The messages between daemon, launcher and holder: one SOCK_SEQPACKET message
// each, at most kMaxMessage bytes, descriptors beside it. Large things (config,
// exec process) travel as files. Version rule: a new field goes to the end and
// is optional, a new type gets a new number; so a daemon and a holder of
// different ages understand each other. Garbage does not decode.
#ifndef CORACLE_RUNTIME_HOLD_WIRE_H_
#define CORACLE_RUNTIME_HOLD_WIRE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/ns/user.h"
#include "runtime/state/container.h"

namespace runtime::hold {

inline constexpr size_t kMaxMessage = 8 << 10;
inline constexpr int kMaxFds = 4;

enum class RequestType : uint32_t {
  // To a holder. Each is answered by one kStatus or kState unless noted.
  kSubscribe = 1,    // kSandbox, kState for each container, kEnd; then kState
                     // for every change until the connection closes
  kPing = 2,         // kSandbox
  kCreate = 3,       // id, flags (PlanFlag), log_path, log_cap, cgroups_path;
                     // the set-up process reads "<id>.plan" → kState
  kStart = 4,        // id → kState once the workload's exec succeeded
  kKill = 5,         // id, value = signal
  kRemove = 6,       // id; kills, waits, forgets
  kGet = 7,          // id → kState
  kList = 8,         // kState for each container, kEnd
  kExec = 9,         // id; fds: process JSON, stdout, stderr → kExecExit
  kCancelExec = 10,  // on the connection of a kExec: kill its process tree
  kReopenLog = 11,   // id
  kNetwork = 12,     // kStatus with the network namespace as descriptor
  kShutdown = 13,    // kills all containers, waits, answers, ends
  // Answered by kStarted and, in the end, kExecExit or kStatus. Closing the
  // connection kills the process tree.
  kExecStream = 14,  // id, flags (StreamFlag); fds: process JSON and as flags
                     // say stdin, stdout, stderr
  // The same with the container's exit code; closing only lets go.
  kAttach = 15,      // id, flags (StreamFlag); fds: stdout, stderr as flags say
  kCloseInput = 16,  // on the connection of a kAttach that shares the input:
                     // ends the container's, if that serves once, else, unless
                     // at a terminal, the attach. No answer of its own
  kAnchor = 17,      // kStatus, value = pid of the pod's anchor (anchor.h),
                     // which is started if there is none
  // To the launcher.
  kSpawn = 32,     // sandbox; answered by the new holder: kSandbox
  kIdentity = 33,  // kStatus, text = identity of the launcher's binary
  kQuit = 34,      // kStatus, then the launcher ends; holders live on
  kProbe = 35,  // directory → kStatus, value = launch::Feature bits, text =
                // why there are no user namespaces
  kRun = 36,    // args, the first one a path; fds: stdout, stderr → kExecExit
                // when it has ended. Flags: RunFlag; without one closing the
                // connection kills it
};

// Flags of kSpawn.
enum SpawnFlag : uint32_t {
  kNewNetwork = 1,
  kNewIpc = 2,
  kNewUts = 4,
  kSharePid = 8,
};

// Flags of kRun.
enum RunFlag : uint32_t {
  kRunToTheEnd = 1,  // also when the connection closes
};

// Flags of kExecStream and kAttach.
enum StreamFlag : uint32_t {
  kStreamIn = 1,
  kStreamOut = 2,
  kStreamErr = 4,
};

struct Request {
  RequestType type = RequestType::kPing;
  std::string id;
  int32_t value = 0;
  uint32_t flags = 0;
  // kCreate only.
  std::string log_path, cgroups_path;
  // kSpawn only.
  std::string hostname;
  std::vector<std::pair<std::string, std::string>> sysctls;
  // Of the pod's user namespace; empty: it has none.
  ns::IdMaps id_maps;
  // kProbe only: a directory on the filesystem that holds containers' files.
  std::string directory;
  // kRun only.
  std::vector<std::string> args;
  // kCreate only: bytes of a log file (LogFile::SetCap).
  uint64_t log_cap = 0;
};

enum class ReplyType : uint32_t {
  kStatus = 1,    // code (an absl::StatusCode), text
  kState = 2,     // state
  kEnd = 3,       // end of a list
  kSandbox = 4,   // value = holder's pid, value2 = pause's pid
  kExecExit = 5,  // value = exit code (128 + N for a signal)
  kStarted = 6,   // value = StartedFlag; without a terminal, the write end of
                  // a container's stdin comes along if it is open
};

// Flags of kStarted.
enum StartedFlag : int32_t {
  kTerminal = 1,   // whose master comes along
  kInputShut = 2,  // though it can be written to: the container has no stdin
};

struct Reply {
  ReplyType type = ReplyType::kStatus;
  int32_t code = 0;
  int32_t value = 0;
  int32_t value2 = 0;
  std::string text;
  state::ContainerRecord state;
};

std::string Encode(const Request& request);
std::string Encode(const Reply& reply);
// False for anything that Encode of some version did not write.
bool Decode(absl::string_view data, Request* request);
bool Decode(absl::string_view data, Reply* reply);

}  // namespace runtime::hold

#endif  // CORACLE_RUNTIME_HOLD_WIRE_H_
