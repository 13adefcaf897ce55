// SPDX-License-Identifier: Apache-2.0
// A CDI file as plain structs: what a device adds to a container. Parsing is
// strict, as the specification's own library is; no file is opened here.
#ifndef CORACLE_CRI_CDI_SPEC_H_
#define CORACLE_CRI_CDI_SPEC_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cri::cdi {

struct DeviceNode {
  std::string path;       // in the container, absolute
  std::string host_path;  // absolute
  char type = 0;          // c, b, u or p; 0 = that of host_path
  // Without a major, both are those of host_path.
  std::optional<int64_t> major, minor;
  std::optional<int64_t> file_mode;
  std::optional<uint32_t> uid, gid;  // default: the container's user
  std::string permissions = "rwm";   // "" for none
};

struct Mount {
  std::string host_path, container_path, type;
  std::vector<std::string> options;
};

struct Hook {
  std::string name;  // "createContainer"
  std::string path;
  std::vector<std::string> args, env;
  std::optional<int64_t> timeout;  // seconds
};

struct Edits {
  std::vector<std::string> env;  // NAME=VALUE
  std::vector<DeviceNode> nodes;
  std::vector<Mount> mounts;
  std::vector<Hook> hooks;
  std::vector<uint32_t> gids;
  // A field that asks for something which this server cannot do, or "": an
  // error for whoever wants the device, not for the others of the file.
  std::string unsupported;

  void Append(const Edits& other);
};

struct Spec {
  std::string kind;                      // "vendor.com/class"
  Edits edits;                           // for each device of the file
  std::map<std::string, Edits> devices;  // by the part after '='
};

// Reads CDI 0.1.0 to 1.1.0, YAML or (for a path that ends in .json) JSON.
// INVALID_ARGUMENT is "<path>: <field>: <reason>".
absl::StatusOr<Spec> ParseSpec(absl::string_view text, const std::string& path);

}  // namespace cri::cdi

#endif  // CORACLE_CRI_CDI_SPEC_H_
