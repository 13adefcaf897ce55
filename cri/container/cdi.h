// SPDX-License-Identifier: Apache-2.0
// Puts what CDI devices add into the OCI config of a container.
#ifndef CORACLE_CRI_CONTAINER_CDI_H_
#define CORACLE_CRI_CONTAINER_CDI_H_

#include "absl/status/status.h"
#include "cri/cdi/spec.h"
#include "cri/container/oci_config.h"
#include "runtime/ns/user.h"

namespace cri::container {

// A variable, device or mount replaces one of the same name or place. Numbers
// and type of a device that its file does not tell are those of the host's
// node. Mounts of the host's files are mapped with `id_maps`, those of the
// pod's user namespace. Errors name the device; the files are not touched.
absl::Status ApplyCdi(const cdi::Edits& edits,
                      const runtime::ns::IdMaps& id_maps, OciConfig& config);

}  // namespace cri::container

#endif  // CORACLE_CRI_CONTAINER_CDI_H_
