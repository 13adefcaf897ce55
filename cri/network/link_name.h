// SPDX-License-Identifier: Apache-2.0
// What a network link may be called.
#ifndef CORACLE_CRI_NETWORK_LINK_NAME_H_
#define CORACLE_CRI_NETWORK_LINK_NAME_H_

#include "absl/strings/string_view.h"

namespace cri::network {

// What IsLinkName wants, for error messages.
inline constexpr char kLinkName[] =
    "a link name (1 to 15 visible ASCII characters without '/' and ':')";

// The kernel takes any name without '/', ':' and spaces; tools and logs do not
// get along with others. Pure.
bool IsLinkName(absl::string_view text);

}  // namespace cri::network

#endif  // CORACLE_CRI_NETWORK_LINK_NAME_H_
