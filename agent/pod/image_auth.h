// SPDX-License-Identifier: Apache-2.0
// imagePullSecrets → CRI AuthConfig. Pure but for the secrets it is given.
#ifndef CORACLE_AGENT_POD_IMAGE_AUTH_H_
#define CORACLE_AGENT_POD_IMAGE_AUTH_H_

#include <string>
#include <vector>

#include "proto/cri/v1/api.pb.h"
#include "runtime/base/json.h"

namespace agent::pod {

// Credentials in a kubernetes.io/dockerconfigjson or dockercfg Secret that fit
// `image`, the most specific entry first. A secret that cannot be read gives
// none and names the reason in `*problem`.
std::vector<::runtime::v1::AuthConfig> Credentials(const runtime::Json& secret,
                                                   const std::string& image,
                                                   std::string* problem);

}  // namespace agent::pod

#endif  // CORACLE_AGENT_POD_IMAGE_AUTH_H_
