// SPDX-License-Identifier: Apache-2.0
// The raw world: what a new process may use between clone3 and execve. No heap,
// no abseil, no locks, no logging, only async-signal-safe calls
// (signal-safety(7)) on data that was laid out before. Its files end in
// _child.cc; a test looks through their symbols.
//
// Functions that can fail return false and fill a Failure: what was done to
// what, and the errno. The other side makes a Status of it.
#ifndef CORACLE_RUNTIME_BASE_RAW_H_
#define CORACLE_RUNTIME_BASE_RAW_H_

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

namespace runtime::raw {

// Text in a buffer of its own; what does not fit is cut. Always ends with NUL.
class Text {
 public:
  Text& Add(const char* text);
  Text& Add(uint64_t number);
  const char* c_str() const { return bytes_; }
  size_t size() const { return size_; }

 private:
  char bytes_[480] = {};
  size_t size_ = 0;
};

struct Failure {
  int error = 0;  // errno, or 0 if the text says it all
  Text text;      // "cwd /data: Permission denied"
};

// Fills *failure with `what`, perhaps " `object`", and the words for `error`,
// and returns false: `return Fail(failure, "setsid")`.
bool Fail(Failure* failure, const char* what, const char* object = "",
          int error = errno);

// The kernel's words for an errno, in English.
const char* ErrorText(int error);

// The value of the last "NAME=value" of an environment, or nullptr.
const char* FindVariable(const char* const* environment, const char* name);

}  // namespace runtime::raw

#endif  // CORACLE_RUNTIME_BASE_RAW_H_
