// SPDX-License-Identifier: Apache-2.0
#include "cri/container/signal.h"

#include <signal.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace cri::container {
namespace {

struct Entry {
  const char* name;
  int number;
};

// Second names follow the usual one, so that a search by number ends there.
constexpr Entry kSignals[] = {
    {"ABRT", SIGABRT},     {"ALRM", SIGALRM},   {"BUS", SIGBUS},
    {"CHLD", SIGCHLD},     {"CLD", SIGCHLD},    {"CONT", SIGCONT},
    {"FPE", SIGFPE},       {"HUP", SIGHUP},     {"ILL", SIGILL},
    {"INT", SIGINT},       {"IO", SIGIO},       {"IOT", SIGIOT},
    {"KILL", SIGKILL},     {"PIPE", SIGPIPE},   {"POLL", SIGPOLL},
    {"PROF", SIGPROF},     {"PWR", SIGPWR},     {"QUIT", SIGQUIT},
    {"SEGV", SIGSEGV},     {"STKFLT", 16},      {"STOP", SIGSTOP},
    {"SYS", SIGSYS},       {"TERM", SIGTERM},   {"TRAP", SIGTRAP},
    {"TSTP", SIGTSTP},     {"TTIN", SIGTTIN},   {"TTOU", SIGTTOU},
    {"URG", SIGURG},       {"USR1", SIGUSR1},   {"USR2", SIGUSR2},
    {"VTALRM", SIGVTALRM}, {"WINCH", SIGWINCH}, {"XCPU", SIGXCPU},
    {"XFSZ", SIGXFSZ}};

constexpr int kRealTimeMin = 34;  // of glibc, which images are written for
constexpr int kRealTimeMax = 64;

int RealTime(absl::string_view name) {
  int offset = 0;
  if (absl::ConsumePrefix(&name, "RTMIN")) {
    if (name.empty()) return kRealTimeMin;
    if (absl::StartsWith(name, "+") && absl::SimpleAtoi(name, &offset) &&
        offset <= kRealTimeMax - kRealTimeMin) {
      return kRealTimeMin + offset;
    }
    return 0;
  }
  if (!absl::ConsumePrefix(&name, "RTMAX")) return 0;
  if (name.empty()) return kRealTimeMax;
  if (absl::StartsWith(name, "-") && absl::SimpleAtoi(name, &offset) &&
      -offset <= kRealTimeMax - kRealTimeMin) {
    return kRealTimeMax + offset;
  }
  return 0;
}

}  // namespace

int SignalNumber(absl::string_view text) {
  int number = 0;
  if (absl::SimpleAtoi(text, &number)) {
    return number >= 1 && number <= kRealTimeMax ? number : 0;
  }
  std::string name = absl::AsciiStrToUpper(text);
  if (absl::StartsWith(name, "SIG")) name.erase(0, 3);
  name = absl::StrReplaceAll(name, {{"PLUS", "+"}, {"MINUS", "-"}});
  for (const Entry& entry : kSignals) {
    if (name == entry.name) return entry.number;
  }
  return RealTime(name);
}

int StopSignal(runtime::v1::Signal requested, const std::string& image_signal) {
  if (requested != 0) {
    int number = SignalNumber(runtime::v1::Signal_Name(requested));
    if (number != 0) return number;
  }
  int number = SignalNumber(image_signal);
  return number != 0 ? number : SIGTERM;
}

runtime::v1::Signal ToApiSignal(int number) {
  for (int value = 1; value < runtime::v1::Signal_ARRAYSIZE; ++value) {
    if (!runtime::v1::Signal_IsValid(value)) continue;
    auto signal = static_cast<runtime::v1::Signal>(value);
    if (SignalNumber(runtime::v1::Signal_Name(signal)) == number) {
      return signal;
    }
  }
  return static_cast<runtime::v1::Signal>(0);
}

}  // namespace cri::container
