// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/log.h"

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <ctime>
#include <string>

#include "runtime/base/text.h"

namespace runtime::log {
namespace {

constexpr size_t kMostBytes = 16 << 10;

std::atomic<Level> minimum{Level::kInfo};

const char* Name(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarning:
      return "warning";
    case Level::kError:
      return "error";
  }
  return "?";
}

}  // namespace

void SetLevel(Level level) { minimum = level; }

bool Enabled(Level level) { return level >= minimum.load(); }

void Write(Level level, absl::string_view message) {
  if (!Enabled(level)) return;
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm utc{};
  gmtime_r(&now.tv_sec, &utc);
  char head[64];
  size_t used = strftime(head, sizeof head, "%Y-%m-%dT%H:%M:%S", &utc);
  snprintf(head + used, sizeof head - used, ".%03ldZ %s ",
           now.tv_nsec / 1000000, Name(level));
  std::string line = absl::StrCat(head, OneLine(message.substr(0, kMostBytes)));
  if (message.size() > kMostBytes) line += " …";
  line += '\n';
  // One write, so that lines of several threads never mix. Nothing useful can
  // be done if standard error is gone.
  if (write(STDERR_FILENO, line.data(), line.size()) < 0) return;
}

}  // namespace runtime::log
