// SPDX-License-Identifier: Apache-2.0
#include "agent/join/checks.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "agent/config/kubelet.h"
#include "agent/node/address.h"
#include "agent/node/capacity.h"
#include "agent/node/facts.h"
#include "agent/server/tls_policy.h"
#include "runtime/base/status.h"

namespace agent::join {
namespace {

constexpr size_t kMaxSocketPath = 90;

// The flags go into a file of words between blanks and quotes.
bool IsWord(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isgraph(static_cast<unsigned char>(c)) && c != '"';
  });
}

bool IsSocket(absl::string_view text) {
  return absl::ConsumePrefix(&text, "unix://") && !text.empty() &&
         text.front() == '/' && text.size() <= kMaxSocketPath && IsWord(text);
}

}  // namespace

absl::Status CheckFlags(const std::string& node_ip,
                        const std::string& cri_socket) {
  if (!cri_socket.empty() && !IsSocket(cri_socket)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--cri-socket ", cri_socket, " is not of the form unix:///PATH, of at ",
        "most ", kMaxSocketPath, " characters without blanks and quotes"));
  }
  if (node_ip.empty()) return absl::OkStatus();
  return node::NodeIps(node_ip, "").status();
}

absl::Status CheckConfig(const std::string& yaml, const std::string& source) {
  ASSIGN_OR_RETURN(const config::LoadedConfig loaded,
                   config::ParseKubeletConfig(yaml, source));
  const config::KubeletConfig& config = loaded.config;
  const auto tls =
      server::ParseTlsPolicy(config.tls_min_version, config.tls_cipher_suites);
  if (!tls.ok()) return runtime::Annotate(tls.status(), source);
  const auto allocatable =
      node::Allocatable(node::ReadHostFacts(), node::ReadUsage("/"), config);
  if (!allocatable.ok()) return runtime::Annotate(allocatable.status(), source);
  return absl::OkStatus();
}

}  // namespace agent::join
