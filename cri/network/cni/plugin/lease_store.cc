// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/plugin/lease_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace cri::network::cni {
namespace {

constexpr char kDefaultDir[] = "/var/lib/cni/networks";
constexpr size_t kMaxLeaseBytes = 4096;
// The lock cannot be waited for with a time limit.
constexpr absl::Duration kLockPause = absl::Milliseconds(5);

// Whoever writes a lease holds the lock until it is whole. One with nothing in
// it is what a power loss left of it: nobody's.
bool IsNobodys(absl::string_view lease) {
  return lease.find_first_not_of(absl::string_view("\0 \r\n", 4)) ==
         absl::string_view::npos;
}

bool Owns(const LeaseStore::Owner& owner, const LeaseStore::Owner& lease) {
  return lease.container == owner.container &&
         (lease.interface.empty() || lease.interface == owner.interface);
}

}  // namespace

absl::StatusOr<LeaseStore> LeaseStore::Open(const std::string& data_dir,
                                            const std::string& network,
                                            const Call& call) {
  LeaseStore store(
      absl::StrCat(data_dir.empty() ? kDefaultDir : data_dir, "/", network));
  RETURN_IF_ERROR(runtime::MakeDirs(store.dir_, 0755));
  const std::string path = store.dir_ + "/lock";
  ASSIGN_OR_RETURN(store.lock_,
                   runtime::OpenFile(path, O_RDONLY | O_CREAT, 0750));
  while (flock(store.lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EINTR && errno != EWOULDBLOCK) {
      return runtime::ErrnoStatus(absl::StrCat("lock ", path));
    }
    if (call.stopped != nullptr && *call.stopped) {
      return absl::CancelledError(
          absl::StrCat("lock ", path, ": the server ends"));
    }
    if (absl::Now() >= call.deadline) {
      return absl::DeadlineExceededError(
          absl::StrCat("lock ", path, ": another process holds it"));
    }
    absl::SleepFor(kLockPause);
  }
  return store;
}

absl::Status LeaseStore::CheckWritable() const {
  if (access(dir_.c_str(), W_OK) == 0) return absl::OkStatus();
  return runtime::ErrnoStatus(absl::StrCat("write leases to ", dir_));
}

absl::StatusOr<bool> LeaseStore::Reserve(const Owner& owner, const Ip& ip,
                                         size_t set) {
  const std::string path = absl::StrCat(dir_, "/", ip.ToString());
  const auto text = runtime::ReadFile(path, kMaxLeaseBytes);
  const bool is_free =
      text.ok() ? IsNobodys(*text) : absl::IsNotFound(text.status());
  if (!is_free) return false;
  RETURN_IF_ERROR(runtime::WriteFileAtomic(
      path, absl::StrCat(owner.container, "\r\n", owner.interface), 0644));
  const absl::Status noted = runtime::WriteFileAtomic(
      absl::StrCat(dir_, "/last_reserved_ip.", set), ip.ToString(), 0644);
  if (noted.ok()) return true;
  unlink(path.c_str());
  return noted;
}

std::optional<Ip> LeaseStore::LastReserved(size_t set) const {
  const auto text = runtime::ReadFile(
      absl::StrCat(dir_, "/last_reserved_ip.", set), kMaxLeaseBytes);
  if (!text.ok()) return std::nullopt;
  const absl::StatusOr<Ip> ip = ParseIp(*text);
  // Without it the search begins at the beginning, which is no harm.
  return ip.ok() ? std::optional<Ip>(*ip) : std::nullopt;
}

absl::StatusOr<std::vector<LeaseStore::Lease>> LeaseStore::List() const {
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   runtime::ListDir(dir_));
  std::vector<Lease> leases;
  for (const std::string& name : names) {
    const absl::StatusOr<Ip> ip = ParseIp(name);
    if (!ip.ok()) continue;
    Lease lease{*ip, absl::StrCat(dir_, "/", name), {}};
    const auto text = runtime::ReadFile(lease.path, kMaxLeaseBytes);
    if (!text.ok()) continue;  // no lease of ours, at least
    const std::pair<std::string, std::string> parts = absl::StrSplit(
        absl::StripAsciiWhitespace(*text), absl::MaxSplits("\r\n", 1));
    lease.owner = {parts.first, parts.second};
    leases.push_back(std::move(lease));
  }
  return leases;
}

absl::StatusOr<std::vector<Ip>> LeaseStore::Find(const Owner& owner) const {
  ASSIGN_OR_RETURN(const std::vector<Lease> leases, List());
  std::vector<Ip> found;
  for (const Lease& lease : leases) {
    if (Owns(owner, lease.owner)) found.push_back(lease.ip);
  }
  return found;
}

absl::Status LeaseStore::Release(const Owner& owner) {
  return Sweep([&](const Owner& lease) { return !Owns(owner, lease); });
}

absl::Status LeaseStore::Sweep(const std::function<bool(const Owner&)>& keep) {
  ASSIGN_OR_RETURN(const std::vector<Lease> leases, List());
  for (const Lease& lease : leases) {
    if (!keep(lease.owner)) RETURN_IF_ERROR(runtime::RemoveFile(lease.path));
  }
  return absl::OkStatus();
}

}  // namespace cri::network::cni
