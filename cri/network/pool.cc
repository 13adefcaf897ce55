// SPDX-License-Identifier: Apache-2.0
#include "cri/network/pool.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace cri::network {
namespace {

constexpr size_t kMaxLeaseBytes = 512;

// FNV-1a: finds torn or edited records, nothing more.
uint64_t Checksum(absl::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const unsigned char c : text) hash = (hash ^ c) * 0x100000001b3;
  return hash;
}

// "1 <ip> <sandbox id> <checksum>\n", version first.
std::string Encode(Ipv4 ip, absl::string_view sandbox_id) {
  const std::string body = absl::StrCat("1 ", ip.ToString(), " ", sandbox_id);
  return absl::StrFormat("%s %016x\n", body, Checksum(body));
}

absl::StatusOr<std::string> Decode(Ipv4 ip, absl::string_view text) {
  const std::vector<absl::string_view> words =
      absl::StrSplit(absl::StripTrailingAsciiWhitespace(text), ' ');
  if (words.size() != 4 || words[2].empty() || Encode(ip, words[2]) != text) {
    return absl::DataLossError("not a lease of this address");
  }
  return std::string(words[2]);
}

}  // namespace

AddressPool::AddressPool(std::string dir, std::string set_aside)
    : dir_(std::move(dir)), set_aside_(std::move(set_aside)) {}

std::string AddressPool::LeasePath(Ipv4 ip) const {
  return absl::StrCat(dir_, "/", ip.ToString());
}

absl::Status AddressPool::Load() {
  RETURN_IF_ERROR(runtime::MakeDirs(dir_, 0700));
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   runtime::ListDir(dir_));
  for (const std::string& name : names) {
    const std::string path = absl::StrCat(dir_, "/", name);
    if (absl::StartsWith(name, ".") && absl::EndsWith(name, ".tmp")) {
      unlink(path.c_str());  // a lease that a crash kept from being made
      continue;
    }
    const absl::Status loaded = LoadOne(name);
    if (loaded.ok()) continue;
    RETURN_IF_ERROR(runtime::MakeDirs(set_aside_, 0700));
    const std::string aside = absl::StrCat(set_aside_, "/", name);
    RETURN_IF_ERROR(runtime::RemoveTree(aside));
    if (rename(path.c_str(), aside.c_str()) != 0) {
      return runtime::ErrnoStatus(absl::StrCat("rename ", path));
    }
    runtime::log::Warning("network: lease ", path, ": ", loaded.message(),
                          "; moved to ", aside);
  }
  return absl::OkStatus();
}

absl::Status AddressPool::LoadOne(const std::string& name) {
  ASSIGN_OR_RETURN(const Ipv4 ip, ParseIpv4(name));
  if (ip.ToString() != name) {
    return absl::DataLossError("not the usual form of an address");
  }
  ASSIGN_OR_RETURN(
      const std::string text,
      runtime::ReadFile(absl::StrCat(dir_, "/", name), kMaxLeaseBytes));
  ASSIGN_OR_RETURN(const std::string sandbox_id, Decode(ip, text));
  absl::MutexLock lock(&mutex_);
  if (!leases_.emplace(sandbox_id, ip).second) {
    return absl::DataLossError(
        absl::StrCat("sandbox ", sandbox_id, " has another address"));
  }
  taken_.insert(ip);
  next_ = std::max(next_, Ipv4{ip.value + 1});
  return absl::OkStatus();
}

absl::Status AddressPool::SetCidr(const Cidr& cidr) {
  absl::MutexLock lock(&mutex_);
  for (const auto& [sandbox_id, ip] : leases_) {
    if (cidr.Contains(ip) && ip >= cidr.first() && ip <= cidr.last()) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "pod CIDR cannot become ", cidr.ToString(), " while sandbox ",
        sandbox_id, " has address ", ip.ToString()));
  }
  cidr_ = cidr;
  return absl::OkStatus();
}

absl::StatusOr<Ipv4> AddressPool::NextFree() {
  if (!cidr_.has_value()) {
    return absl::FailedPreconditionError("no pod CIDR yet");
  }
  const uint32_t first = cidr_->first().value;
  const uint32_t size = cidr_->size();
  // Of taken_.size() + 1 candidates one is free, unless the pool is full.
  const uint32_t start = next_.value - first < size ? next_.value - first : 0;
  for (uint32_t i = 0; i < size && i <= taken_.size(); ++i) {
    const Ipv4 ip{first + (start + i) % size};
    if (!taken_.contains(ip)) return ip;
  }
  return absl::ResourceExhaustedError(
      absl::StrCat("no free address in pod CIDR ", cidr_->ToString(), ": all ",
                   size, " are in use"));
}

absl::StatusOr<AddressPool::Lease> AddressPool::Acquire(
    const std::string& sandbox_id) {
  if (sandbox_id.empty() || sandbox_id.size() > 256 ||
      !std::all_of(sandbox_id.begin(), sandbox_id.end(), absl::ascii_isgraph)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", sandbox_id, "\" is not a sandbox ID"));
  }
  Ipv4 ip;
  {
    absl::MutexLock lock(&mutex_);
    if (auto it = leases_.find(sandbox_id); it != leases_.end()) {
      return Lease{it->second, false};
    }
    ASSIGN_OR_RETURN(ip, NextFree());
    taken_.insert(ip);
    leases_[sandbox_id] = ip;
    next_ = {ip.value + 1};
  }
  // The file is written outside the lock; nobody else can have `ip` meanwhile.
  const absl::Status written =
      runtime::WriteFileAtomic(LeasePath(ip), Encode(ip, sandbox_id));
  if (!written.ok()) {
    absl::MutexLock lock(&mutex_);
    leases_.erase(sandbox_id);
    taken_.erase(ip);
    return written;
  }
  return Lease{ip, true};
}

absl::StatusOr<std::optional<Ipv4>> AddressPool::Release(
    const std::string& sandbox_id) {
  const std::optional<Ipv4> ip = Find(sandbox_id);
  if (!ip.has_value()) return ip;
  const std::string path = LeasePath(*ip);
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return runtime::ErrnoStatus(absl::StrCat("unlink ", path));
  }
  absl::MutexLock lock(&mutex_);
  leases_.erase(sandbox_id);
  return ip;
}

void AddressPool::Reuse(Ipv4 ip) {
  absl::MutexLock lock(&mutex_);
  taken_.erase(ip);
}

std::optional<Ipv4> AddressPool::Find(const std::string& sandbox_id) {
  absl::MutexLock lock(&mutex_);
  const auto it = leases_.find(sandbox_id);
  if (it == leases_.end()) return std::nullopt;
  return it->second;
}

std::vector<std::string> AddressPool::Sandboxes() {
  absl::MutexLock lock(&mutex_);
  std::vector<std::string> ids;
  for (const auto& [sandbox_id, ip] : leases_) ids.push_back(sandbox_id);
  return ids;
}

}  // namespace cri::network
