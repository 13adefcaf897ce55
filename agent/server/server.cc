// SPDX-License-Identifier: Apache-2.0
#include "agent/server/server.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <exception>
#include <set>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "agent/server/connection.h"
#include "agent/server/handlers.h"
#include "agent/server/log_watcher.h"
#include "agent/server/tls.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"
#include "runtime/base/unique_fd.h"

namespace agent::server {
namespace {

namespace asio = boost::asio;
using Error = boost::system::error_code;
using asio::ip::tcp;
using runtime::ErrnoStatus;
using runtime::UniqueFd;

constexpr int kBacklog = 128;
constexpr size_t kMaxConnections = 1024;
// Requests that wait for a webhook must not take all threads from the pods.
constexpr int kMaxRunning = 8;

class ServerImpl : public Server, public ConnectionHost {
 public:
  explicit ServerImpl(const Options& options)
      : options_(options),
        handlers_(options),
        tls_(options.cert_file, options.key_file,
             options.authentication.client_ca_file, options.tls),
        io_(1),
        work_(io_.get_executor()),
        acceptor_(io_),
        retry_(io_),
        watcher_(&io_) {}

  ~ServerImpl() override { Stop(); }

  absl::Status Start() override;
  void Stop() override;
  int port() const override { return port_; }

 private:
  // ConnectionHost
  asio::io_context& io() override { return io_; }
  LogWatcher& watcher() override { return watcher_; }
  const Timeouts& timeouts() override { return options_.timeouts; }
  void Handle(Request request, ClientCertificate certificate,
              std::function<void(Answer)> done) override;
  void Block(std::function<void()> work, std::function<void()> done) override;
  void Forget(Connection* connection) override;

  absl::Status Listen();
  void Accept();
  void AcceptAll();
  void Adopt(UniqueFd client, const sockaddr_storage& address);
  void RunNext();
  void Run();

  const Options options_;
  Handlers handlers_;
  TlsFiles tls_;
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  tcp::acceptor acceptor_;
  asio::steady_timer retry_;
  LogWatcher watcher_;
  int port_ = 0;
  // Of the I/O thread.
  std::set<std::shared_ptr<Connection>> connections_;
  std::deque<std::function<void()>> waiting_;
  int running_ = 0;

  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  int blocked_ ABSL_GUARDED_BY(mutex_) = 0;  // calls on the executor
  std::thread thread_;
};

absl::Status ServerImpl::Listen() {
  Error error;
  auto address = asio::ip::make_address(options_.address, error);
  if (error) {
    return absl::InvalidArgumentError(absl::StrCat(
        "HTTPS server: address \"", options_.address, "\" is not an IP"));
  }
  tcp::endpoint endpoint(address, static_cast<uint16_t>(options_.port));
  std::string what =
      absl::StrCat(options_.address, ":", options_.port, ": HTTPS server");
  // asio's own sockets would be inherited by children.
  UniqueFd fd(socket(endpoint.protocol().family(),
                     SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.ok()) return ErrnoStatus(absl::StrCat("socket for ", what));
  int one = 1;
  if (setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
      bind(fd.get(), endpoint.data(),
           static_cast<socklen_t>(endpoint.size())) != 0 ||
      listen(fd.get(), kBacklog) != 0) {
    return ErrnoStatus(absl::StrCat("listen on ", what));
  }
  acceptor_.assign(endpoint.protocol(), fd.get(), error);
  if (error) return absl::InternalError(absl::StrCat("listen on ", what));
  fd.release();
  port_ = acceptor_.local_endpoint(error).port();
  return absl::OkStatus();
}

absl::Status ServerImpl::Start() {
  RETURN_IF_ERROR(Listen());
  tls_.Current();  // says now if the certificate is missing
  Accept();
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "https");
    Run();
  });
  return absl::OkStatus();
}

void ServerImpl::Run() {
  while (true) {
    // The library may throw (no memory, say): one client's end, not ours.
    try {
      io_.run();
      return;
    } catch (const std::exception& e) {
      runtime::log::Error("HTTPS server: ", e.what());
    }
  }
}

void ServerImpl::Stop() {
  if (!thread_.joinable()) return;
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  asio::post(io_, [this] {
    Error ignored;  // nobody is served any more
    acceptor_.close(ignored);
    retry_.cancel();
    waiting_.clear();
    auto open = connections_;
    for (const auto& connection : open) connection->Close();
  });
  {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(
        +[](int* blocked) { return *blocked == 0; }, &blocked_));
  }
  asio::post(io_, [this] {
    watcher_.Close();
    work_.reset();
  });
  thread_.join();
}

void ServerImpl::Accept() {
  acceptor_.async_wait(tcp::acceptor::wait_read, [this](const Error& error) {
    if (error) return;
    AcceptAll();
  });
}

void ServerImpl::AcceptAll() {
  while (true) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    UniqueFd client(accept4(acceptor_.native_handle(),
                            reinterpret_cast<sockaddr*>(&address), &size,
                            SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (client.ok()) {
      Adopt(std::move(client), address);
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno == EAGAIN) return Accept();
    // Out of descriptors or memory: the socket stays readable, so wait.
    runtime::log::Warning(ErrnoStatus("HTTPS server: accept").message());
    retry_.expires_after(std::chrono::milliseconds(500));
    retry_.async_wait([this](const Error& error) {
      if (!error) Accept();
    });
    return;
  }
}

void ServerImpl::Adopt(UniqueFd client, const sockaddr_storage& address) {
  if (connections_.size() >= kMaxConnections) return;
  std::shared_ptr<TlsContext> tls = tls_.Current();
  if (tls == nullptr) return;
  tcp::endpoint endpoint;
  endpoint.resize(address.ss_family == AF_INET6 ? sizeof(sockaddr_in6)
                                                : sizeof(sockaddr_in));
  memcpy(endpoint.data(), &address, endpoint.size());
  tcp::socket socket(io_);
  Error error;
  socket.assign(address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(),
                client.get(), error);
  if (error) return;
  client.release();
  auto connection = std::make_shared<Connection>(
      this, std::move(socket), std::move(tls),
      absl::StrCat(endpoint.address().to_string(), ":", endpoint.port()));
  connections_.insert(connection);
  connection->Start();
}

void ServerImpl::Forget(Connection* connection) {
  connections_.erase(connection->shared_from_this());
}

void ServerImpl::Handle(Request request, ClientCertificate certificate,
                        std::function<void(Answer)> done) {
  waiting_.push_back([this, request = std::move(request),
                      certificate = std::move(certificate),
                      done = std::move(done)] {
    auto answer = std::make_shared<Answer>();
    Block([this, answer, request,
           certificate] { *answer = handlers_.Handle(request, certificate); },
          [this, answer, done] {
            --running_;
            done(std::move(*answer));
            RunNext();
          });
  });
  RunNext();
}

void ServerImpl::RunNext() {
  if (waiting_.empty() || running_ >= kMaxRunning) return;
  ++running_;
  auto next = std::move(waiting_.front());
  waiting_.pop_front();
  next();
}

void ServerImpl::Block(std::function<void()> work, std::function<void()> done) {
  {
    absl::MutexLock lock(&mutex_);
    if (stopping_) return;
    ++blocked_;
  }
  options_.executor->Post(
      [this, work = std::move(work), done = std::move(done)]() mutable {
        work();
        work = nullptr;
        asio::post(io_, std::move(done));
        absl::MutexLock lock(&mutex_);
        --blocked_;
      });
}

}  // namespace

std::unique_ptr<Server> MakeServer(const Options& options) {
  return std::make_unique<ServerImpl>(options);
}

}  // namespace agent::server
