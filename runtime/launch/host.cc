// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch/host.h"

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace runtime::launch {
namespace {

absl::Status LoopbackUp() {
  UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request = {};
  std::strncpy(request.ifr_name, "lo", IFNAMSIZ - 1);
  request.ifr_flags = IFF_UP;
  if (!fd.ok() || ioctl(fd.get(), SIOCSIFFLAGS, &request) != 0) {
    return ErrnoStatus("set lo up");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SetHost(const Plan& plan) {
  const spec::Config& config = plan.config;
  bool own_name = config.FindNamespace(spec::NamespaceKind::kUts) != nullptr;
  if (own_name && !config.hostname.empty() &&
      sethostname(config.hostname.data(), config.hostname.size()) != 0) {
    return ErrnoStatus(absl::StrCat("sethostname ", config.hostname));
  }
  if (own_name && !config.domainname.empty() &&
      setdomainname(config.domainname.data(), config.domainname.size()) != 0) {
    return ErrnoStatus(absl::StrCat("setdomainname ", config.domainname));
  }
  if ((plan.new_namespaces & CLONE_NEWNET) != 0) RETURN_IF_ERROR(LoopbackUp());
  // Through the host's procfs, whose sysctl files follow the namespaces of
  // whoever writes: the container's own /proc is not trusted.
  for (const auto& [file, value] : plan.sysctls) {
    RETURN_IF_ERROR(Annotate(plan.proc->Write(file, value), "sysctl"));
  }
  return absl::OkStatus();
}

}  // namespace runtime::launch
