// SPDX-License-Identifier: Apache-2.0
#include "cri/container/resources.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "cri/sandbox/field.h"
#include "runtime/base/status.h"

namespace cri::container {
namespace {

namespace v1 = ::runtime::v1;
using Resources = v1::LinuxContainerResources;

constexpr int64_t kUnlimited = -1;
constexpr int64_t kDefaultPeriod = 100000;
constexpr int64_t kDefaultShares = 1024;
constexpr int64_t kMinPeriod = 1000, kMaxPeriod = 1000000;
constexpr int64_t kMinQuota = 1000;
constexpr int64_t kMaxShares = 262144;

class Checker {
 public:
  explicit Checker(absl::string_view prefix) : prefix_(prefix) {}

  absl::Status Invalid(absl::string_view field, absl::string_view why) const {
    return sandbox::InvalidField(absl::StrCat(prefix_, ".", field), why);
  }

  // 0 is "not given".
  absl::Status Range(absl::string_view field, int64_t value, int64_t low,
                     int64_t high) const {
    if (value == 0 || (value >= low && value <= high)) return absl::OkStatus();
    return Invalid(field,
                   absl::StrCat(value, " is not between ", low, " and ", high));
  }
  absl::Status Bytes(absl::string_view field, int64_t value) const {
    if (value >= kUnlimited) return absl::OkStatus();
    return Invalid(field, absl::StrCat(value, " is negative"));
  }
  absl::Status List(absl::string_view field, const std::string& list) const {
    if (list.find_first_not_of("0123456789-,") == std::string::npos &&
        list.size() < 4096) {
      return absl::OkStatus();
    }
    return Invalid(field, "is not a list such as 0-3,7");
  }

 private:
  const absl::string_view prefix_;
};

absl::Status CheckHugepages(const Resources& resources, const Checker& check) {
  for (const v1::HugepageLimit& limit : resources.hugepage_limits()) {
    const std::string& size = limit.page_size();
    const size_t digits = size.find_first_not_of("0123456789");
    const absl::string_view unit = digits == std::string::npos
                                       ? ""
                                       : absl::string_view(size).substr(digits);
    if (digits == 0 || size.size() > 16 ||
        (unit != "KB" && unit != "MB" && unit != "GB")) {
      return check.Invalid("hugepage_limits.page_size",
                           "is not a size such as 2MB");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckUnified(const Resources& resources, const Checker& check) {
  for (const auto& [file, value] : resources.unified()) {
    const bool plain =
        file.find_first_not_of(
            "abcdefghijklmnopqrstuvwxyz"
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == std::string::npos;
    if (!plain || file.empty() || file[0] == '.' ||
        !absl::StrContains(file, ".") || file.size() > 255) {
      return check.Invalid("unified", "a key is not the name of a cgroup file");
    }
    const std::string field = absl::StrCat("unified[\"", file, "\"]");
    // They would move processes or change what others may do.
    if (absl::StartsWith(file, "cgroup.")) {
      return check.Invalid(field, "is not a limit");
    }
    if (value.size() > 4096) {
      return check.Invalid(field, "is longer than 4096 bytes");
    }
  }
  return absl::OkStatus();
}

int64_t OrDefault(int64_t value, int64_t fallback) {
  return value == 0 ? fallback : value;
}

// The limit of both for the swap allowance that was, or as much of it as a
// number can say.
int64_t WithAllowance(int64_t memory, int64_t allowance) {
  return memory > INT64_MAX - allowance ? INT64_MAX : memory + allowance;
}

void MergeMemory(const Resources& change, Resources& result) {
  const int64_t old_memory = result.memory_limit_in_bytes();
  const int64_t old_swap = result.memory_swap_limit_in_bytes();
  const int64_t memory = change.memory_limit_in_bytes();
  if (memory != 0) {
    result.set_memory_limit_in_bytes(memory);
    if (memory == kUnlimited && old_swap > 0) {
      // No number says "this much swap" any more: see Difference.
      result.set_memory_swap_limit_in_bytes(0);
    } else if (old_swap > 0 && old_memory > 0) {
      result.set_memory_swap_limit_in_bytes(
          WithAllowance(memory, old_swap - old_memory));
    }
  }
  if (change.memory_swap_limit_in_bytes() != 0) {
    result.set_memory_swap_limit_in_bytes(change.memory_swap_limit_in_bytes());
  }
}

void MergeHugepages(const Resources& change, Resources& result) {
  for (const v1::HugepageLimit& limit : change.hugepage_limits()) {
    v1::HugepageLimit* target = nullptr;
    for (v1::HugepageLimit& known : *result.mutable_hugepage_limits()) {
      if (known.page_size() == limit.page_size()) target = &known;
    }
    if (target == nullptr) target = result.add_hugepage_limits();
    *target = limit;
  }
}

bool HasHugepages(const Resources& resources, const v1::HugepageLimit& limit) {
  for (const v1::HugepageLimit& known : resources.hugepage_limits()) {
    if (known.page_size() == limit.page_size() &&
        known.limit() == limit.limit()) {
      return true;
    }
  }
  return false;
}

}  // namespace

absl::Status CheckResources(const Resources& r, absl::string_view prefix) {
  Checker check(prefix);
  RETURN_IF_ERROR(
      check.Range("cpu_period", r.cpu_period(), kMinPeriod, kMaxPeriod));
  if (r.cpu_quota() != kUnlimited) {
    RETURN_IF_ERROR(
        check.Range("cpu_quota", r.cpu_quota(), kMinQuota, INT64_MAX / 1000));
  }
  RETURN_IF_ERROR(check.Range("cpu_shares", r.cpu_shares(), 1, kMaxShares));
  RETURN_IF_ERROR(
      check.Bytes("memory_limit_in_bytes", r.memory_limit_in_bytes()));
  RETURN_IF_ERROR(check.Bytes("memory_swap_limit_in_bytes",
                              r.memory_swap_limit_in_bytes()));
  const int64_t swap = r.memory_swap_limit_in_bytes();
  if (swap > 0 && swap < r.memory_limit_in_bytes()) {
    return check.Invalid("memory_swap_limit_in_bytes",
                         "is below memory_limit_in_bytes, which it includes");
  }
  if (swap > 0 && r.memory_limit_in_bytes() == kUnlimited) {
    return check.Invalid("memory_swap_limit_in_bytes",
                         "includes memory, which memory_limit_in_bytes leaves "
                         "unlimited");
  }
  if (r.oom_score_adj() < -1000 || r.oom_score_adj() > 1000) {
    return check.Invalid("oom_score_adj", "is not between -1000 and 1000");
  }
  RETURN_IF_ERROR(check.List("cpuset_cpus", r.cpuset_cpus()));
  RETURN_IF_ERROR(check.List("cpuset_mems", r.cpuset_mems()));
  RETURN_IF_ERROR(CheckHugepages(r, check));
  return CheckUnified(r, check);
}

absl::Status InWordsOfCri(const absl::Status& status,
                          absl::string_view prefix) {
  constexpr std::pair<const char*, const char*> kWords[] = {
      {"unified", "unified"},
      {"hugepageLimits", "hugepage_limits"},
      {"memory.limit", "memory_limit_in_bytes"},
      {"memory.swap", "memory_swap_limit_in_bytes"},
      {"cpu.cpus", "cpuset_cpus"},
      {"cpu.mems", "cpuset_mems"}};
  std::vector<std::pair<std::string, std::string>> replacements;
  for (const auto& [oci, field] : kWords) {
    replacements.emplace_back(absl::StrCat("linux.resources.", oci),
                              absl::StrCat(prefix, ".", field));
  }
  return absl::Status(status.code(),
                      absl::StrReplaceAll(status.message(), replacements));
}

Resources Merge(const Resources& now, const Resources& change) {
  Resources result = now;
  if (change.cpu_period() != 0) result.set_cpu_period(change.cpu_period());
  if (change.cpu_quota() != 0) result.set_cpu_quota(change.cpu_quota());
  if (change.cpu_shares() != 0) result.set_cpu_shares(change.cpu_shares());
  if (!change.cpuset_cpus().empty()) {
    result.set_cpuset_cpus(change.cpuset_cpus());
  }
  if (!change.cpuset_mems().empty()) {
    result.set_cpuset_mems(change.cpuset_mems());
  }
  MergeMemory(change, result);
  MergeHugepages(change, result);
  for (const auto& [file, value] : change.unified()) {
    (*result.mutable_unified())[file] = value;
  }
  return result;
}

Resources Difference(const Resources& now, const Resources& wanted) {
  Resources result;
  if (now.cpu_period() != wanted.cpu_period() ||
      now.cpu_quota() != wanted.cpu_quota()) {
    result.set_cpu_period(OrDefault(wanted.cpu_period(), kDefaultPeriod));
    result.set_cpu_quota(OrDefault(wanted.cpu_quota(), kUnlimited));
  }
  if (now.cpu_shares() != wanted.cpu_shares()) {
    result.set_cpu_shares(OrDefault(wanted.cpu_shares(), kDefaultShares));
  }
  if (now.cpuset_cpus() != wanted.cpuset_cpus()) {
    result.set_cpuset_cpus(wanted.cpuset_cpus());
  }
  if (now.cpuset_mems() != wanted.cpuset_mems()) {
    result.set_cpuset_mems(wanted.cpuset_mems());
  }
  if (now.memory_limit_in_bytes() != wanted.memory_limit_in_bytes() ||
      now.memory_swap_limit_in_bytes() != wanted.memory_swap_limit_in_bytes()) {
    result.set_memory_limit_in_bytes(
        OrDefault(wanted.memory_limit_in_bytes(), kUnlimited));
    // A swap limit that was never set is left alone; and so is the allowance of
    // a container whose memory alone becomes unlimited, be it none at all.
    const bool keeps_swap = wanted.memory_swap_limit_in_bytes() == 0 &&
                            wanted.memory_limit_in_bytes() == kUnlimited;
    if (!keeps_swap && (now.memory_swap_limit_in_bytes() != 0 ||
                        wanted.memory_swap_limit_in_bytes() != 0)) {
      result.set_memory_swap_limit_in_bytes(
          OrDefault(wanted.memory_swap_limit_in_bytes(), kUnlimited));
    }
  }
  for (const v1::HugepageLimit& limit : wanted.hugepage_limits()) {
    if (!HasHugepages(now, limit)) *result.add_hugepage_limits() = limit;
  }
  for (const auto& [file, value] : wanted.unified()) {
    auto it = now.unified().find(file);
    if (it == now.unified().end() || it->second != value) {
      (*result.mutable_unified())[file] = value;
    }
  }
  return result;
}

Resources Whole(const Resources& now, const Resources& wanted) {
  Resources result = Difference(now, wanted);
  result.clear_hugepage_limits();  // all come with the next line
  result.MergeFrom(Difference(Resources(), wanted));
  return result;
}

}  // namespace cri::container
