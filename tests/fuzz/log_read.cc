// SPDX-License-Identifier: Apache-2.0
// libFuzzer target: log files as the agent reads them. A container can put
// anything there. The same bytes mean the same in one piece and in small ones,
// and a limit is kept.
#include <cstdint>
#include <string>

#include "agent/server/log_format.h"
#include "tests/fuzz/pieces.h"

namespace {

using agent::server::LogFormatter;
using agent::server::LogQuery;

void Fuzz(const LogQuery& query, tests::Pieces pieces) {
  std::string whole, pieced;
  LogFormatter(query).Feed(pieces.whole(), &whole);
  LogFormatter slow(query);
  for (absl::string_view piece = pieces.Next(); !piece.empty();
       piece = pieces.Next()) {
    slow.Feed(piece, &pieced);
  }
  if (whole != pieced) __builtin_trap();
  if (query.limit_bytes &&
      whole.size() > static_cast<size_t>(*query.limit_bytes)) {
    __builtin_trap();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const tests::Pieces pieces(data, size);
  LogQuery query;
  Fuzz(query, pieces);
  query.timestamps = true;
  Fuzz(query, pieces);
  query.stream = "stderr";
  query.limit_bytes = 10;
  query.since = absl::UnixEpoch();
  Fuzz(query, pieces);
  return 0;
}
