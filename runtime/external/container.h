// SPDX-License-Identifier: Apache-2.0
// Containers that another OCI runtime makes (runc, crun, …), for the holder:
// the counterpart of runtime/launch/container.h. The holder is the subreaper of
// what it starts. So when the runtime's `create` or `exec --detach` has ended,
// the container's init or the command is the holder's child, as it is with the
// built-in set-up, and the holder waits for it, writes its log and records its
// end. The runtime itself is only ever a transient process.
//
//   set-up process ─▶ RUNTIME create ─▶ kCreated ─ start byte ─▶ RUNTIME start
//                                                              ─▶ kStarted
//
// In the pod's directory <id>.bundle/ is the runtime's bundle: config.json, and
// for the moment of a call its log, PID file and console socket.
//
// All functions run in a fresh single-threaded fork of the holder and never
// return. The runtime dies with that fork and the fork with the holder; what is
// half made then is undone by `delete --force`.
#ifndef CORACLE_RUNTIME_EXTERNAL_CONTAINER_H_
#define CORACLE_RUNTIME_EXTERNAL_CONTAINER_H_

#include <sys/types.h>

#include <string>

#include "runtime/external/adapt.h"
#include "runtime/state/container.h"

namespace runtime::external {

struct SetupRequest {
  state::ContainerPlan plan;  // with a runtime
  std::string pod_dir;        // absolute
  Namespaces pod;             // what the container joins
  int stdin_fd = -1, stdout_fd = -1, stderr_fd = -1;  // -1 = /dev/null
  int report_fd = -1;  // launch::Report messages; closed when all is over
  int start_fd = -1;  // a byte: start it; end of file: nobody wants it any more
};

[[noreturn]] void RunSetup(const SetupRequest& request);

struct ExecRequest {
  state::ContainerPlan plan;
  std::string pod_dir;
  std::string process_json;  // OCI process object, whole
  int stdin_fd = -1, stdout_fd = -1, stderr_fd = -1;
  int report_fd = -1;  // kCreated carries the pid, and the terminal if any
};

[[noreturn]] void RunExec(const ExecRequest& request);

// `delete --force`, whatever is left of it, and the bundle; nothing for one
// that the runtime does not know any more. Exits with 0, or with 1 and the
// reason in `error_fd`.
[[noreturn]] void RunDelete(const state::ContainerPlan& plan,
                            const std::string& pod_dir, int error_fd);

// <pod>/<id>.bundle.
std::string BundleDir(const std::string& pod_dir, const std::string& id);

}  // namespace runtime::external

#endif  // CORACLE_RUNTIME_EXTERNAL_CONTAINER_H_
