// SPDX-License-Identifier: Apache-2.0
// From CRI's container config and the image's config to the OCI config.json.
#ifndef CORACLE_CRI_CONTAINER_OCI_CONFIG_H_
#define CORACLE_CRI_CONTAINER_OCI_CONFIG_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cri/container/spec_input.h"
#include "runtime/base/json.h"

namespace cri::container {

struct OciConfig {
  runtime::Json json;
  Identity identity;  // who the process really runs as
};

// For a config that was checked (check.h). Errors name the field of the
// request.
absl::StatusOr<OciConfig> BuildOciConfig(const SpecInput& input);

// INVALID_ARGUMENT with the field of arguments or environment that no process
// can have.
absl::Status CheckProcess(const runtime::v1::ContainerConfig& config);

// command and args over the image's Entrypoint and Cmd, as Kubernetes defines.
absl::StatusOr<std::vector<std::string>> ProcessArgs(
    const runtime::v1::ContainerConfig& config, const image::Image& image);

// "KEY=value" list: the image's, overridden by the request's, completed with
// PATH, HOME, HOSTNAME and for a terminal TERM.
std::vector<std::string> ProcessEnv(const SpecInput& input,
                                    const Identity& identity);

// linux.resources without devices; 0 and "" mean unset.
runtime::Json ResourcesJson(const runtime::v1::LinuxContainerResources& from);

}  // namespace cri::container

#endif  // CORACLE_CRI_CONTAINER_OCI_CONFIG_H_
