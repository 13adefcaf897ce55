// SPDX-License-Identifier: Apache-2.0
// StreamSession is one exec or attach whose standard streams somebody holds:
// the seam between the streaming server and what runs containers.
#ifndef CORACLE_RUNTIME_HANDLER_STREAM_H_
#define CORACLE_RUNTIME_HANDLER_STREAM_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"

namespace runtime {

struct StreamOptions {
  std::vector<std::string> args;  // of an exec; an attach has none
  bool tty = false;               // a terminal; then `err` has to be false
  bool in = false, out = false, err = false;
};

// Dropping it ends an exec that still runs with all that it started; an attach
// only lets go, the container runs on. The methods are thread safe, the
// descriptors are the owner's to use and to close.
class StreamSession {
 public:
  using Done = std::function<void(absl::StatusOr<int>)>;

  virtual ~StreamSession() = default;

  // Non-blocking, each absent (-1) unless asked for: what is written to `in`
  // is the process's input, closing it (see CloseInput) ends that; `out` and
  // `err` end when nobody can write to them any more. With a terminal `in` and
  // `out` are two descriptors of the same thing and reading it may end with
  // EIO.
  UniqueFd in, out, err;

  // Closes `in` as the protocol's half-close means it: a pipe is closed, a
  // terminal stays open. For an attach to a container with stdin_once the
  // container's input ends.
  virtual void CloseInput() = 0;
  // Size of the terminal in characters; FAILED_PRECONDITION without one.
  virtual absl::Status Resize(uint16_t rows, uint16_t columns) = 0;
  // Calls `done` once, from a thread of the handler's or at once: with the exit
  // code (128 + N for signal N) of the exec or, for an attach, of the
  // container, or with what went wrong. At most one call; not called any more
  // once the session is dropped.
  virtual void OnExit(Done done) = 0;
};

}  // namespace runtime

#endif  // CORACLE_RUNTIME_HANDLER_STREAM_H_
