// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/pod_cidrs.h"

#include <cstddef>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cri/network/cni/spec/address.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace cri::network::cni {
namespace {

constexpr size_t kMaxBytes = 256;

absl::StatusOr<std::vector<std::string>> Parse(const std::string& text) {
  std::vector<std::string> cidrs;
  for (absl::string_view part : absl::StrSplit(text, ',')) {
    part = absl::StripAsciiWhitespace(part);
    ASSIGN_OR_RETURN(const IpNet net, IpNet::Parse(part));
    cidrs.push_back(net.ToString());
  }
  return cidrs;
}

}  // namespace

PodCidrs::PodCidrs(const std::string& state_dir, const std::string& configured)
    : dir_(state_dir + "/network") {
  absl::StatusOr<std::string> text = configured;
  if (configured.empty()) {
    text = runtime::ReadFile(dir_ + "/pod_cidr", kMaxBytes);
    if (absl::IsNotFound(text.status())) return;
  }
  const absl::Status set = text.ok() ? Set(*text) : text.status();
  if (!set.ok()) runtime::log::Error("cni: pod CIDR: ", set.message());
}

absl::Status PodCidrs::Set(const std::string& text) {
  ASSIGN_OR_RETURN(std::vector<std::string> cidrs, Parse(text));
  absl::MutexLock serial(&setting_);
  if (Get() == cidrs) return absl::OkStatus();
  RETURN_IF_ERROR(runtime::MakeDirs(dir_, 0700));
  RETURN_IF_ERROR(runtime::WriteFileAtomic(
      dir_ + "/pod_cidr",
      absl::StrCat(absl::StripAsciiWhitespace(text), "\n")));
  absl::MutexLock lock(&mutex_);
  cidrs_ = std::move(cidrs);
  return absl::OkStatus();
}

std::vector<std::string> PodCidrs::Get() const {
  absl::MutexLock lock(&mutex_);
  return cidrs_;
}

}  // namespace cri::network::cni
