// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/cri/stream/stream_fixture.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cri/stream/netns_socket.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"

namespace cri::stream {
namespace {

using runtime::UniqueFd;

// The server's end does not block.
void MakePipe(UniqueFd& read_end, UniqueFd& write_end, UniqueFd& servers) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  read_end.reset(ends[0]);
  write_end.reset(ends[1]);
  ASSERT_EQ(fcntl(servers.get(), F_SETFL, O_NONBLOCK), 0);
}

class FakeSession : public runtime::StreamSession {
 public:
  explicit FakeSession(std::shared_ptr<FakeProcess> process)
      : process_(std::move(process)) {}
  ~FakeSession() override {
    absl::MutexLock lock(&process_->mutex);
    process_->dropped = true;
    process_->done = nullptr;
  }
  void CloseInput() override {
    absl::MutexLock lock(&process_->mutex);
    ++process_->closed_inputs;
  }
  absl::Status Resize(uint16_t rows, uint16_t columns) override {
    absl::MutexLock lock(&process_->mutex);
    process_->resizes.push_back(absl::StrCat(rows, "x", columns));
    return absl::OkStatus();
  }
  void OnExit(Done done) override {
    absl::MutexLock lock(&process_->mutex);
    process_->done = std::move(done);
    process_->opened = true;
  }

 private:
  const std::shared_ptr<FakeProcess> process_;
};

}  // namespace

void FakeProcess::AwaitOpen() {
  absl::MutexLock lock(&mutex);
  EXPECT_TRUE(
      mutex.AwaitWithTimeout(absl::Condition(&opened), absl::Seconds(30)));
}

void FakeProcess::AwaitDrop() {
  absl::MutexLock lock(&mutex);
  EXPECT_TRUE(
      mutex.AwaitWithTimeout(absl::Condition(&dropped), absl::Seconds(30)));
}

void FakeProcess::AwaitResizes(size_t count) {
  absl::MutexLock lock(&mutex);
  const auto enough = [this, count]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    return resizes.size() >= count;
  };
  EXPECT_TRUE(
      mutex.AwaitWithTimeout(absl::Condition(&enough), absl::Seconds(30)));
}

void FakeProcess::Print(const std::string& text) {
  EXPECT_OK(runtime::WriteAll(out.get(), text, "stdout"));
}

void FakeProcess::Complain(const std::string& text) {
  EXPECT_OK(runtime::WriteAll(err.get(), text, "stderr"));
}

std::string FakeProcess::ReadAll() {
  return runtime::ReadFd(in.get(), "stdin").value_or("(error)");
}

std::string FakeProcess::Read(size_t size) {
  std::string text(size, '\0');
  size_t have = 0;
  while (have < size) {
    const ssize_t n = read(in.get(), text.data() + have, size - have);
    if (n <= 0) break;
    have += static_cast<size_t>(n);
  }
  text.erase(have);
  return text;
}

void FakeProcess::Exit(absl::StatusOr<int> code) {
  AwaitOpen();
  out.reset();
  err.reset();
  in.reset();
  ExitLeaving(std::move(code));
}

void FakeProcess::ExitLeaving(absl::StatusOr<int> code) {
  AwaitOpen();
  runtime::StreamSession::Done told;
  {
    absl::MutexLock lock(&mutex);
    told = std::exchange(done, nullptr);
  }
  if (told) told(std::move(code));
}

StreamTest::StreamTest() { signal(SIGPIPE, SIG_IGN); }

void StreamTest::Start(ServerOptions options) {
  options.executor = &executor_;
  auto server = Server::Start(options);
  ASSERT_TRUE(server.ok()) << server.status();
  server_ = *std::move(server);
}

std::string StreamTest::ProcessUrl(ProcessRequest request) {
  return server_->Url(std::move(request)).value_or("none");
}

std::string StreamTest::ForwardUrl(ForwardRequest request) {
  return server_->Url(std::move(request)).value_or("none");
}

ProcessRequest StreamTest::Exec(bool in, bool out, bool err, bool tty) {
  ProcessRequest request;
  request.in = in;
  request.out = out;
  request.err = err;
  request.tty = tty;
  request.open = [=, process = process_]()
      -> absl::StatusOr<std::unique_ptr<runtime::StreamSession>> {
    auto session = std::make_unique<FakeSession>(process);
    if (in) MakePipe(process->in, session->in, session->in);
    if (out) MakePipe(session->out, process->out, session->out);
    if (err) MakePipe(session->err, process->err, session->err);
    return session;
  };
  return request;
}

ForwardRequest StreamTest::ForwardHere(std::vector<uint16_t> ports) {
  return {std::move(ports),
          [](int family) { return SocketInNamespace(-1, family); }};
}

std::string PathOf(const std::string& url) {
  return url.substr(url.find('/', url.find("://") + 3));
}

}  // namespace cri::stream
