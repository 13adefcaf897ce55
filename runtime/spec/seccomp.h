// SPDX-License-Identifier: Apache-2.0
// linux.seccomp of an OCI configuration: which system calls a container may
// make. Names and numbers are the specification's; runtime/seccomp knows them.
#ifndef CORACLE_RUNTIME_SPEC_SECCOMP_H_
#define CORACLE_RUNTIME_SPEC_SECCOMP_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace runtime::spec {

struct SeccompArg {
  unsigned index = 0;
  uint64_t value = 0, value_two = 0;
  std::string op;  // SCMP_CMP_…
};

struct SeccompRule {
  std::vector<std::string> names;
  std::string action;
  std::optional<unsigned> errno_ret;
  std::vector<SeccompArg> args;
};

struct Seccomp {
  std::string default_action;
  std::optional<unsigned> default_errno_ret;
  std::vector<std::string> architectures;
  std::vector<std::string> flags;
  std::vector<SeccompRule> rules;
};

}  // namespace runtime::spec

#endif  // CORACLE_RUNTIME_SPEC_SECCOMP_H_
