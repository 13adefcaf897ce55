// SPDX-License-Identifier: Apache-2.0
// The files that all containers of a pod share: hostname, hosts, resolv.conf,
// in a small tmpfs that the handler makes with the sandbox.
#ifndef CORACLE_CRI_SANDBOX_POD_FILES_H_
#define CORACLE_CRI_SANDBOX_POD_FILES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/cri/v1/api.pb.h"

namespace cri::sandbox {

// resolv.conf for `dns`; INVALID_ARGUMENT if a value holds whitespace or
// control characters, with which it could smuggle in a line.
absl::StatusOr<std::string> ResolvConf(const runtime::v1::DNSConfig& dns);

// hosts for a pod with these addresses.
std::string Hosts(const std::string& hostname,
                  const std::vector<std::string>& ips);

// INVALID_ARGUMENT unless `hostname` is a DNS name of at most 64 characters
// (the kernel's limit).
absl::Status CheckHostname(const std::string& hostname);

// Writes the three files into `directory`. With the host's network they follow
// the host's own.
absl::Status WritePodFiles(const std::string& directory,
                           const std::string& hostname, bool host_network,
                           const runtime::v1::DNSConfig& dns,
                           const std::vector<std::string>& ips);

}  // namespace cri::sandbox

#endif  // CORACLE_CRI_SANDBOX_POD_FILES_H_
