// SPDX-License-Identifier: Apache-2.0
// The user namespace of a pod, as NamespaceOption.userns_options asks for it.
#ifndef CORACLE_CRI_SANDBOX_USER_NAMESPACE_H_
#define CORACLE_CRI_SANDBOX_USER_NAMESPACE_H_

#include "absl/status/status.h"
#include "proto/cri/v1/api.pb.h"
#include "runtime/ns/user.h"

namespace cri::sandbox {

using IdMappings = google::protobuf::RepeatedPtrField<runtime::v1::IDMapping>;

// INVALID_ARGUMENT with the field at fault: mode POD wants one mapping of users
// and one of groups, from ID 0 on, and no namespace of the host's beside it;
// NODE wants none; other modes do not exist.
absl::Status CheckUserNamespace(const runtime::v1::NamespaceOption& options);

// Its mappings; empty without a user namespace.
runtime::ns::IdMaps IdMapsOf(const runtime::v1::NamespaceOption& options);
runtime::ns::IdMaps ToIdMaps(const IdMappings& uids, const IdMappings& gids);

}  // namespace cri::sandbox

#endif  // CORACLE_CRI_SANDBOX_USER_NAMESPACE_H_
