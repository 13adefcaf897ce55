// SPDX-License-Identifier: Apache-2.0
#include "cri/network/pool.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
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
std::string Encode(Ip ip, absl::string_view sandbox_id) {
  const std::string body = absl::StrCat("1 ", ip.ToString(), " ", sandbox_id);
  return absl::StrFormat("%s %016x\n", body, Checksum(body));
}

absl::StatusOr<std::string> Decode(Ip ip, absl::string_view text) {
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

std::string AddressPool::LeasePath(Ip ip) const {
  return absl::StrCat(dir_, "/", ip.ToString());
}

absl::Status AddressPool::Load() {
  RETURN_IF_ERROR(runtime::MakeDirs(dir_, 0700));
  RETURN_IF_ERROR(runtime::SweepTemporaries(dir_));
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   runtime::ListDir(dir_));
  for (const std::string& name : names) {
    const std::string path = absl::StrCat(dir_, "/", name);
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
  ASSIGN_OR_RETURN(const Ip ip, ParseIp(name));
  if (ip.ToString() != name) {
    return absl::DataLossError("not the usual form of an address");
  }
  ASSIGN_OR_RETURN(
      const std::string text,
      runtime::ReadFile(absl::StrCat(dir_, "/", name), kMaxLeaseBytes));
  ASSIGN_OR_RETURN(const std::string sandbox_id, Decode(ip, text));
  absl::MutexLock lock(&mutex_);
  std::vector<Ip>& lease = leases_[sandbox_id];
  for (const Ip other : lease) {
    if (other.family == ip.family) {
      return absl::DataLossError(
          absl::StrCat("sandbox ", sandbox_id, " has another address"));
    }
  }
  lease.push_back(ip);
  taken_.insert(ip);
  Ip& next = next_[ip.family];
  next = std::max(next, Ip{ip.family, ip.value + 1});
  return absl::OkStatus();
}

absl::Status AddressPool::SetCidrs(const std::vector<Cidr>& cidrs) {
  const auto gives = [&](Ip ip) {
    return std::any_of(cidrs.begin(), cidrs.end(), [&](const Cidr& cidr) {
      return cidr.Contains(ip) && ip >= cidr.first() && ip <= cidr.last();
    });
  };
  absl::MutexLock lock(&mutex_);
  for (const auto& [sandbox_id, ips] : leases_) {
    for (const Ip ip : ips) {
      if (gives(ip)) continue;
      return absl::FailedPreconditionError(absl::StrCat(
          "pod CIDR cannot become ", ToString(cidrs), " while sandbox ",
          sandbox_id, " has address ", ip.ToString()));
    }
  }
  cidrs_ = cidrs;
  return absl::OkStatus();
}

absl::StatusOr<Ip> AddressPool::NextFree(const Cidr& cidr) {
  const absl::uint128 first = cidr.first().value;
  const uint64_t size = cidr.size();
  const auto next = next_.find(cidr.family());
  // Of taken_.size() + 1 candidates one is free, unless the pool is full.
  uint64_t start = 0;
  if (next != next_.end() && next->second >= cidr.first() &&
      next->second.value - first < size) {
    start = absl::Uint128Low64(next->second.value - first);
  }
  for (uint64_t i = 0; i < size && i <= taken_.size(); ++i) {
    const Ip ip{cidr.family(), first + (start + i) % size};
    if (!taken_.contains(ip)) return ip;
  }
  return absl::ResourceExhaustedError(
      absl::StrCat("no free address in pod CIDR ", cidr.ToString(), ": all ",
                   size, " are in use"));
}

absl::StatusOr<std::vector<Ip>> AddressPool::Reserve(std::vector<Ip>& lease) {
  if (cidrs_.empty()) return absl::FailedPreconditionError("no pod CIDR yet");
  std::vector<Ip> ordered, fresh;
  for (const Cidr& cidr : cidrs_) {
    const auto had = std::find_if(lease.begin(), lease.end(), [&](Ip ip) {
      return ip.family == cidr.family();
    });
    if (had != lease.end()) {
      ordered.push_back(*had);
      continue;
    }
    ASSIGN_OR_RETURN(const Ip ip, NextFree(cidr));
    ordered.push_back(ip);
    fresh.push_back(ip);
  }
  for (const Ip ip : fresh) {
    taken_.insert(ip);
    next_[ip.family] = {ip.family, ip.value + 1};
  }
  lease = std::move(ordered);
  return fresh;
}

absl::Status AddressPool::WriteLeases(const std::string& sandbox_id,
                                      const std::vector<Ip>& ips) const {
  for (const Ip ip : ips) {
    RETURN_IF_ERROR(
        runtime::WriteFileAtomic(LeasePath(ip), Encode(ip, sandbox_id)));
  }
  return absl::OkStatus();
}

absl::StatusOr<AddressPool::Lease> AddressPool::Acquire(
    const std::string& sandbox_id) {
  if (sandbox_id.empty() || sandbox_id.size() > 256 ||
      !std::all_of(sandbox_id.begin(), sandbox_id.end(), absl::ascii_isgraph)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", sandbox_id, "\" is not a sandbox ID"));
  }
  Lease lease;
  std::vector<Ip> fresh;
  {
    absl::MutexLock lock(&mutex_);
    if (const auto it = leases_.find(sandbox_id); it != leases_.end()) {
      lease.ips = it->second;
    }
    lease.fresh = lease.ips.empty();
    ASSIGN_OR_RETURN(fresh, Reserve(lease.ips));
    leases_[sandbox_id] = lease.ips;
  }
  // Files are written outside the lock; nobody else can have these meanwhile.
  const absl::Status written = WriteLeases(sandbox_id, fresh);
  if (!written.ok()) {
    for (const Ip ip : fresh) unlink(LeasePath(ip).c_str());
    absl::MutexLock lock(&mutex_);
    for (const Ip ip : fresh) {
      std::erase(leases_[sandbox_id], ip);
      taken_.erase(ip);
    }
    if (leases_[sandbox_id].empty()) leases_.erase(sandbox_id);
    return written;
  }
  return lease;
}

absl::StatusOr<std::vector<Ip>> AddressPool::Release(
    const std::string& sandbox_id) {
  const std::vector<Ip> ips = Find(sandbox_id);
  for (const Ip ip : ips) {
    RETURN_IF_ERROR(runtime::RemoveFile(LeasePath(ip)));
  }
  absl::MutexLock lock(&mutex_);
  leases_.erase(sandbox_id);
  return ips;
}

void AddressPool::Reuse(const std::vector<Ip>& ips) {
  absl::MutexLock lock(&mutex_);
  for (const Ip ip : ips) taken_.erase(ip);
}

std::vector<Ip> AddressPool::Find(const std::string& sandbox_id) {
  absl::MutexLock lock(&mutex_);
  const auto it = leases_.find(sandbox_id);
  if (it == leases_.end()) return {};
  return it->second;
}

std::vector<std::string> AddressPool::Sandboxes() {
  absl::MutexLock lock(&mutex_);
  std::vector<std::string> ids;
  for (const auto& [sandbox_id, ips] : leases_) ids.push_back(sandbox_id);
  return ids;
}

}  // namespace cri::network
