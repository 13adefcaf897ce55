// SPDX-License-Identifier: Apache-2.0
#include "agent/probe/net.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "runtime/base/file.h"
#include "runtime/base/unique_fd.h"
#include "tests/support/status_matchers.h"

namespace agent::probe {
namespace {

using runtime::Json;
using testing::HasSubstr;
using tests::IsOk;

// Listens on a port of 127.0.0.1; answers one connection with `reply`.
class Listener {
 public:
  explicit Listener(std::string reply = "")
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size);
    listen(fd_.get(), 64);
    getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    if (reply.empty()) return;
    thread_ = std::thread([this, reply] {
      runtime::UniqueFd peer(accept(fd_.get(), nullptr, nullptr));
      char buffer[4096];
      ssize_t n = read(peer.get(), buffer, sizeof(buffer));
      request_.assign(buffer, n > 0 ? static_cast<size_t>(n) : 0);
      (void)!write(peer.get(), reply.data(), reply.size());
    });
  }
  ~Listener() {
    if (thread_.joinable()) thread_.join();
  }
  int port() const { return port_; }
  // After the answer.
  const std::string& request() {
    if (thread_.joinable()) thread_.join();
    return request_;
  }

 private:
  runtime::UniqueFd fd_;
  int port_ = 0;
  std::string request_;
  std::thread thread_;
};

// Waits for the one result of a call.
absl::Status Await(const std::function<void(Net::Done)>& call) {
  absl::Notification done;
  absl::Status result;
  call([&](absl::Status status) {
    result = std::move(status);
    done.Notify();
  });
  EXPECT_TRUE(done.WaitForNotificationWithTimeout(absl::Seconds(20)));
  return result;
}

absl::Status HttpGet(Net& net, const Json& action, absl::Duration timeout) {
  return Await([&](Net::Done done) {
    net.HttpGet(action, Json(), "127.0.0.1", timeout, std::move(done));
  });
}

absl::Status TcpConnect(Net& net, const Json& action) {
  return Await([&](Net::Done done) {
    net.TcpConnect(action, Json(), "127.0.0.1", absl::Seconds(10),
                   std::move(done));
  });
}

int OpenFiles() {
  auto names = runtime::ListDir("/proc/self/fd");
  return names.ok() ? static_cast<int>(names->size()) : -1;
}

TEST(NetTest, PortsByNumberAndName) {
  Json container = {
      {"ports", Json::array({{{"name", "web"}, {"containerPort", 8080}}})}};
  EXPECT_EQ(*ResolvePort(80, container), 80);
  EXPECT_EQ(*ResolvePort("80", container), 80);
  EXPECT_EQ(*ResolvePort("web", container), 8080);
  EXPECT_FALSE(ResolvePort("nope", container).ok());
  EXPECT_FALSE(ResolvePort(0, container).ok());
  EXPECT_FALSE(ResolvePort(70000, container).ok());
}

TEST(NetTest, HttpAnswersBelow400AreHealthy) {
  struct Row {
    const char* reply;
    bool ok;
  } rows[] = {{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true},
              {"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", true},
              {"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", false}};
  for (const Row& row : rows) {
    Listener listener(row.reply);
    Json action = {
        {"port", listener.port()},
        {"path", "/healthz"},
        {"httpHeaders", Json::array({{{"name", "X-A"}, {"value", "b"}}})}};
    Net net;
    absl::Status status = HttpGet(net, action, absl::Seconds(10));
    EXPECT_EQ(status.ok(), row.ok) << status;
    EXPECT_THAT(listener.request(), HasSubstr("GET /healthz HTTP/1.1"));
    EXPECT_THAT(listener.request(), HasSubstr("User-Agent: kube-probe/"));
    EXPECT_THAT(listener.request(), HasSubstr("X-A: b"));
    if (!row.ok) {
      EXPECT_EQ(status.message(), "HTTP probe failed with statuscode: 404");
    }
  }
}

TEST(NetTest, TcpNeedsAListener) {
  Net net;
  int port = 0;
  {
    Listener listener;
    port = listener.port();
    EXPECT_THAT(TcpConnect(net, {{"port", port}}), IsOk());
  }
  EXPECT_THAT(TcpConnect(net, {{"port", port}}).message(),
              HasSubstr("Connection refused"));
}

TEST(NetTest, NothingStaysOpenBehindAConnect) {
  Net net;
  Listener listener;
  ASSERT_THAT(TcpConnect(net, {{"port", listener.port()}}), IsOk());
  const int before = OpenFiles();
  for (int i = 0; i < 8; ++i) {
    ASSERT_THAT(TcpConnect(net, {{"port", listener.port()}}), IsOk());
  }
  EXPECT_EQ(OpenFiles(), before);
}

TEST(NetTest, SilentServerCostsItsOwnTimeoutOnly) {
  Net net;
  Listener silent;  // never answers
  EXPECT_EQ(
      HttpGet(net, {{"port", silent.port()}}, absl::Milliseconds(50)).message(),
      absl::StrCat("Get \"http://127.0.0.1:", silent.port(),
                   "/\": context deadline exceeded (Client.Timeout exceeded "
                   "while awaiting headers)"));
}

TEST(NetTest, StopEndsWhatIsUnderWay) {
  Net net;
  Listener silent;
  absl::Notification done;
  absl::Status result;
  net.HttpGet({{"port", silent.port()}}, Json(), "127.0.0.1", absl::Hours(1),
              [&](absl::Status status) {
                result = std::move(status);
                done.Notify();
              });
  net.Stop();
  ASSERT_TRUE(done.HasBeenNotified());
  EXPECT_TRUE(absl::IsCancelled(result)) << result;
  EXPECT_TRUE(absl::IsCancelled(TcpConnect(net, {{"port", silent.port()}})));
}

// Answers grpc.health.v1.Health/Check with one number.
class HealthServer {
 public:
  explicit HealthServer(char serving) : serving_(serving) {
    grpc::ServerBuilder builder;
    builder.RegisterAsyncGenericService(&service_);
    queue_ = builder.AddCompletionQueue();
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &port_);
    server_ = builder.BuildAndStart();
    thread_ = std::thread([this] { Answer(); });
  }
  ~HealthServer() {
    server_->Shutdown(std::chrono::system_clock::now());
    queue_->Shutdown();
    thread_.join();
    void* tag;
    bool ok;
    while (queue_->Next(&tag, &ok)) {
    }
  }
  int port() const { return port_; }

 private:
  bool Wait() {
    void* tag;
    bool ok = false;
    return queue_->Next(&tag, &ok) && ok;
  }
  void Answer() {
    grpc::GenericServerContext context;
    grpc::GenericServerAsyncReaderWriter stream(&context);
    service_.RequestCall(&context, &stream, queue_.get(), queue_.get(), this);
    if (!Wait()) return;
    grpc::ByteBuffer request;
    stream.Read(&request, this);
    if (!Wait()) return;
    const char bytes[] = {8, serving_};
    grpc::Slice slice(bytes, sizeof(bytes));
    stream.WriteAndFinish(grpc::ByteBuffer(&slice, 1), {}, grpc::Status::OK,
                          this);
    Wait();
  }

  const char serving_;
  int port_ = 0;
  grpc::AsyncGenericService service_;
  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::unique_ptr<grpc::Server> server_;
  std::thread thread_;
};

absl::Status GrpcCheck(Net& net, int port, absl::Duration timeout) {
  return Await([&](Net::Done done) {
    net.GrpcCheck({{"port", port}}, "127.0.0.1", timeout, std::move(done));
  });
}

TEST(NetTest, GrpcServiceIsHealthyIfItSaysServing) {
  Net net;
  {
    HealthServer serving(1);
    EXPECT_THAT(GrpcCheck(net, serving.port(), absl::Seconds(10)), IsOk());
  }
  HealthServer not_serving(2);
  EXPECT_EQ(GrpcCheck(net, not_serving.port(), absl::Seconds(10)).message(),
            "service unhealthy (responded with status 2)");
}

TEST(NetTest, StopEndsAGrpcCheck) {
  Net net;
  Listener silent;
  absl::Notification done;
  net.GrpcCheck({{"port", silent.port()}}, "127.0.0.1", absl::Hours(1),
                [&](absl::Status status) {
                  EXPECT_FALSE(status.ok());
                  done.Notify();
                });
  net.Stop();
  EXPECT_TRUE(done.HasBeenNotified());
}

}  // namespace
}  // namespace agent::probe
