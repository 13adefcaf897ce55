// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch/report.h"

#include <errno.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "runtime/base/fd_message.h"
#include "runtime/launch/container.h"

namespace runtime::launch {
namespace {

uint64_t Now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1000000000u +
         static_cast<uint64_t>(time.tv_nsec);
}

void SetText(Report* report, absl::string_view text) {
  size_t size = std::min(text.size(), sizeof(report->text) - 1);
  std::memcpy(report->text, text.data(), size);
  report->text[size] = '\0';
}

// The nearest errno of a status whose own was only text.
int ErrorOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kNotFound:
      return ENOENT;
    case absl::StatusCode::kPermissionDenied:
      return EACCES;
    case absl::StatusCode::kAlreadyExists:
      return EEXIST;
    case absl::StatusCode::kInvalidArgument:
      return EINVAL;
    case absl::StatusCode::kResourceExhausted:
      return ENOSPC;
    default:
      return 0;
  }
}

}  // namespace

Reporter::Reporter(int fd) : fd_(fd), last_(Now()) {}

void Reporter::Phase(const char* name) {
  Report report = {};
  uint64_t now = Now();
  report.kind = Report::kPhase;
  report.nanoseconds = now - last_;
  last_ = now;
  SetText(&report, name);
  SendWithFd(fd_, &report, sizeof(report));
}

void Reporter::Created(pid_t pid, int terminal_fd) {
  Report report = {};
  report.kind = Report::kCreated;
  report.pid = pid;
  SendWithFd(fd_, &report, sizeof(report), terminal_fd);
}

void Reporter::Started() {
  Report report = {};
  report.kind = Report::kStarted;
  SendWithFd(fd_, &report, sizeof(report));
}

void Reporter::Failed(const absl::Status& status) {
  Failed(ErrorOf(status), absl::string_view(status.message()));
}

void Reporter::Failed(int error, absl::string_view text) {
  Report report = {};
  report.kind = Report::kFailed;
  report.error = error;
  SetText(&report, text);
  if (SendWithFd(fd_, &report, sizeof(report))) return;
  // The keeper of the OCI command line is gone after create: the workload's own
  // error output is the last place that anybody reads.
  iovec line[2] = {{report.text, std::strlen(report.text)},
                   {const_cast<char*>("\n"), 1}};
  if (writev(2, line, 2) < 0) return;
}

bool SendByte(int socket, char byte, int fd) {
  return SendWithFd(socket, &byte, 1, fd);
}

int ReceiveByte(int socket, int* fd) {
  unsigned char byte = 0;
  UniqueFd passed;
  if (ReceiveWithFd(socket, &byte, 1, &passed) != 1) return -1;
  if (fd != nullptr && passed.ok()) *fd = passed.release();
  return byte;
}

}  // namespace runtime::launch
