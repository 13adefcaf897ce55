// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/thread.h"

#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace runtime {

absl::StatusOr<std::thread> StartThread(std::function<void()> body) {
  try {
    return std::thread(std::move(body));
  } catch (const std::system_error& error) {
    return absl::ResourceExhaustedError(
        absl::StrCat("start a thread: ", error.code().message()));
  }
}

absl::Status RunInThread(const std::function<void()>& body) {
  ASSIGN_OR_RETURN(std::thread thread, StartThread(body));
  thread.join();
  return absl::OkStatus();
}

}  // namespace runtime
