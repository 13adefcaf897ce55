// SPDX-License-Identifier: Apache-2.0
// libFuzzer target: what plugins write, as results and as errors. A result that
// is accepted can be written in every version and reads the same again.
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "cri/network/cni/spec/error.h"
#include "cri/network/cni/spec/result.h"
#include "runtime/base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using cri::network::cni::ParseResult;
  using cri::network::cni::PrintResult;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto error = cri::network::cni::ParseError(text, text);
  if (cri::network::cni::ToStatus(error).ok()) __builtin_trap();
  const auto json = runtime::ParseJson(text, "result");
  if (!json.ok()) return 0;
  const auto result = ParseResult(*json, "1.1.0");
  if (!result.ok()) return 0;
  cri::network::cni::PodIps(*result, "eth0");
  for (const std::string& version : cri::network::cni::SupportedVersions()) {
    const runtime::Json printed = PrintResult(*result, version);
    const auto again = ParseResult(printed, version);
    if (!again.ok() || PrintResult(*again, version) != printed) {
      __builtin_trap();
    }
  }
  return 0;
}
