// SPDX-License-Identifier: Apache-2.0
// coracle-oci's commands, one file each. A command gets its words (without its
// own name) and returns the exit code of the program, or an error that Main
// prints and, with --log, writes where the caller of an OCI runtime looks.
#ifndef CORACLE_RUNTIME_COMMAND_COMMAND_H_
#define CORACLE_RUNTIME_COMMAND_COMMAND_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/command/record.h"

namespace runtime::command {

using Words = std::vector<std::string>;

struct Context {
  std::string root = "/run/coracle-oci";
  Records records() const { return Records(root); }
};

absl::StatusOr<int> Create(const Context& context, const Words& words);
absl::StatusOr<int> Run(const Context& context, const Words& words);
absl::StatusOr<int> Start(const Context& context, const Words& words);
absl::StatusOr<int> State(const Context& context, const Words& words);
absl::StatusOr<int> List(const Context& context, const Words& words);
absl::StatusOr<int> Ps(const Context& context, const Words& words);
absl::StatusOr<int> Kill(const Context& context, const Words& words);
absl::StatusOr<int> Delete(const Context& context, const Words& words);
absl::StatusOr<int> Exec(const Context& context, const Words& words);
absl::StatusOr<int> Update(const Context& context, const Words& words);
absl::StatusOr<int> Pause(const Context& context, const Words& words);
absl::StatusOr<int> Resume(const Context& context, const Words& words);
absl::StatusOr<int> Features(const Context& context, const Words& words);

int Main(int argc, char** argv);

}  // namespace runtime::command

#endif  // CORACLE_RUNTIME_COMMAND_COMMAND_H_
