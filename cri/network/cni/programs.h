// SPDX-License-Identifier: Apache-2.0
// Plugins that are programs: found in the configured directories, run by the
// protocol of the CNI spec, section 2.
#ifndef CORACLE_CRI_NETWORK_CNI_PROGRAMS_H_
#define CORACLE_CRI_NETWORK_CNI_PROGRAMS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cri/network/cni/spec/call.h"
#include "runtime/base/unique_fd.h"

namespace cri::network::cni {

// Thread safe.
class Programs : public Plugins {
 public:
  // Searched in order; they become CNI_PATH.
  explicit Programs(std::vector<std::string> bin_dirs);

  absl::StatusOr<runtime::Json> Run(const Call& call) override;

  // By killing them.
  void Stop() override;

  // Path of the program for a plugin type. INVALID_ARGUMENT for a type that is
  // no file name, NOT_FOUND with the directories that were searched.
  absl::StatusOr<std::string> Find(const std::string& type) const;

 private:
  const std::vector<std::string> bin_dirs_;
  const std::string cni_path_;
  const runtime::UniqueFd stop_;  // an eventfd
};

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_PROGRAMS_H_
