// SPDX-License-Identifier: Apache-2.0
#include "cri/stats/interfaces.h"

#include <fcntl.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/file.h"

namespace cri::stats {
namespace {

std::vector<absl::string_view> Words(absl::string_view line) {
  return absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
}

uint64_t NumberAt(const std::vector<absl::string_view>& words, size_t index) {
  uint64_t number = 0;
  if (index < words.size()) (void)absl::SimpleAtoi(words[index], &number);
  return number;
}

}  // namespace

std::vector<Interface> ParseInterfaces(absl::string_view text) {
  constexpr size_t kColumns = 16;  // 8 received, 8 sent
  std::vector<Interface> interfaces;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    size_t colon = line.rfind(':');  // names may hold one, numbers do not
    if (colon == absl::string_view::npos) continue;
    absl::string_view name = absl::StripAsciiWhitespace(line.substr(0, colon));
    std::vector<absl::string_view> words = Words(line.substr(colon + 1));
    if (name == "lo" || words.size() < kColumns) continue;
    Interface found;
    found.name = std::string(name);
    found.received = {NumberAt(words, 0), NumberAt(words, 1),
                      NumberAt(words, 2), NumberAt(words, 3)};
    found.sent = {NumberAt(words, 8), NumberAt(words, 9), NumberAt(words, 10),
                  NumberAt(words, 11)};
    interfaces.push_back(std::move(found));
  }
  return interfaces;
}

std::string ParseDefaultRoute(absl::string_view text) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    std::vector<absl::string_view> words = Words(line);
    // Interface, destination, gateway, flags, …, mask.
    if (words.size() > 7 && words[1] == "00000000" && words[7] == "00000000") {
      return std::string(words[0]);
    }
  }
  return "";
}

uint64_t ParseSockets(absl::string_view text) {
  absl::string_view line = text.substr(0, text.find('\n'));
  std::vector<absl::string_view> words = Words(line);
  return words.size() > 2 && words[0] == "sockets:" ? NumberAt(words, 2) : 0;
}

PodProc::PodProc(pid_t holder_pid) {
  if (holder_pid <= 0) return;
  process_.reset(open(absl::StrCat("/proc/", holder_pid).c_str(),
                      O_PATH | O_DIRECTORY | O_CLOEXEC));
}

std::string PodProc::Text(const char* file) const {
  if (!process_.ok()) return "";
  runtime::UniqueFd fd(openat(process_.get(), file, O_RDONLY | O_CLOEXEC));
  if (!fd.ok()) return "";
  return runtime::ReadFd(fd.get(), file).value_or("");
}

std::vector<Interface> PodProc::Read() {
  std::vector<Interface> interfaces = ParseInterfaces(Text("net/dev"));
  auto find_default = [&] {
    return std::find_if(
        interfaces.begin(), interfaces.end(),
        [&](const Interface& i) { return i.name == default_interface_; });
  };
  auto it = find_default();
  if (it == interfaces.end() && !interfaces.empty()) {
    default_interface_ = ParseDefaultRoute(Text("net/route"));
    // A pod with IPv6 alone: its first interface is the network's.
    if (default_interface_.empty()) default_interface_ = interfaces[0].name;
    it = find_default();
  }
  if (it != interfaces.end()) std::rotate(interfaces.begin(), it, it + 1);
  return interfaces;
}

uint64_t PodProc::Sockets() const { return ParseSockets(Text("net/sockstat")); }

}  // namespace cri::stats
