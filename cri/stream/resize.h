// SPDX-License-Identifier: Apache-2.0
// The resize stream: JSON objects {"Width":80,"Height":24}, one after another,
// in pieces of any size.
#ifndef CORACLE_CRI_STREAM_RESIZE_H_
#define CORACLE_CRI_STREAM_RESIZE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace cri::stream {

struct TerminalSize {
  uint16_t rows = 0;
  uint16_t columns = 0;
};

class ResizeReader {
 public:
  // The last size that became complete with `data`. What is no size is skipped;
  // never more than one short object is kept.
  std::optional<TerminalSize> Feed(absl::string_view data);

 private:
  std::string object_;
};

}  // namespace cri::stream

#endif  // CORACLE_CRI_STREAM_RESIZE_H_
