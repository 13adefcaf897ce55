// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/spec/call.h"

namespace cri::network::cni {

const char* CommandName(Command command) {
  switch (command) {
    case Command::kAdd:
      return "ADD";
    case Command::kDel:
      return "DEL";
    case Command::kCheck:
      return "CHECK";
    case Command::kStatus:
      return "STATUS";
    case Command::kGc:
      return "GC";
    case Command::kVersion:
      return "VERSION";
  }
  return "";
}

}  // namespace cri::network::cni
