// SPDX-License-Identifier: Apache-2.0
// A network configuration (CNI spec, section 1): a .conflist file, or a .conf
// file of one plugin, read strictly. No I/O.
#ifndef CORACLE_CRI_NETWORK_CNI_SPEC_CONF_H_
#define CORACLE_CRI_NETWORK_CNI_SPEC_CONF_H_

#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/base/json.h"

namespace cri::network::cni {

struct PluginConf {
  std::string type;
  std::set<std::string> capabilities;  // those that are true
  runtime::Json json;                  // as in the file
};

struct NetworkConf {
  std::string name;
  std::string version;  // the highest one of the file that we support
  bool disable_check = false;
  bool disable_gc = false;
  bool only_inlined = false;  // no further plugins from <dir>/<name>/*.conf
  std::vector<PluginConf> plugins;
  std::string text;  // the file, or an equivalent list

  bool HasCapability(const std::string& capability) const;
};

// Names that are used in paths: of a network, a container.
bool IsName(absl::string_view text);
// A plugin's type is a file name: letters, digits, '_', '.', '-', and neither
// "." nor ".." (CVE-2021-20206: "../../bin/sh").
absl::Status CheckPluginType(absl::string_view type);

// INVALID_ARGUMENT "<field>: <reason>"; the caller knows the file. Of a list
// without plugins it is not an error yet that it has none.
absl::StatusOr<NetworkConf> ParseConf(absl::string_view text);

// One plugin's object, as in a list or in a file of its own.
absl::StatusOr<PluginConf> ParsePlugin(const runtime::Json& json);

// Appends `plugins`, from other files, to the list and its text.
void AppendPlugins(std::vector<PluginConf> plugins, NetworkConf& conf);

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_SPEC_CONF_H_
