// SPDX-License-Identifier: Apache-2.0
#include "agent/probe/hook.h"

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/status/spec.h"

namespace agent::probe {
namespace {

using runtime::Json;

constexpr absl::Duration kNetTimeout = absl::Seconds(30);

void Exec(cri::Client* cri, const Json& action, const std::string& id,
          absl::Duration limit, std::function<void(absl::Status)> done) {
  std::vector<std::string> command;
  for (const Json& word : runtime::ArrayAt(action, "command")) {
    if (word.is_string()) command.push_back(word.get<std::string>());
  }
  absl::Duration timeout =
      limit == absl::InfiniteDuration()
          ? absl::ZeroDuration()
          : std::max(absl::Ceil(limit, absl::Seconds(1)), absl::Seconds(1));
  cri->ExecSync(id, command, timeout,
                [done = std::move(done)](
                    absl::StatusOr<cri::v1::ExecSyncResponse> response) {
                  if (!response.ok()) return done(response.status());
                  if (response->exit_code() == 0) return done(absl::OkStatus());
                  done(absl::AbortedError(absl::StrCat(
                      "command exited with ", response->exit_code(), ": ",
                      response->stdout().substr(0, 512),
                      response->stderr().substr(0, 512))));
                });
}

}  // namespace

void RunHook(cri::Client* cri, Net* net, runtime::Executor* executor,
             std::shared_ptr<const Json> pod, const std::string& name,
             const std::string& hook, const std::string& id,
             const std::string& pod_ip, absl::Duration limit,
             std::function<void(absl::Status)> done) {
  Json handler;
  if (hook == "postStart") {
    handler = runtime::At(status::FindContainer(*pod, name),
                          {"lifecycle", "postStart"});
  } else if (auto parsed = runtime::ParseJson(hook, "preStop"); parsed.ok()) {
    handler = *std::move(parsed);
  }
  // Whoever is first: the handler or the end of its time.
  auto fired = std::make_shared<std::atomic<bool>>(false);
  auto once = [fired, done = std::move(done)](absl::Status status) {
    if (!fired->exchange(true)) done(std::move(status));
  };
  if (limit != absl::InfiniteDuration()) {
    executor->PostAfter(limit, [once] {
      once(absl::DeadlineExceededError("hook did not end in its grace period"));
    });
  }
  if (runtime::Has(handler, "exec")) {
    return Exec(cri, runtime::At(handler, "exec"), id, limit, once);
  }
  if (runtime::Has(handler, "sleep")) {
    absl::Duration time =
        absl::Seconds(runtime::IntAt(runtime::At(handler, "sleep"), "seconds"));
    executor->PostAfter(time, [once] { once(absl::OkStatus()); });
    return;
  }
  const Json& container = status::FindContainer(*pod, name);
  absl::Duration timeout = std::min(limit, kNetTimeout);
  if (runtime::Has(handler, "httpGet")) {
    return net->HttpGet(runtime::At(handler, "httpGet"), container, pod_ip,
                        timeout, once);
  }
  if (runtime::Has(handler, "tcpSocket")) {
    return net->TcpConnect(runtime::At(handler, "tcpSocket"), container, pod_ip,
                           timeout, once);
  }
  once(absl::InvalidArgumentError("hook has no handler"));
}

}  // namespace agent::probe
