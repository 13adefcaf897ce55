// SPDX-License-Identifier: Apache-2.0
#include "agent/command/options.h"

#include <unistd.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace agent::command {

absl::Status CheckNodeName(const std::string& name) {
  bool good = !name.empty() && name.size() <= 253;
  for (const absl::string_view label : absl::StrSplit(name, '.')) {
    good &= !label.empty() && label.size() <= 63 && label.front() != '-' &&
            label.back() != '-';
    for (const char c : label) {
      const auto byte = static_cast<unsigned char>(c);
      good &=
          absl::ascii_islower(byte) || absl::ascii_isdigit(byte) || c == '-';
    }
  }
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("\"", name,
                   "\" cannot be a node's name: lower-case letters, digits, "
                   "'-' and '.' only; choose one with --node-name"));
}

absl::StatusOr<std::string> DefaultNodeName() {
  char name[256] = "";
  if (gethostname(name, sizeof name - 1) != 0) {
    return runtime::ErrnoStatus("gethostname");
  }
  return absl::AsciiStrToLower(name);
}

absl::StatusOr<std::map<std::string, std::string>> ReadFlagsEnv(
    const config::Paths& paths) {
  std::map<std::string, std::string> flags;
  const auto text = runtime::ReadFile(paths.flags_env);
  if (absl::IsNotFound(text.status())) return flags;
  RETURN_IF_ERROR(text.status());
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    if (!absl::ConsumePrefix(&line, "KUBELET_KUBEADM_ARGS=")) continue;
    line = absl::StripAsciiWhitespace(line);
    absl::ConsumePrefix(&line, "\"");
    absl::ConsumeSuffix(&line, "\"");
    for (absl::string_view word :
         absl::StrSplit(line, ' ', absl::SkipEmpty())) {
      if (!absl::ConsumePrefix(&word, "--")) {
        return absl::InvalidArgumentError(absl::StrCat(
            paths.flags_env, ": expected --flag=value, found \"", word, "\""));
      }
      const std::pair<std::string, std::string> flag =
          absl::StrSplit(word, absl::MaxSplits('=', 1));
      flags.insert(flag);
    }
  }
  return flags;
}

std::string SocketPath(const std::string& cri_socket) {
  return std::string(absl::StripPrefix(cri_socket, "unix://"));
}

std::string LocalSocket(const std::string& cri_socket,
                        const std::string& root_dir) {
  const std::string path = SocketPath(cri_socket);
  const std::string dir = path.substr(0, path.rfind('/'));
  // Another runtime's directory is not ours to put sockets into.
  if (dir.find("coracle") != std::string::npos) return dir + "/agent.sock";
  return runtime::JoinPath(root_dir, "run/coracle/agent.sock");
}

}  // namespace agent::command
