// SPDX-License-Identifier: Apache-2.0
// coracle config: the settings of the CRI server, told, shown and read again.
#include "cri/config/config.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/command/command_line.h"
#include "agent/command/cri_view.h"
#include "agent/command/options.h"
#include "runtime/base/json.h"
#include "runtime/base/status.h"
#include "runtime/base/unique_fd.h"

namespace agent::command {
namespace {

using runtime::Json;

constexpr absl::Duration kReloadTakes = absl::Seconds(30);
constexpr absl::Duration kAskAgain = absl::Milliseconds(50);

struct Options {
  std::string key, file, cri_socket = kDefaultCriSocket;
};

absl::Status RunExplain(const Options& options) {
  ASSIGN_OR_RETURN(const std::string text, ::cri::config::Explain(options.key));
  std::fputs(text.c_str(), stdout);
  return absl::OkStatus();
}

absl::StatusOr<Json> AskServer(CriView& view) {
  ASSIGN_OR_RETURN(const auto info, view.Info());
  const auto config = info.find("config");
  if (config == info.end()) {
    return absl::UnimplementedError(
        "the CRI server there is not coracle: it does not tell its "
        "configuration");
  }
  return runtime::ParseJson(config->second, "Status.info.config");
}

void PrintConfig(const Json& values, const Json& origins) {
  std::map<std::string, std::string> from;
  for (const auto& [key, origin] : origins.items()) {
    if (origin.is_string()) from[key] = origin.get_ref<const std::string&>();
  }
  std::fputs(::cri::config::Show(values, from).c_str(), stdout);
}

absl::Status RunShow(const Options& options) {
  if (options.file.empty()) {
    CriView view(options.cri_socket);
    absl::StatusOr<Json> running = AskServer(view);
    if (running.ok()) {
      std::printf("# of the server at %s\n", options.cri_socket.c_str());
      PrintConfig(runtime::ObjectAt(*running, "values"),
                  runtime::ObjectAt(*running, "origins"));
      return absl::OkStatus();
    }
    if (!absl::IsUnavailable(running.status())) return running.status();
    std::printf("# no server answers at %s; it would start with:\n",
                options.cri_socket.c_str());
  }
  ASSIGN_OR_RETURN(const ::cri::config::Config config,
                   ::cri::config::Load(options.file, {}));
  PrintConfig(::cri::config::ToJson(config), Json(config.origins));
  return absl::OkStatus();
}

// The process that listens on the socket.
absl::StatusOr<pid_t> ServerPid(const std::string& cri_socket) {
  const std::string path = SocketPath(cri_socket);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": too long"));
  }
  memcpy(address.sun_path, path.data(), path.size());
  const runtime::UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.ok() || connect(fd.get(), reinterpret_cast<sockaddr*>(&address),
                          sizeof address) != 0) {
    return runtime::ErrnoStatus(absl::StrCat("connect ", path));
  }
  ucred peer = {};
  socklen_t size = sizeof peer;
  if (getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return runtime::ErrnoStatus(absl::StrCat("who listens on ", path));
  }
  return peer.pid;
}

absl::Status RunReload(const Options& options) {
  CriView view(options.cri_socket);
  ASSIGN_OR_RETURN(const Json before, AskServer(view));
  ASSIGN_OR_RETURN(const pid_t pid, ServerPid(options.cri_socket));
  if (kill(pid, SIGHUP) != 0) {
    return runtime::ErrnoStatus(absl::StrCat("SIGHUP to process ", pid));
  }
  const absl::Time deadline = absl::Now() + kReloadTakes;
  while (absl::Now() < deadline) {
    ASSIGN_OR_RETURN(const Json now, AskServer(view));
    if (runtime::IntAt(now, "reloads") != runtime::IntAt(before, "reloads")) {
      const std::string said = runtime::StringAt(now, "last_reload");
      if (!runtime::BoolAt(now, "last_reload_ok")) {
        return absl::InvalidArgumentError(said);
      }
      std::printf("%s\n", said.c_str());
      return absl::OkStatus();
    }
    absl::SleepFor(kAskAgain);
  }
  return absl::DeadlineExceededError(
      "the server did not read its configuration again in time");
}

}  // namespace

void AddConfig(CLI::App& app, Action* action) {
  CLI::App* command = app.add_subcommand(
      "config", "Explain, show or read again the configuration file");
  command->require_subcommand(1);
  const auto options = std::make_shared<Options>();

  CLI::App* explain = command->add_subcommand(
      "explain", "Tell what each setting means, or the one named KEY");
  explain->add_option("key", options->key, "As handlers or handlers.runc.path");
  explain->callback([=] { *action = [=] { return RunExplain(*options); }; });

  CLI::App* show = command->add_subcommand(
      "show", "Show the values in force and where each comes from");
  show->add_option("--config", options->file,
                   "Show what this file says instead of asking the server");
  show->callback([=] { *action = [=] { return RunShow(*options); }; });

  CLI::App* reload = command->add_subcommand(
      "reload",
      "Let the server read its configuration file again (SIGHUP) "
      "and tell what it took over");
  reload->callback([=] { *action = [=] { return RunReload(*options); }; });
  for (CLI::App* one : {show, reload}) {
    one->add_option("--cri-socket", options->cri_socket, "CRI endpoint")
        ->capture_default_str();
  }
}

}  // namespace agent::command
