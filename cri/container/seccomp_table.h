// SPDX-License-Identifier: Apache-2.0
// Tables of the default seccomp profile: system calls by name, separated by
// spaces. A name that the build's libseccomp does not know is skipped there.
#ifndef CORACLE_CRI_CONTAINER_SECCOMP_TABLE_H_
#define CORACLE_CRI_CONTAINER_SECCOMP_TABLE_H_

namespace cri::container {

// Allowed with any arguments. Ends with a null pointer.
extern const char* const kAlwaysAllowed[];

// Allowed as well if the bounding set holds the capability. Ends with nulls.
struct CapabilityCalls {
  const char* capability;
  const char* calls;
};
extern const CapabilityCalls kAllowedByCapability[];

}  // namespace cri::container

#endif  // CORACLE_CRI_CONTAINER_SECCOMP_TABLE_H_
