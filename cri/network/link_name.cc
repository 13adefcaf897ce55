// SPDX-License-Identifier: Apache-2.0
#include "cri/network/link_name.h"

#include <net/if.h>

#include <algorithm>

#include "absl/strings/ascii.h"

namespace cri::network {

bool IsLinkName(absl::string_view text) {
  return !text.empty() && text.size() < IFNAMSIZ && text != "." &&
         text != ".." &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return absl::ascii_isgraph(c) && c != '/' && c != ':';
         });
}

}  // namespace cri::network
