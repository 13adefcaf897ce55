// SPDX-License-Identifier: Apache-2.0
// The node's own resolver settings, as pods can use them. Thread safe.
#ifndef CORACLE_AGENT_ENV_HOST_DNS_H_
#define CORACLE_AGENT_ENV_HOST_DNS_H_

#include "absl/status/statusor.h"
#include "agent/env/env.h"

namespace agent::env {

// What `options.resolv_conf` says; "" asks for no DNS at all. In place of a
// file that is missing there is the host's own, and in place of the host's own
// that of systemd-resolved with the real servers, if the own names nothing but
// the stub on 127.0.0.53: a pod has a loopback of its own, where nobody
// answers. Errors name the file.
absl::StatusOr<Dns> HostDns(const DnsOptions& options);

}  // namespace agent::env

#endif  // CORACLE_AGENT_ENV_HOST_DNS_H_
