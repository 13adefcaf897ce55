// SPDX-License-Identifier: Apache-2.0
// $(VAR) references, as Kubernetes expands them in env, command and args.
#ifndef CORACLE_AGENT_ENV_EXPAND_H_
#define CORACLE_AGENT_ENV_EXPAND_H_

#include <functional>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace agent::env {

using Lookup = std::function<std::optional<std::string>(absl::string_view)>;

// Replaces $(NAME) by lookup(NAME); an unknown or unfinished reference stays as
// it is, "$$" is one "$" and starts no reference. Values are not expanded
// again.
std::string Expand(absl::string_view text, const Lookup& lookup);

}  // namespace agent::env

#endif  // CORACLE_AGENT_ENV_EXPAND_H_
