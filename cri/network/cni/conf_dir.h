// SPDX-License-Identifier: Apache-2.0
// The directory of network configurations: which one counts.
#ifndef CORACLE_CRI_NETWORK_CNI_CONF_DIR_H_
#define CORACLE_CRI_NETWORK_CNI_CONF_DIR_H_

#include <string>

#include "absl/status/statusor.h"
#include "cri/network/cni/spec/conf.h"

namespace cri::network::cni {

// The first file of `dir` in lexical order that ends in .conf, .conflist or
// .json, with the plugins of <dir>/<network>/*.conf if it asks for them. A bad
// first file is an error, not a reason to take the next: INVALID_ARGUMENT
// "<file>: <field>: <reason>". NOT_FOUND, saying what to do, if there is none.
absl::StatusOr<NetworkConf> LoadConfDir(const std::string& dir);

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_CONF_DIR_H_
