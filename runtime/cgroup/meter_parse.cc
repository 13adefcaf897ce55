// SPDX-License-Identifier: Apache-2.0
#include "runtime/cgroup/meter_parse.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace runtime::cgroup {
namespace {

struct DeviceNumber {
  unsigned major = 0, minor = 0;
};

std::optional<DeviceNumber> ParseDevice(absl::string_view text) {
  DeviceNumber number;
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits(':', 1));
  if (!absl::SimpleAtoi(parts.first, &number.major) ||
      !absl::SimpleAtoi(parts.second, &number.minor)) {
    return std::nullopt;
  }
  return number;
}

DeviceIo& At(const DeviceNumber& number, std::vector<DeviceIo>& devices) {
  for (DeviceIo& device : devices) {
    if (device.major == number.major && device.minor == number.minor) {
      return device;
    }
  }
  devices.emplace_back();
  devices.back().major = number.major;
  devices.back().minor = number.minor;
  return devices.back();
}

// " avg10=… avg60=… avg300=… total=…"
Pressure::Line ParsePressureLine(absl::string_view text) {
  Pressure::Line line;
  for (absl::string_view pair : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    if (absl::ConsumePrefix(&pair, "avg10=")) {
      (void)absl::SimpleAtod(pair, &line.avg10);
    } else if (absl::ConsumePrefix(&pair, "avg60=")) {
      (void)absl::SimpleAtod(pair, &line.avg60);
    } else if (absl::ConsumePrefix(&pair, "avg300=")) {
      (void)absl::SimpleAtod(pair, &line.avg300);
    } else if (absl::ConsumePrefix(&pair, "total=")) {
      (void)absl::SimpleAtoi(pair, &line.total_us);
    }
  }
  return line;
}

}  // namespace

uint64_t Field(absl::string_view text, absl::string_view key) {
  while (!text.empty()) {
    absl::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    uint64_t number;
    if (absl::ConsumePrefix(&line, key) && absl::ConsumePrefix(&line, " ") &&
        absl::SimpleAtoi(line, &number)) {
      return number;
    }
  }
  return 0;
}

std::optional<Pressure> ParsePressure(absl::string_view text) {
  std::optional<Pressure> pressure;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::ConsumePrefix(&line, "some ")) {
      if (!pressure.has_value()) pressure.emplace();
      pressure->some = ParsePressureLine(line);
    } else if (absl::ConsumePrefix(&line, "full ")) {
      if (!pressure.has_value()) pressure.emplace();
      pressure->full = ParsePressureLine(line);
    }
  }
  return pressure;
}

std::vector<DeviceIo> ParseIoStat(absl::string_view text) {
  std::vector<DeviceIo> devices;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
    std::optional<DeviceNumber> number = ParseDevice(words[0]);
    if (!number.has_value()) continue;
    DeviceIo& device = At(*number, devices);
    for (absl::string_view word : words) {
      if (absl::ConsumePrefix(&word, "rbytes=")) {
        (void)absl::SimpleAtoi(word, &device.read_bytes);
      } else if (absl::ConsumePrefix(&word, "wbytes=")) {
        (void)absl::SimpleAtoi(word, &device.written_bytes);
      } else if (absl::ConsumePrefix(&word, "rios=")) {
        (void)absl::SimpleAtoi(word, &device.reads);
      } else if (absl::ConsumePrefix(&word, "wios=")) {
        (void)absl::SimpleAtoi(word, &device.writes);
      }
    }
  }
  return devices;
}

void AddBlkio(absl::string_view text, uint64_t DeviceIo::*read,
              uint64_t DeviceIo::*written, std::vector<DeviceIo>& devices) {
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
    if (words.size() != 3) continue;  // "Total 123"
    std::optional<DeviceNumber> number = ParseDevice(words[0]);
    uint64_t value;
    if (!number.has_value() || !absl::SimpleAtoi(words[2], &value)) continue;
    if (words[1] == "Read") At(*number, devices).*read = value;
    if (words[1] == "Write") At(*number, devices).*written = value;
  }
}

std::vector<pid_t> ParsePids(absl::string_view text) {
  std::vector<pid_t> pids;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    pid_t pid;
    if (absl::SimpleAtoi(line, &pid) && pid > 0) pids.push_back(pid);
  }
  return pids;
}

}  // namespace runtime::cgroup
