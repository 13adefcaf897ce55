// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch/report_child.h"

#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/fd_message.h"

namespace runtime::launch {
namespace {

uint64_t Now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1000000000u +
         static_cast<uint64_t>(time.tv_nsec);
}

void SetText(Report* report, const char* text) {
  strncpy(report->text, text, sizeof(report->text) - 1);
}

}  // namespace

Reporter::Reporter(int fd) : fd_(fd), last_(Now()) {}

void Reporter::AddPhase(const char* name) {
  if (phase_count_ == Report::kMaxPhases) return;
  const uint64_t now = Now();
  Report::Phase& phase = phases_[phase_count_++];
  phase.nanoseconds = now - last_;
  last_ = now;
  strncpy(phase.name, name, sizeof(phase.name) - 1);
}

void Reporter::Created(pid_t pid, int terminal_fd) {
  Report report = {};
  report.kind = Report::kCreated;
  report.pid = pid;
  report.phase_count = phase_count_;
  memcpy(report.phases, phases_, sizeof(phases_));
  SendWithFd(fd_, &report, sizeof(report), terminal_fd);
}

void Reporter::Started() {
  Report report = {};
  report.kind = Report::kStarted;
  SendWithFd(fd_, &report, sizeof(report));
}

void Reporter::Failed(int error, const char* text) {
  Report report = {};
  report.kind = Report::kFailed;
  report.error = error;
  SetText(&report, text);
  if (SendWithFd(fd_, &report, sizeof(report))) return;
  // The keeper of the OCI command line is gone after create: the workload's own
  // error output is the last place that anybody reads.
  iovec line[2] = {{report.text, strlen(report.text)},
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
