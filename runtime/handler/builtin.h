// SPDX-License-Identifier: Apache-2.0
// The built-in handler: pods held by coracle-oci's own launcher and holders.
#ifndef CORACLE_RUNTIME_HANDLER_BUILTIN_H_
#define CORACLE_RUNTIME_HANDLER_BUILTIN_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "runtime/handler/handler.h"

namespace runtime {

struct BuiltinOptions {
  std::string state_dir = "/run/coracle";  // made 0700 if missing
  std::string launcher_binary;             // path of coracle-oci
  // A directory on the filesystem that holds containers' files, for Features.
  // "" = the state directory.
  std::string data_dir;
  // Where criu is looked for, separated by colons; "" = the usual places.
  std::string criu_dirs;
};

// Destroying it leaves launcher, holders and containers as they are: the next
// one finds them by Recover.
std::unique_ptr<Handler> MakeBuiltinHandler(const BuiltinOptions& options);

// Ends the launcher of `state_dir`, for `quickstart down` and tests. Holders
// are not touched: remove the sandboxes first. No launcher: OK.
absl::Status StopLauncher(const std::string& state_dir);

}  // namespace runtime

#endif  // CORACLE_RUNTIME_HANDLER_BUILTIN_H_
