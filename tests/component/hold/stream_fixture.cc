// SPDX-License-Identifier: Apache-2.0
#include "tests/component/hold/stream_fixture.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "tests/support/status_matchers.h"

namespace tests {
namespace {

constexpr int kPatience = 30000;  // ms

std::string ReadFrom(int fd, absl::string_view end) {
  std::string text;
  while (end.empty() || !absl::StrContains(text, end)) {
    pollfd polled{fd, POLLIN, 0};
    if (poll(&polled, 1, kPatience) <= 0) {
      ADD_FAILURE() << "nothing came after: " << text;
      break;
    }
    char buffer[65536];
    const ssize_t size = read(fd, buffer, sizeof buffer);
    if (size < 0 && errno == EAGAIN) continue;
    if (size <= 0) break;  // EIO is a terminal's end
    text.append(buffer, static_cast<size_t>(size));
  }
  return text;
}

}  // namespace

Talk::Talk(std::unique_ptr<runtime::StreamSession> session)
    : session_(std::move(session)) {
  session_->OnExit([result = result_](absl::StatusOr<int> value) {
    result->value = std::move(value);
    result->told.Notify();
  });
}

void Talk::Write(absl::string_view text) {
  while (!text.empty()) {
    pollfd polled{session_->in.get(), POLLOUT, 0};
    ASSERT_GT(poll(&polled, 1, kPatience), 0);
    const ssize_t size = write(session_->in.get(), text.data(), text.size());
    if (size < 0 && errno == EAGAIN) continue;
    ASSERT_GT(size, 0);
    text.remove_prefix(static_cast<size_t>(size));
  }
}

std::string Talk::ReadUntil(absl::string_view end) {
  return ReadFrom(session_->out.get(), end);
}

std::string Talk::ReadErrors() { return ReadFrom(session_->err.get(), ""); }

absl::StatusOr<int> Talk::Outcome() {
  if (!result_->told.WaitForNotificationWithTimeout(
          absl::Milliseconds(kPatience))) {
    return absl::DeadlineExceededError("no outcome");
  }
  return result_->value;
}

std::unique_ptr<Talk> StreamTest::Exec(const std::string& script, bool tty) {
  Options options{.args = {"/bin/sh", "-c", script},
                  .tty = tty,
                  .in = true,
                  .out = true,
                  .err = !tty};
  auto session = handler_->Exec("s", "c", options);
  EXPECT_THAT(session, IsOk());
  if (!session.ok()) return nullptr;
  return std::make_unique<Talk>(std::move(*session));
}

std::unique_ptr<Talk> StreamTest::Attach(const Options& options) {
  auto session = handler_->Attach("s", "c", options);
  EXPECT_THAT(session, IsOk());
  if (!session.ok()) return nullptr;
  return std::make_unique<Talk>(std::move(*session));
}

runtime::Json StreamTest::TerminalConfig(const std::string& script, bool tty) {
  runtime::Json config = Config("c", script);
  config["process"]["terminal"] = tty;
  config["mounts"].push_back(
      {{"destination", "/dev/pts"},
       {"type", "devpts"},
       {"source", "devpts"},
       {"options", {"newinstance", "ptmxmode=0666", "mode=0620"}}});
  return config;
}

void StreamTest::Start(const std::string& script,
                       runtime::ContainerOptions options) {
  StartSandbox("s");
  ASSERT_THAT(Create("s", "c", TerminalConfig(script, options.tty), options),
              IsOk());
  ASSERT_THAT(handler_->StartContainer("s", "c"), IsOk());
}

std::string StreamTest::Processes() {
  auto result =
      handler_->ExecSync("s", "c", {.args = {"/bin/ps", "-A", "-o", "args"}});
  EXPECT_THAT(result, IsOk());
  return result.ok() ? result->standard_output : "";
}

}  // namespace tests
