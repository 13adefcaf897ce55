// SPDX-License-Identifier: Apache-2.0
// The logging front: one line to standard error per call, with time, level and
// message. Lower layers return errors; only the top of a request logs.
// Thread safe. Not for the raw world between clone and exec.
#ifndef CORACLE_RUNTIME_BASE_LOG_H_
#define CORACLE_RUNTIME_BASE_LOG_H_

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace runtime::log {

enum class Level { kDebug, kInfo, kWarning, kError };

// Lines below `level` are dropped; the default is kInfo.
void SetLevel(Level level);
bool Enabled(Level level);
void Write(Level level, absl::string_view message);

// log::Info("pod ", name, " started"): arguments as for absl::StrCat.
template <typename... Args>
void Debug(const Args&... args) {
  if (Enabled(Level::kDebug)) Write(Level::kDebug, absl::StrCat(args...));
}
template <typename... Args>
void Info(const Args&... args) {
  Write(Level::kInfo, absl::StrCat(args...));
}
template <typename... Args>
void Warning(const Args&... args) {
  Write(Level::kWarning, absl::StrCat(args...));
}
template <typename... Args>
void Error(const Args&... args) {
  Write(Level::kError, absl::StrCat(args...));
}

}  // namespace runtime::log

#endif  // CORACLE_RUNTIME_BASE_LOG_H_
