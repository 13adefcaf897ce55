// SPDX-License-Identifier: Apache-2.0
// SPDY/3 header blocks: a count and then name and value of each header with
// their lengths, compressed by one zlib stream for each direction of a
// connection. Blocks have to be read in the order in which they came.
#ifndef CORACLE_CRI_STREAM_SPDY_HEADERS_H_
#define CORACLE_CRI_STREAM_SPDY_HEADERS_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct z_stream_s;

namespace cri::stream {

// Names are in lower case; several values of a name have NUL between them.
using Headers = std::vector<std::pair<std::string, std::string>>;

// The first value of `name`, "" without one.
absl::string_view FindHeader(const Headers& headers, absl::string_view name);

// Not thread safe; memory (40 KiB) is taken with the first block. After an
// error the stream is lost, and with it the connection.
class HeaderReader {
 public:
  static constexpr size_t kMaxBytes = 16 << 10;  // of a block, decompressed
  static constexpr size_t kMaxHeaders = 64;

  HeaderReader();
  ~HeaderReader();
  HeaderReader(const HeaderReader&) = delete;
  HeaderReader& operator=(const HeaderReader&) = delete;

  // INVALID_ARGUMENT for what is no header block, RESOURCE_EXHAUSTED for one
  // that is too large.
  absl::StatusOr<Headers> Read(absl::string_view block);

 private:
  absl::StatusOr<std::string> Inflate(absl::string_view block);

  std::unique_ptr<z_stream_s> zlib_;
};

// Not thread safe; 10 KiB from the first block on.
class HeaderWriter {
 public:
  HeaderWriter();
  ~HeaderWriter();
  HeaderWriter(const HeaderWriter&) = delete;
  HeaderWriter& operator=(const HeaderWriter&) = delete;

  std::string Write(const Headers& headers);

 private:
  std::unique_ptr<z_stream_s> zlib_;
};

}  // namespace cri::stream

#endif  // CORACLE_CRI_STREAM_SPDY_HEADERS_H_
