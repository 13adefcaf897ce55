// SPDX-License-Identifier: Apache-2.0
#include "cri/server/operations.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "cri/server/task.h"
#include "runtime/base/activity.h"

namespace cri::server {
namespace {

using runtime::Json;

// Before that nobody asks why.
constexpr absl::Duration kLong = absl::Seconds(1);

std::string NameOf(const sandbox::Sandbox& sandbox) {
  return absl::StrCat(sandbox.config.metadata().namespace_(), "/",
                      sandbox.config.metadata().name());
}

Json Where(const runtime::activity::State& state) {
  Json where = Json::array();
  if (state.process != 0) {
    const Task task = ReadTask(state.process, state.process);
    if (!task.command.empty()) where.push_back(Describe(task));
    for (const pid_t helper : HelpersOf(state.process)) {
      where.push_back(Describe(ReadTask(helper, helper)));
    }
  }
  const Task own = ReadTask(getpid(), state.thread);
  if (!own.system_call.empty()) {
    where.push_back(
        absl::StrCat("thread ", state.thread, " is in ", own.system_call,
                     own.waits_in.empty() ? "" : ", ", own.waits_in));
  }
  return where;
}

}  // namespace

std::string NameOfSandbox(const Engine& engine, const std::string& id) {
  const absl::StatusOr<sandbox::SandboxPtr> found = engine.sandboxes->Find(id);
  return found.ok() ? NameOf(**found) : id;
}

std::string NameOfContainer(const Engine& engine, const std::string& id) {
  const absl::StatusOr<container::ContainerPtr> found =
      engine.containers->Find(id);
  return found.ok() ? absl::StrCat(NameOf(*(*found)->sandbox), "/",
                                   (*found)->config.metadata().name())
                    : id;
}

Json OperationsInfo(const Engine& engine, absl::Time now) {
  Json list = Json::array();
  for (const runtime::activity::State& state : runtime::activity::List()) {
    if (state.thread == gettid()) continue;
    Json item{{"call", state.call},
              {"object", state.object},
              {"seconds", absl::ToDoubleSeconds(now - state.since)},
              {"step", state.step},
              {"step_seconds", absl::ToDoubleSeconds(now - state.step_since)}};
    if (now - state.step_since >= kLong) item["where"] = Where(state);
    list.push_back(std::move(item));
  }
  for (const auto& waiting : engine.unfinished_stops->List()) {
    const double seconds = absl::ToDoubleSeconds(now - waiting.since);
    list.push_back(
        Json{{"call", UnfinishedStops::kCall},
             {"object", NameOf(*waiting.sandbox)},
             {"seconds", seconds},
             {"step", absl::StrCat("waits for another try at ",
                                   absl::FormatTime("%H:%M:%S", waiting.next,
                                                    absl::UTCTimeZone()),
                                   " UTC: ", waiting.reason)},
             {"step_seconds", seconds}});
  }
  return list;
}

}  // namespace cri::server
