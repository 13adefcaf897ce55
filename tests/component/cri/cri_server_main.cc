// SPDX-License-Identifier: Apache-2.0
// A CRI server alone, without the rest of `coracle`, with the same command line:
// cri_server_main cri --KEY VALUE… Ends at SIGTERM.
#include <signal.h>

#include <cstdio>

#include "absl/strings/str_replace.h"
#include "cri/server/server.h"

int main(int argc, char** argv) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  cri::config::Overrides overrides;
  for (int i = 2; i + 1 < argc; i += 2) {
    std::string key = absl::StrReplaceAll(argv[i] + 2, {{"-", "_"}});
    overrides[key] = argv[i + 1];
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
