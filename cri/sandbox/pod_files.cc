// SPDX-License-Identifier: Apache-2.0
#include "cri/sandbox/pod_files.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace cri::sandbox {
namespace {

constexpr size_t kMaxHostFileBytes = 1 << 20;

absl::Status CheckWord(absl::string_view field, absl::string_view word) {
  if (word.empty() || !std::all_of(word.begin(), word.end(), [](char c) {
        return absl::ascii_isgraph(static_cast<unsigned char>(c));
      })) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, ": \"", word, "\" is not one word"));
  }
  return absl::OkStatus();
}

// The host's file, or "" if it has none.
std::string HostFile(const std::string& path) {
  absl::StatusOr<std::string> text = runtime::ReadFile(path, kMaxHostFileBytes);
  return text.ok() ? *std::move(text) : "";
}

absl::Status WriteWorldReadable(const std::string& path,
                                const std::string& text) {
  return runtime::WriteFileAtomic(path, text, 0644);
}

}  // namespace

absl::StatusOr<std::string> ResolvConf(const runtime::v1::DNSConfig& dns) {
  for (const auto& server : dns.servers()) {
    RETURN_IF_ERROR(CheckWord("dns_config.servers", server));
  }
  for (const auto& search : dns.searches()) {
    RETURN_IF_ERROR(CheckWord("dns_config.searches", search));
  }
  for (const auto& option : dns.options()) {
    RETURN_IF_ERROR(CheckWord("dns_config.options", option));
  }
  std::string text;
  if (dns.searches_size() > 0) {
    absl::StrAppend(&text, "search ", absl::StrJoin(dns.searches(), " "), "\n");
  }
  for (const auto& server : dns.servers()) {
    absl::StrAppend(&text, "nameserver ", server, "\n");
  }
  if (dns.options_size() > 0) {
    absl::StrAppend(&text, "options ", absl::StrJoin(dns.options(), " "), "\n");
  }
  // Nothing asked for means the host's resolver.
  if (text.empty()) return HostFile("/etc/resolv.conf");
  return text;
}

std::string Hosts(const std::string& hostname,
                  const std::vector<std::string>& ips) {
  std::string text =
      "127.0.0.1\tlocalhost\n"
      "::1\tlocalhost ip6-localhost ip6-loopback\n"
      "fe00::\tip6-localnet\n"
      "ff02::1\tip6-allnodes\n"
      "ff02::2\tip6-allrouters\n";
  for (const std::string& ip : ips) {
    absl::StrAppend(&text, ip, "\t", hostname, "\n");
  }
  return text;
}

absl::Status CheckHostname(const std::string& hostname) {
  auto fine = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' ||
           c == '.' || c == '_';
  };
  if (hostname.size() > 64 ||
      !std::all_of(hostname.begin(), hostname.end(), fine)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "hostname: \"", hostname,
        "\" is not a name of at most 64 letters, digits, '-', '.'"));
  }
  return absl::OkStatus();
}

absl::Status WritePodFiles(const std::string& directory,
                           const std::string& hostname, bool host_network,
                           const runtime::v1::DNSConfig& dns,
                           const std::vector<std::string>& ips) {
  ASSIGN_OR_RETURN(std::string resolv, ResolvConf(dns));
  std::string hosts = host_network ? HostFile("/etc/hosts") : "";
  if (hosts.empty()) hosts = Hosts(hostname, ips);
  RETURN_IF_ERROR(WriteWorldReadable(directory + "/resolv.conf", resolv));
  RETURN_IF_ERROR(WriteWorldReadable(directory + "/hosts", hosts));
  return WriteWorldReadable(directory + "/hostname", hostname + "\n");
}

}  // namespace cri::sandbox
