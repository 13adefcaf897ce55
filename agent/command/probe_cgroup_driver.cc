// SPDX-License-Identifier: Apache-2.0
#include "agent/command/probe_cgroup_driver.h"

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/systemd/units.h"

namespace agent::command {
namespace {

constexpr char kSubject[] = "cgroup driver";

}  // namespace

Finding CgroupDriverFinding(const ::cri::config::Config& config, bool booted,
                            const std::function<absl::Status()>& reach) {
  if (config.cgroup_driver == "systemd") {
    const absl::Status reached = reach();
    if (reached.ok()) {
      return {Verdict::kGood, kSubject, "systemd, which answers", ""};
    }
    return {Verdict::kMissing, kSubject, std::string(reached.message()),
            booted ? "the server does not start without it: see what systemctl "
                     "status says, or set cgroup_driver: cgroupfs"
                   : "systemd is not process 1 here: set cgroup_driver: "
                     "cgroupfs, here and as cgroupDriver of the kubelet"};
  }
  if (!booted) {
    return {Verdict::kGood, kSubject, config.cgroup_driver, ""};
  }
  return {Verdict::kLimited, kSubject,
          absl::StrCat(config.cgroup_driver,
                       " on a host of systemd: two write to one tree"),
          "set cgroup_driver: systemd, as kubeadm recommends for such hosts "
          "and sets as cgroupDriver of the kubelet"};
}

std::vector<Finding> ProbeCgroupDriver(const ::cri::config::Config& config) {
  return {CgroupDriverFinding(config, runtime::Exists("/run/systemd/system"),
                              runtime::systemd::CheckReachable)};
}

}  // namespace agent::command
