// SPDX-License-Identifier: Apache-2.0
// An input whose first byte says in pieces of which size the rest arrives.
#ifndef CORACLE_TESTS_FUZZ_PIECES_H_
#define CORACLE_TESTS_FUZZ_PIECES_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace tests {

class Pieces {
 public:
  Pieces(const uint8_t* data, size_t size)
      : size_(size == 0 ? 1 : 1 + data[0] % 64),
        rest_(reinterpret_cast<const char*>(data), size) {
    if (size > 0) rest_.remove_prefix(1);
  }

  absl::string_view whole() const { return rest_; }
  // Empty at the end.
  absl::string_view Next() {
    const absl::string_view piece = rest_.substr(0, size_);
    rest_.remove_prefix(piece.size());
    return piece;
  }

 private:
  const size_t size_;
  absl::string_view rest_;
};

}  // namespace tests

#endif  // CORACLE_TESTS_FUZZ_PIECES_H_
