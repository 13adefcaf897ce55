// SPDX-License-Identifier: Apache-2.0
// A CRI server alone, without the rest of `coracle`: cri_server_main KEY=VALUE…
// with the keys of cri/config. Ends at SIGTERM.
#include <signal.h>

#include <cstdio>

#include "absl/strings/str_split.h"
#include "cri/server/server.h"

int main(int argc, char** argv) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  cri::config::Overrides overrides;
  for (int i = 1; i < argc; ++i) {
    overrides.insert(std::pair<std::string, std::string>(
        absl::StrSplit(argv[i], absl::MaxSplits('=', 1))));
  }
  cri::server::ServerOptions options;
  absl::StatusOr<cri::config::Config> config = cri::config::Load("", overrides);
  if (!config.ok()) {
    std::fprintf(stderr, "%s\n", config.status().ToString().c_str());
    return 2;
  }
  options.config = *config;
  auto server = cri::server::Server::Start(std::move(options));
  if (!server.ok()) {
    std::fprintf(stderr, "%s\n", server.status().ToString().c_str());
    return 1;
  }
  int signal = 0;
  sigwait(&signals, &signal);
  (*server)->Stop();
  return 0;
}
