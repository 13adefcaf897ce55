// SPDX-License-Identifier: Apache-2.0
// YAML as JSON values, with the scalar rules that Kubernetes tools use. Wraps
// yaml-cpp; no exception leaves this file.
#ifndef CORACLE_AGENT_CONFIG_YAML_H_
#define CORACLE_AGENT_CONFIG_YAML_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/base/json.h"

namespace agent::config {

// One document (an empty text is null). INVALID_ARGUMENT with "<source>: line
// N: …" for bad YAML, a key given twice, nesting or aliases without end. JSON
// is accepted as the YAML that it is.
absl::StatusOr<runtime::Json> ParseYaml(absl::string_view text,
                                        absl::string_view source);

// All documents of a file that separates them by "---"; empty ones left out.
absl::StatusOr<std::vector<runtime::Json>> ParseYamlDocuments(
    absl::string_view text, absl::string_view source);

// Block style, keys sorted; ends with a newline.
std::string FormatYaml(const runtime::Json& value);

}  // namespace agent::config

#endif  // CORACLE_AGENT_CONFIG_YAML_H_
