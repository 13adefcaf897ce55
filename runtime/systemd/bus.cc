// SPDX-License-Identifier: Apache-2.0
#include "runtime/systemd/bus.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/status.h"

namespace runtime::systemd {
namespace {

constexpr char kService[] = "org.freedesktop.systemd1";
constexpr char kObject[] = "/org/freedesktop/systemd1";
constexpr char kManager[] = "org.freedesktop.systemd1.Manager";

absl::Status Failed(int error, absl::string_view what) {
  return ErrnoStatus(-error, absl::StrCat("systemd: ", what));
}

absl::Status ToStatus(const sd_bus_error& error, int result,
                      absl::string_view what) {
  if (!sd_bus_error_is_set(&error)) return Failed(result, what);
  const std::string text =
      absl::StrCat("systemd: ", what, ": ",
                   error.message == nullptr ? error.name : error.message);
  if (sd_bus_error_has_name(&error, "org.freedesktop.systemd1.NoSuchUnit")) {
    return absl::NotFoundError(text);
  }
  if (sd_bus_error_has_name(&error, "org.freedesktop.systemd1.UnitExists")) {
    return absl::AlreadyExistsError(text);
  }
  return absl::InternalError(text);
}

}  // namespace

// Results by the job's object path; a job may end before its path is known.
struct Bus::Jobs {
  std::map<std::string, std::string> results;

  static int OnRemoved(sd_bus_message* message, void* self, sd_bus_error*) {
    uint32_t number;
    const char *job, *unit, *result;
    const int read =
        sd_bus_message_read(message, "uoss", &number, &job, &unit, &result);
    if (read >= 0) static_cast<Jobs*>(self)->results[job] = result;
    return 0;
  }
};

Bus::Bus(sd_bus* bus, absl::Time deadline)
    : bus_(bus), deadline_(deadline), jobs_(std::make_unique<Jobs>()) {}
Bus::Bus(Bus&& other) noexcept
    : bus_(std::exchange(other.bus_, nullptr)),
      deadline_(other.deadline_),
      jobs_(std::move(other.jobs_)) {}
Bus::~Bus() {
  // Each call has had its answer or its time: nothing is to be flushed, which
  // would wait without a limit.
  if (bus_ != nullptr) sd_bus_close_unref(bus_);
}

uint64_t Bus::Left() const {
  // 0 would be sd-bus's own default.
  return static_cast<uint64_t>(
      std::max<int64_t>(1, absl::ToInt64Microseconds(deadline_ - absl::Now())));
}

// Else the first call would await what the other side says first, and that with
// a limit of sd-bus's own.
int Bus::AwaitReady() {
  while (sd_bus_is_ready(bus_) == 0) {
    int result = sd_bus_process(bus_, nullptr);
    if (result > 0) continue;
    if (result == 0 && absl::Now() >= deadline_) result = -ETIMEDOUT;
    if (result == 0) result = sd_bus_wait(bus_, Left());
    if (result < 0 && result != -EINTR) return result;
  }
  return 0;
}

absl::StatusOr<Bus> Bus::Connect(absl::Duration patience,
                                 const std::string& path) {
  sd_bus* raw = nullptr;
  if (int result = sd_bus_new(&raw); result < 0) {
    return Failed(result, "connect");
  }
  Bus bus(raw, absl::Now() + patience);
  int result =
      sd_bus_set_address(raw, absl::StrCat("unix:path=", path).c_str());
  if (result >= 0) result = sd_bus_start(raw);
  // Direct connections get the manager's signals without asking for them.
  if (result >= 0) {
    result =
        sd_bus_match_signal(raw, nullptr, nullptr, kObject, kManager,
                            "JobRemoved", &Jobs::OnRemoved, bus.jobs_.get());
  }
  if (result >= 0) result = bus.AwaitReady();
  if (result >= 0) return bus;
  return absl::UnavailableError(
      Failed(result, absl::StrCat("connect to ", path)).message());
}

absl::Status Bus::Send(const char* method, const std::string& unit,
                       const Fill& fill, sd_bus_message** reply) {
  const std::string what = absl::StrCat(method, " ", unit);
  sd_bus_message* message = nullptr;
  int result = sd_bus_message_new_method_call(bus_, &message, kService, kObject,
                                              kManager, method);
  if (result < 0) return Failed(result, what);
  const absl::Cleanup unref = [&] { sd_bus_message_unref(message); };
  result = fill(message);
  if (result < 0) return Failed(result, what);
  sd_bus_error error = SD_BUS_ERROR_NULL;
  result = sd_bus_call(bus_, message, Left(), &error, reply);
  const absl::Cleanup free = [&] { sd_bus_error_free(&error); };
  return result >= 0 ? absl::OkStatus() : ToStatus(error, result, what);
}

absl::Status Bus::Call(const char* method, const std::string& unit,
                       const Fill& fill) {
  sd_bus_message* reply = nullptr;
  RETURN_IF_ERROR(Send(method, unit, fill, &reply));
  sd_bus_message_unref(reply);
  return absl::OkStatus();
}

absl::Status Bus::CallJob(const char* method, const std::string& unit,
                          const Fill& fill) {
  sd_bus_message* reply = nullptr;
  RETURN_IF_ERROR(Send(method, unit, fill, &reply));
  const absl::Cleanup unref = [&] { sd_bus_message_unref(reply); };
  const std::string what = absl::StrCat(method, " ", unit);
  const char* job = nullptr;
  const int result = sd_bus_message_read(reply, "o", &job);
  if (result < 0) return Failed(result, what);
  return AwaitJob(job, what);
}

absl::Status Bus::AwaitJob(const std::string& job, const std::string& what) {
  while (jobs_->results.count(job) == 0) {
    int result = sd_bus_process(bus_, nullptr);
    if (result < 0) return Failed(result, what);
    if (result > 0) continue;
    if (absl::Now() >= deadline_) {
      return absl::DeadlineExceededError(
          absl::StrCat("systemd: ", what, ": the job does not end"));
    }
    result = sd_bus_wait(bus_, Left());
    if (result < 0 && result != -EINTR) return Failed(result, what);
  }
  const std::string& result = jobs_->results[job];
  if (result == "done" || result == "skipped") return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("systemd: ", what, ": the job ended as ", result));
}

}  // namespace runtime::systemd
