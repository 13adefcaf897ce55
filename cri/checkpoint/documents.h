// SPDX-License-Identifier: Apache-2.0
// The JSON files of a checkpoint archive, as CRI-O, containerd and podman write
// them and checkpointctl reads them.
#ifndef CORACLE_CRI_CHECKPOINT_DOCUMENTS_H_
#define CORACLE_CRI_CHECKPOINT_DOCUMENTS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cri/container/container.h"

namespace cri::checkpoint {

// config.dump: which container of which image it was.
std::string ConfigDump(const container::Container& container, absl::Time at);
// status: what containerd keeps of a container; checkpointctl wants it.
std::string StatusFile(const container::Container& container);
// status.dump: ContainerStatus as CRI answers it.
std::string StatusDump(const container::Container& container);
// bind.mounts, of an OCI config: each bind with the type of its source, for a
// restore elsewhere that has to make it. "" if there is none.
std::string BindMounts(absl::string_view oci_config);

}  // namespace cri::checkpoint

#endif  // CORACLE_CRI_CHECKPOINT_DOCUMENTS_H_
