// SPDX-License-Identifier: Apache-2.0
// The process part of the OCI config: arguments and environment.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cri/container/oci_config.h"
#include "cri/sandbox/field.h"
#include "runtime/base/status.h"

namespace cri::container {
namespace {

namespace v1 = ::runtime::v1;
using sandbox::InvalidField;

constexpr char kDefaultPath[] =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

absl::Status CheckText(absl::string_view field, absl::string_view text) {
  if (absl::StrContains(text, absl::string_view("\0", 1))) {
    return InvalidField(field, "holds a NUL byte");
  }
  return absl::OkStatus();
}

absl::string_view KeyOf(absl::string_view entry) {
  return entry.substr(0, entry.find('='));
}

// Replaces the entry of the same key in place, or appends.
void Set(std::string entry, std::vector<std::string>& env) {
  for (std::string& existing : env) {
    if (KeyOf(existing) == KeyOf(entry)) {
      existing = std::move(entry);
      return;
    }
  }
  env.push_back(std::move(entry));
}

void SetIfMissing(std::string entry, std::vector<std::string>& env) {
  for (const std::string& existing : env) {
    if (KeyOf(existing) == KeyOf(entry)) return;
  }
  env.push_back(std::move(entry));
}

}  // namespace

absl::Status CheckProcess(const v1::ContainerConfig& config) {
  if (!config.command().empty() && config.command(0).empty()) {
    return InvalidField("command", "names no program: its first word is empty");
  }
  for (const std::string& arg : config.command()) {
    RETURN_IF_ERROR(CheckText("command", arg));
  }
  for (const std::string& arg : config.args()) {
    RETURN_IF_ERROR(CheckText("args", arg));
  }
  for (const v1::KeyValue& pair : config.envs()) {
    if (pair.key().empty() || absl::StrContains(pair.key(), "=")) {
      return InvalidField(
          "envs", absl::StrCat("\"", pair.key(), "\" is not a variable name"));
    }
    RETURN_IF_ERROR(CheckText(absl::StrCat("envs: ", pair.key()),
                              absl::StrCat(pair.key(), pair.value())));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> ProcessArgs(
    const v1::ContainerConfig& config, const image::Image& image) {
  std::vector<std::string> args(config.command().begin(),
                                config.command().end());
  if (args.empty()) args = image.entrypoint;
  args.insert(args.end(), config.args().begin(), config.args().end());
  if (config.command().empty() && config.args().empty()) {
    args.insert(args.end(), image.cmd.begin(), image.cmd.end());
  }
  if (args.empty() || args[0].empty()) {
    return absl::InvalidArgumentError(
        "command: neither the request nor the image names a program to run");
  }
  for (const std::string& arg : args) {
    RETURN_IF_ERROR(CheckText("command", arg));
  }
  return args;
}

std::vector<std::string> ProcessEnv(const SpecInput& input,
                                    const Identity& identity) {
  std::vector<std::string> env;
  for (const std::string& entry : input.image->env) {
    if (!KeyOf(entry).empty() && absl::StrContains(entry, "=")) {
      Set(entry, env);
    }
  }
  for (const v1::KeyValue& pair : input.config->envs()) {
    Set(absl::StrCat(pair.key(), "=", pair.value()), env);
  }
  SetIfMissing(kDefaultPath, env);
  SetIfMissing(absl::StrCat("HOSTNAME=", input.hostname), env);
  SetIfMissing(absl::StrCat("HOME=", identity.home), env);
  if (input.config->tty()) SetIfMissing("TERM=xterm", env);
  return env;
}

}  // namespace cri::container
