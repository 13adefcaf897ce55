// SPDX-License-Identifier: Apache-2.0
// Runs the standard plugins in this process.
#ifndef CORACLE_CRI_NETWORK_CNI_PLUGIN_BUILTIN_H_
#define CORACLE_CRI_NETWORK_CNI_PLUGIN_BUILTIN_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cri/network/cni/spec/call.h"
#include "cri/network/cni/spec/conf.h"

namespace cri::network::cni {

// Thread safe. Only for lists that it understands.
class Builtin : public Plugins {
 public:
  absl::StatusOr<runtime::Json> Run(const Call& call) override;

  // OK if every plugin of the list, and every field of each, is known here;
  // otherwise which is not.
  static absl::Status Understands(const NetworkConf& conf);
};

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_PLUGIN_BUILTIN_H_
