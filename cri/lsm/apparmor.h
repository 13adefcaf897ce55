// SPDX-License-Identifier: Apache-2.0
// Which AppArmor profile a container gets.
#ifndef CORACLE_CRI_LSM_APPARMOR_H_
#define CORACLE_CRI_LSM_APPARMOR_H_

#include <string>

#include "absl/status/statusor.h"
#include "cri/lsm/host.h"
#include "proto/cri/v1/api.pb.h"

namespace cri::lsm {

// The name of RuntimeDefault's profile.
inline constexpr char kDefaultProfile[] = "coracle-default";

// What is asked for: the structured field, else the deprecated one, whose words
// are "", "unconfined", "runtime/default" and "localhost/<name>".
// INVALID_ARGUMENT names the field.
absl::StatusOr<runtime::v1::SecurityProfile> RequestedProfile(
    const runtime::v1::LinuxContainerSecurityContext& security);

// The profile's name, or "" for none.
//
//                       AppArmor in force          no AppArmor
//   privileged          none                       none
//   nothing asked for   the default one            none
//   RuntimeDefault      the default one            none
//   Unconfined          none                       none
//   Localhost           it; FAILED_PRECONDITION    FAILED_PRECONDITION
//                       if it is not loaded
//
// The default one is loaded when it is first needed; on a host without
// apparmor_parser, or that does not show its profiles in securityfs, as a node
// that is a container itself, RuntimeDefault is none. Blocks while a profile is
// loaded.
absl::StatusOr<std::string> ProfileFor(
    const runtime::v1::LinuxContainerSecurityContext& security,
    const Host& host = Host());

}  // namespace cri::lsm

#endif  // CORACLE_CRI_LSM_APPARMOR_H_
