// SPDX-License-Identifier: Apache-2.0
// What the OCI config of one container is made from.
#ifndef CORACLE_CRI_CONTAINER_SPEC_INPUT_H_
#define CORACLE_CRI_CONTAINER_SPEC_INPUT_H_

#include <functional>
#include <string>
#include <vector>

#include "cri/cdi/spec.h"
#include "cri/container/user.h"
#include "cri/image/image.h"
#include "cri/lsm/host.h"
#include "proto/cri/v1/api.pb.h"
#include "runtime/ns/user.h"

namespace cri::container {

struct SpecInput {
  std::string id;
  std::string sandbox_id;
  std::string cgroup_parent;  // absolute
  std::string hostname;
  std::string pod_files_dir;    // holds hostname, hosts, resolv.conf
  std::string shm_dir;          // "" = the host's /dev/shm
  int target_pid = 0;           // whose PID namespace TARGET means
  runtime::ns::IdMaps id_maps;  // of the pod's user namespace, or empty
  const runtime::v1::ContainerConfig* config = nullptr;
  const runtime::v1::PodSandboxConfig* sandbox = nullptr;
  const image::Image* image = nullptr;
  ImageFile read_image_file;
  lsm::Host host;
  cdi::Edits cdi;  // of all CDI devices that it asks for
  // Names of the pod's annotations that the handler may see.
  std::vector<std::string> pod_annotations;
  // A local image by any of its names, null if there is none.
  std::function<image::ImagePtr(const std::string&)> find_image;

  const runtime::v1::LinuxContainerSecurityContext& Security() const {
    return config->linux().security_context();
  }
};

}  // namespace cri::container

#endif  // CORACLE_CRI_CONTAINER_SPEC_INPUT_H_
