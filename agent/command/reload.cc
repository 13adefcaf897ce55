// SPDX-License-Identifier: Apache-2.0
#include "agent/command/reload.h"

#include "agent/command/memory.h"
#include "agent/command/signals.h"
#include "runtime/base/log.h"

namespace agent::command {

void ReloadCri(::cri::server::Server& server) {
  NotifySystemd("RELOADING=1");
  const auto done = server.Reload();
  ReleaseUnused();
  if (done.ok()) {
    runtime::log::Info("configuration read again: ", *done);
  } else {
    runtime::log::Error("configuration read again: ", done.status().message());
  }
  NotifySystemd("READY=1");
}

}  // namespace agent::command
