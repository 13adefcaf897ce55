// SPDX-License-Identifier: Apache-2.0
// A connection to systemd and the calls of its manager, for units.cc.
#ifndef CORACLE_RUNTIME_SYSTEMD_BUS_H_
#define CORACLE_RUNTIME_SYSTEMD_BUS_H_

#include <systemd/sd-bus.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace runtime::systemd {

inline constexpr char kSystemdSocket[] = "/run/systemd/private";

// Not thread safe. All that is done with one is over `patience` after Connect
// began: what is under way then ends with an error.
class Bus {
 public:
  // UNAVAILABLE if nobody listens at the path, or does not answer.
  static absl::StatusOr<Bus> Connect(absl::Duration patience,
                                     const std::string& path = kSystemdSocket);
  Bus(Bus&& other) noexcept;
  Bus& operator=(Bus&&) = delete;
  ~Bus();

  // Puts the arguments into a message; a negative errno if it cannot.
  using Fill = std::function<int(sd_bus_message*)>;
  // Calls a method of the manager. NOT_FOUND for a unit that is not loaded,
  // ALREADY_EXISTS for one that is. `unit` is for errors.
  absl::Status Call(const char* method, const std::string& unit,
                    const Fill& fill);
  // The same for a method that answers with a job; returns when it has ended.
  absl::Status CallJob(const char* method, const std::string& unit,
                       const Fill& fill);

 private:
  struct Jobs;  // that have ended

  Bus(sd_bus* bus, absl::Time deadline);
  int AwaitReady();  // 0 or a negative errno
  // Until the deadline, in microseconds, for sd-bus.
  uint64_t Left() const;
  absl::Status Send(const char* method, const std::string& unit,
                    const Fill& fill, sd_bus_message** reply);
  absl::Status AwaitJob(const std::string& job, const std::string& what);

  sd_bus* bus_ = nullptr;
  absl::Time deadline_;
  std::unique_ptr<Jobs> jobs_;
};

}  // namespace runtime::systemd

#endif  // CORACLE_RUNTIME_SYSTEMD_BUS_H_
