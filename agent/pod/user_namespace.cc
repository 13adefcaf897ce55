// SPDX-License-Identifier: Apache-2.0
#include "agent/pod/user_namespace.h"

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "absl/base/const_init.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "agent/pod/paths.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace agent::pod {
namespace {

using runtime::Json;
namespace v1 = ::runtime::v1;

constexpr int64_t kLength = 65536;
constexpr size_t kMaxFileBytes = 4096;

// Between looking for a free range and writing it down.
ABSL_CONST_INIT absl::Mutex allocation(absl::kConstInit);

std::string FileOf(const EngineOptions& options, const std::string& uid) {
  return absl::StrCat(PodDir(options, uid), "/userns");
}

// The first ID of the file's range; nullopt if it is not one of ours.
std::optional<int64_t> ParseRange(const std::string& text) {
  absl::StatusOr<Json> json = runtime::ParseJson(text, "userns");
  if (!json.ok()) return std::nullopt;
  std::optional<int64_t> first;
  for (const char* key : {"uidMappings", "gidMappings"}) {
    const Json& list = runtime::ArrayAt(*json, key);
    if (list.size() != 1) return std::nullopt;
    const int64_t host = runtime::IntAt(list[0], "hostId", -1);
    if (host < kLength || host % kLength != 0 || host > UINT32_MAX - kLength ||
        runtime::IntAt(list[0], "containerId", -1) != 0 ||
        runtime::IntAt(list[0], "length") != kLength ||
        (first.has_value() && *first != host)) {
      return std::nullopt;
    }
    first = host;
  }
  return first;
}

std::set<int64_t> Taken(const EngineOptions& options) {
  std::set<int64_t> taken;
  const std::string pods = absl::StrCat(options.kubelet_dir, "/pods");
  for (const std::string& uid :
       runtime::ListDir(pods).value_or(std::vector<std::string>())) {
    absl::StatusOr<std::string> text =
        runtime::ReadFile(FileOf(options, uid), kMaxFileBytes);
    if (!text.ok()) continue;
    if (std::optional<int64_t> first = ParseRange(*text)) taken.insert(*first);
  }
  return taken;
}

absl::StatusOr<int64_t> TakeRange(const EngineOptions& options,
                                  const std::string& uid) {
  const std::set<int64_t> taken = Taken(options);
  for (int64_t i = 1; i <= options.max_pods; ++i) {
    const int64_t first = i * kLength;
    if (taken.count(first) > 0) continue;
    const Json mapping = Json::array(
        {{{"hostId", first}, {"containerId", 0}, {"length", kLength}}});
    RETURN_IF_ERROR(runtime::MakeDirs(PodDir(options, uid), 0750));
    RETURN_IF_ERROR(runtime::WriteFileAtomic(
        FileOf(options, uid), runtime::DumpJson({{"uidMappings", mapping},
                                                 {"gidMappings", mapping}})));
    return first;
  }
  return absl::ResourceExhaustedError(
      absl::StrCat("all ", options.max_pods, " ranges of IDs are taken"));
}

absl::StatusOr<int64_t> RangeOf(const EngineOptions& options,
                                const std::string& uid) {
  absl::MutexLock lock(&allocation);
  const std::string file = FileOf(options, uid);
  absl::StatusOr<std::string> text = runtime::ReadFile(file, kMaxFileBytes);
  if (absl::IsNotFound(text.status())) return TakeRange(options, uid);
  RETURN_IF_ERROR(text.status());
  if (std::optional<int64_t> first = ParseRange(*text)) return *first;
  return absl::DataLossError(
      absl::StrCat(file, ": is not one range of ", kLength, " IDs"));
}

}  // namespace

bool HasUserNamespace(const Json& pod) {
  return !runtime::BoolAt(runtime::At(pod, "spec"), "hostUsers", true);
}

absl::Status SetUserNamespace(const EngineOptions& options, const Json& pod,
                              v1::NamespaceOption* out) {
  if (!HasUserNamespace(pod)) return absl::OkStatus();
  absl::StatusOr<int64_t> first = RangeOf(options, status::Uid(pod));
  if (!first.ok()) return runtime::Annotate(first.status(), "user namespace");
  v1::UserNamespace& user = *out->mutable_userns_options();
  user.set_mode(v1::POD);
  v1::IDMapping mapping;
  mapping.set_host_id(static_cast<uint32_t>(*first));
  mapping.set_length(kLength);
  *user.add_uids() = mapping;
  *user.add_gids() = mapping;
  return absl::OkStatus();
}

}  // namespace agent::pod
