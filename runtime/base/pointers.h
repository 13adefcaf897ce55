// SPDX-License-Identifier: Apache-2.0
#ifndef CORACLE_RUNTIME_BASE_POINTERS_H_
#define CORACLE_RUNTIME_BASE_POINTERS_H_

#include <string>
#include <vector>

namespace runtime {

// What execve takes: a pointer to each string, then nullptr. They hold as long
// as the strings stay where they are. The kernel does not write through them.
inline std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const std::string& text : strings) {
    pointers.push_back(const_cast<char*>(text.c_str()));
  }
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace runtime

#endif  // CORACLE_RUNTIME_BASE_POINTERS_H_
