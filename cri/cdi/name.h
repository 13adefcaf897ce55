// SPDX-License-Identifier: Apache-2.0
// Names of CDI devices: "vendor.com/class=name". Pure functions.
#ifndef CORACLE_CRI_CDI_NAME_H_
#define CORACLE_CRI_CDI_NAME_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/cri/v1/api.pb.h"

namespace cri::cdi {

// The parts of a name follow the rules of CDI: vendor and class begin with a
// letter, a device with a letter or digit; all end with one and hold letters,
// digits, '_', '-' and '.', a device also ':'. INVALID_ARGUMENT says which part
// is wrong and why.
absl::Status CheckKind(absl::string_view kind);  // "vendor.com/class"
absl::Status CheckDevice(absl::string_view device);
absl::Status CheckName(absl::string_view name);  // all of it

// The devices that a container asks for, each once: those of CDI_devices, then
// those of its own annotations "cdi.k8s.io/…" (names between commas) in the
// order of their keys. INVALID_ARGUMENT names the field or annotation.
absl::StatusOr<std::vector<std::string>> RequestedDevices(
    const runtime::v1::ContainerConfig& config);

}  // namespace cri::cdi

#endif  // CORACLE_CRI_CDI_NAME_H_
