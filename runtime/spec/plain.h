// SPDX-License-Identifier: Apache-2.0
// The parts of a config that are plain data, for the raw world too.
#ifndef CORACLE_RUNTIME_SPEC_PLAIN_H_
#define CORACLE_RUNTIME_SPEC_PLAIN_H_

#include <stdint.h>

namespace runtime::spec {

// Sets of capabilities, bit N = capability number N.
struct Capabilities {
  uint64_t bounding = 0, effective = 0, permitted = 0;
  uint64_t inheritable = 0, ambient = 0;
};

struct Rlimit {
  int resource = 0;  // RLIMIT_…
  uint64_t soft = 0, hard = 0;
};

}  // namespace runtime::spec

#endif  // CORACLE_RUNTIME_SPEC_PLAIN_H_
