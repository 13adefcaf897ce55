// SPDX-License-Identifier: Apache-2.0
// coracle cri: the CRI server alone, for any kubelet or crictl.
#include "cri/config/config.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "agent/command/command_line.h"
#include "agent/command/event_engine.h"
#include "agent/command/memory.h"
#include "agent/command/reload.h"
#include "agent/command/signals.h"
#include "cri/image/inbox.h"
#include "cri/server/server.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace agent::command {
namespace {

struct Options {
  std::string config;
  ::cri::config::Overrides overrides;
};

absl::Status Run(const Options& options) {
  TuneAllocator();
  UseQuietEventEngine();
  StopSignal stop;
  ::cri::server::ServerOptions server;
  ASSIGN_OR_RETURN(server.config,
                   ::cri::config::Load(options.config, options.overrides));
  server.config_file = options.config;
  server.overrides = options.overrides;
  const std::string listen = server.config.listen;
  const std::string root = server.config.root;
  ASSIGN_OR_RETURN(const auto running,
                   ::cri::server::Server::Start(std::move(server)));
  const auto inbox = ::cri::image::StartInbox(&running->Images(), root);
  runtime::log::Info("coracle " CORACLE_VERSION " serves CRI v1 on ", listen);
  stop.OnHangUp([&] { ReloadCri(*running); });
  NotifySystemd("READY=1");
  do {
    ReleaseUnused();
  } while (!stop.WaitFor(kReleasePeriod));
  stop.OnHangUp(nullptr);
  NotifySystemd("STOPPING=1");
  runtime::log::Info("stopping; pods keep running");
  running->Stop();
  return absl::OkStatus();
}

}  // namespace

void AddCri(CLI::App& app, Action* action) {
  CLI::App* command = app.add_subcommand(
      "cri", "Serve CRI v1 on a unix socket, for any kubelet");
  const auto options = std::make_shared<Options>();
  command->add_option("--config", options->config,
                      absl::StrCat("Configuration file; every flag below is a "
                                   "key of it (default: ",
                                   ::cri::config::kDefaultFile, ")"));
  for (const ::cri::config::Key& key : ::cri::config::Keys()) {
    if (!key.is_flag) continue;
    const std::string name = key.name;
    command->add_option_function<std::string>(
        absl::StrCat("--", absl::StrReplaceAll(name, {{"_", "-"}})),
        [options, name](const std::string& value) {
          options->overrides[name] = value;
        },
        absl::StrCat(key.help, "; ", key.expects));
  }
  command->footer(
      "Example:\n"
      "  coracle cri --listen unix:///run/coracle/coracle.sock &\n"
      "  crictl -r unix:///run/coracle/coracle.sock info");
  command->callback([=] { *action = [=] { return Run(*options); }; });
}

}  // namespace agent::command
