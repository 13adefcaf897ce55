// SPDX-License-Identifier: Apache-2.0
#include "cri/stream/server.h"

#include <pthread.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <exception>
#include <set>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "cri/stream/connection.h"
#include "cri/stream/listener.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace cri::stream {
namespace {

namespace asio = boost::asio;

constexpr size_t kMaxConnections = 4096;
// How long clients have to take the reason why their stream ends.
constexpr absl::Duration kFarewell = absl::Seconds(2);

// How often connections are looked at: often enough for the shortest time that
// is watched here, and never when there are none.
absl::Duration CheckInterval(const Timeouts& timeouts) {
  return std::clamp(std::min(timeouts.request, timeouts.idle) / 4,
                    absl::Milliseconds(20), absl::Seconds(10));
}

class ServerImpl : public Server, public Host {
 public:
  explicit ServerImpl(const ServerOptions& options)
      : options_(options), io_(1), work_(io_.get_executor()), check_(io_) {}

  ~ServerImpl() override { Stop(); }

  absl::Status Open();

  absl::StatusOr<std::string> Url(Request request) override;
  int port() const override { return listener_->port(); }
  void Stop() override;

  // Host
  asio::io_context& io() override { return io_; }
  const Timeouts& timeouts() const override { return options_.timeouts; }
  void Block(std::function<std::function<void()>()> work) override;
  void Post(std::function<void()> task) override {
    asio::post(io_, std::move(task));
  }

 private:
  void Adopt(asio::ip::tcp::socket socket);
  void Forget(const std::shared_ptr<Connection>& connection);
  void CheckLater();
  void SayGoodbye();
  void End();
  void Run();

  const ServerOptions options_;
  Tokens tokens_;
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::shared_ptr<asio::ssl::context> tls_;
  std::unique_ptr<Listener> listener_;
  // Of the I/O thread.
  asio::steady_timer check_;
  std::set<std::shared_ptr<Connection>> connections_;
  bool leaving_ = false;   // clients are being told
  bool stopping_ = false;  // nothing is done on the executor any more

  absl::Mutex mutex_;
  int blocked_ ABSL_GUARDED_BY(mutex_) = 0;  // calls on the executor
  std::thread thread_;
};

absl::Status ServerImpl::Open() {
  if (!options_.cert_file.empty() || !options_.key_file.empty()) {
    ASSIGN_OR_RETURN(tls_, LoadTls(options_.cert_file, options_.key_file));
  }
  ASSIGN_OR_RETURN(listener_,
                   Listener::Open(io_, options_.address, options_.port));
  listener_->Accept(
      [this](asio::ip::tcp::socket socket) { Adopt(std::move(socket)); });
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "stream");
    Run();
  });
  return absl::OkStatus();
}

void ServerImpl::Run() {
  while (true) {
    // The libraries may throw (no memory, say): one client's end, not ours.
    try {
      io_.run();
      return;
    } catch (const std::exception& error) {
      runtime::log::Error("streaming server: ", error.what());
    }
  }
}

absl::StatusOr<std::string> ServerImpl::Url(Request request) {
  const auto* process = std::get_if<ProcessRequest>(&request);
  const char* path = process == nullptr ? "portforward"
                     : process->attach  ? "attach"
                                        : "exec";
  ASSIGN_OR_RETURN(const std::string token, tokens_.Issue(std::move(request)));
  return absl::StrCat(tls_ == nullptr ? "http://" : "https://",
                      listener_->host_and_port(), "/", path, "/", token);
}

void ServerImpl::Adopt(asio::ip::tcp::socket socket) {
  if (connections_.size() >= kMaxConnections) return;  // closes it
  auto connection = std::make_shared<Connection>(
      this, &tokens_, MakeSocketStream(std::move(socket), tls_),
      [this](Connection* ended) { Forget(ended->shared_from_this()); });
  connections_.insert(connection);
  if (connections_.size() == 1) CheckLater();
  connection->Start();
}

void ServerImpl::Forget(const std::shared_ptr<Connection>& connection) {
  connections_.erase(connection);
  if (leaving_ && connections_.empty()) End();
}

void ServerImpl::CheckLater() {
  check_.expires_after(
      absl::ToChronoNanoseconds(CheckInterval(options_.timeouts)));
  check_.async_wait([this](const Error& error) {
    if (error) return;
    const absl::Time now = absl::Now();
    const auto all = connections_;
    for (const auto& connection : all) connection->Check(now);
    if (!connections_.empty()) CheckLater();
  });
}

void ServerImpl::Block(std::function<std::function<void()>()> work) {
  // What is still to be let go of is let go of here and now.
  if (stopping_) {
    work();
    return;
  }
  {
    absl::MutexLock lock(&mutex_);
    ++blocked_;
  }
  options_.executor->Post([this, work = std::move(work)]() mutable {
    std::function<void()> after = work();
    work = nullptr;
    if (after) asio::post(io_, std::move(after));
    absl::MutexLock lock(&mutex_);
    --blocked_;
  });
}

void ServerImpl::SayGoodbye() {
  listener_->Close();
  check_.cancel();
  const absl::Status why = absl::UnavailableError(
      "the runtime is stopping; try again when it is back");
  const auto all = connections_;
  for (const auto& connection : all) connection->Stop(why);
  leaving_ = true;
  if (connections_.empty()) return End();
  check_.expires_after(absl::ToChronoNanoseconds(kFarewell));
  check_.async_wait([this](const Error& error) {
    if (!error) End();
  });
}

void ServerImpl::End() {
  if (std::exchange(stopping_, true)) return;
  check_.cancel();
  const auto all = connections_;
  for (const auto& connection : all) connection->Close();
  // After what the closing left to be done.
  asio::post(io_, [this] { io_.stop(); });
}

void ServerImpl::Stop() {
  if (!thread_.joinable()) return;
  asio::post(io_, [this] { SayGoodbye(); });
  thread_.join();
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(
      +[](int* blocked) { return *blocked == 0; }, &blocked_));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(
    const ServerOptions& options) {
  auto server = std::make_unique<ServerImpl>(options);
  RETURN_IF_ERROR(server->Open());
  return server;
}

}  // namespace cri::stream
