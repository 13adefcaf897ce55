// SPDX-License-Identifier: Apache-2.0
// The rules of the tree that a compiler does not know: who may include whom,
// and how every file begins and ends.
#ifndef CORACLE_TESTS_UNIT_LAYERS_RULES_H_
#define CORACLE_TESTS_UNIT_LAYERS_RULES_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace tests::layers {

// What `path` (relative to the top) with this content does wrong: one sentence
// each, beginning with path and, where there is one, line.
std::vector<std::string> Check(const std::string& path, absl::string_view text);

// Files above the soft limit of length, which is worth a thought only.
bool IsLong(absl::string_view text);

}  // namespace tests::layers

#endif  // CORACLE_TESTS_UNIT_LAYERS_RULES_H_
