// SPDX-License-Identifier: Apache-2.0
// HttpClient::Watch: a long GET whose body is a stream of events.
#include <algorithm>
#include <random>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/api/cancel_state.h"
#include "agent/api/error.h"
#include "agent/api/http_client.h"
#include "agent/api/session.h"
#include "agent/api/splitter.h"
#include "runtime/base/status.h"

namespace agent::api {
namespace {

// etcd stores at most 1.5 MiB an object; JSON with managed fields may double
// it.
constexpr size_t kMaxEventBytes = 16 << 20;
constexpr size_t kMaxErrorBytes = 64 << 10;
// The server ends a watch itself; one that is this late has forgotten us.
constexpr absl::Duration kServerGrace = absl::Seconds(30);

int RandomTimeout() {
  std::random_device device;
  return std::uniform_int_distribution<int>(300, 600)(device);
}

// `query` with watch=true and a server-side time limit, which goes to
// `*timeout` too.
Query WatchQuery(const Query& query, absl::Duration* timeout) {
  Query result = query;
  const auto value = [&result](absl::string_view key) {
    auto it = std::find_if(result.begin(), result.end(),
                           [&](const auto& pair) { return pair.first == key; });
    return it == result.end() ? nullptr : &it->second;
  };
  if (value("watch") == nullptr) result.emplace_back("watch", "true");
  if (value("timeoutSeconds") == nullptr) {
    result.emplace_back("timeoutSeconds", absl::StrCat(RandomTimeout()));
  }
  int seconds = 0;
  if (!absl::SimpleAtoi(*value("timeoutSeconds"), &seconds)) seconds = 600;
  *timeout = absl::Seconds(seconds) + kServerGrace;
  return result;
}

// Turns the body into events; remembers why it stopped.
class EventReader {
 public:
  EventReader(const Client::OnEvent& on_event,
              const std::function<void()>& on_open)
      : on_event_(on_event), on_open_(on_open), splitter_(kMaxEventBytes) {}

  bool Take(int http_code, absl::string_view data) {
    if (http_code >= 400) {
      error_body_.append(data.data(), data.size());
      return error_body_.size() <= kMaxErrorBytes;
    }
    if (!std::exchange(open_, true) && on_open_) on_open_();
    result_ = splitter_.Feed(
        data, [this](const std::string& text) { return Deliver(text); });
    return result_.ok() && !stopped_;
  }

  // Why the consumer or an event ended the stream; OK if it was its wish.
  bool ended() const { return stopped_ || !result_.ok(); }
  absl::Status result() const { return stopped_ ? absl::OkStatus() : result_; }
  const std::string& error_body() const { return error_body_; }

 private:
  absl::Status Deliver(const std::string& text) {
    ASSIGN_OR_RETURN(Json event, runtime::ParseJson(text, "watch event"));
    std::string type = runtime::StringAt(event, "type");
    if (type == "ERROR") {
      return StatusFromObject(runtime::ObjectAt(event, "object"), 0);
    }
    WatchEvent out{std::move(type), Json()};
    if (runtime::Has(event, "object")) out.object = std::move(event["object"]);
    if (on_event_(std::move(out))) return absl::OkStatus();
    stopped_ = true;
    return absl::CancelledError("consumer stopped");
  }

  const Client::OnEvent& on_event_;
  const std::function<void()>& on_open_;
  JsonSplitter splitter_;
  bool open_ = false;
  absl::Status result_;
  bool stopped_ = false;
  std::string error_body_;
};

}  // namespace

absl::Status HttpClient::Watch(const std::string& path, const Query& query,
                               const CancelToken& cancel,
                               const OnEvent& on_event,
                               const std::function<void()>& on_open) {
  Request request;
  request.method = "GET";
  request.url = Url(path, WatchQuery(query, &request.timeout));
  std::shared_ptr<CancelToken> reload;
  int generation = 0;
  {
    absl::MutexLock lock(&mutex_);
    reload = reload_;
    generation = generation_;
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session,
                   Session::Open(config_, generation));
  const auto wake = [&session] { session->Wake(); };
  const int cancel_hook = cancel.state_->AddHook(wake);
  const int reload_hook = reload->state_->AddHook(wake);
  EventReader reader(on_event, on_open);
  auto response = session->RunUntil(
      request,
      [&](int code, absl::string_view data) { return reader.Take(code, data); },
      [&] { return cancel.cancelled() || reload->cancelled(); });
  cancel.state_->RemoveHook(cancel_hook);
  reload->state_->RemoveHook(reload_hook);

  if (cancel.cancelled()) return absl::CancelledError("watch cancelled");
  if (reader.ended()) {
    return runtime::Annotate(reader.result(), absl::StrCat("watch ", path));
  }
  if (reload->cancelled()) return absl::OkStatus();
  if (!response.ok()) return runtime::Annotate(response.status(), "watch");
  if (response->http_code >= 400) {
    return StatusFromResponse(absl::StrCat("watch ", path), response->http_code,
                              reader.error_body(), response->retry_after);
  }
  return absl::OkStatus();
}

}  // namespace agent::api
