// SPDX-License-Identifier: Apache-2.0
// Where a host tells of its security modules. Tests put other places here.
#ifndef CORACLE_CRI_LSM_HOST_H_
#define CORACLE_CRI_LSM_HOST_H_

#include <string>

namespace cri::lsm {

struct Host {
  std::string sys = "/sys";
  std::string selinux_dir = "/etc/selinux";
  // Loads the default profile; reads it from its standard input.
  std::string apparmor_parser = "/sbin/apparmor_parser";
};

}  // namespace cri::lsm

#endif  // CORACLE_CRI_LSM_HOST_H_
