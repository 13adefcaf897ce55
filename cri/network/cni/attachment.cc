// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/attachment.h"

#include <sys/stat.h>
#include <time.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace cri::network::cni {
namespace {

using runtime::Json;

constexpr char kKind[] = "cniCacheV1";
constexpr char kOwner[] =
    "coracleRoot";  // libcni ignores what it does not know

Json ToJson(const Attachment& attachment, const std::string& owner) {
  Json args = Json::array();
  for (const auto& [key, value] : attachment.args) {
    args.push_back(Json::array({key, value}));
  }
  Json json{{"kind", kKind},
            {"containerId", attachment.container_id},
            {"config", absl::Base64Escape(attachment.config)},
            {"ifName", attachment.ifname},
            {"networkName", attachment.network},
            {"netns", attachment.netns},
            {"cniArgs", args},
            {kOwner, owner}};
  if (!attachment.capabilities.empty()) {
    json["capabilityArgs"] = attachment.capabilities;
  }
  if (!attachment.result.is_null()) json["result"] = attachment.result;
  return json;
}

absl::StatusOr<Attachment> FromJson(const Json& json) {
  Attachment attachment;
  if (runtime::StringAt(json, "kind") != kKind) {
    return absl::DataLossError(absl::StrCat("it is not of kind ", kKind));
  }
  attachment.network = runtime::StringAt(json, "networkName");
  attachment.container_id = runtime::StringAt(json, "containerId");
  attachment.ifname = runtime::StringAt(json, "ifName");
  attachment.netns = runtime::StringAt(json, "netns");
  attachment.owner = runtime::StringAt(json, kOwner);
  for (const Json& pair : runtime::ArrayAt(json, "cniArgs")) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string() ||
        !pair[1].is_string()) {
      return absl::DataLossError("cniArgs are not pairs of strings");
    }
    attachment.args.emplace_back(pair[0].get<std::string>(),
                                 pair[1].get<std::string>());
  }
  attachment.capabilities = runtime::ObjectAt(json, "capabilityArgs");
  attachment.result = runtime::At(json, "result");
  if (attachment.network.empty() || attachment.container_id.empty() ||
      attachment.ifname.empty() ||
      !absl::Base64Unescape(runtime::StringAt(json, "config"),
                            &attachment.config)) {
    return absl::DataLossError(
        "it lacks network, container, interface or "
        "configuration");
  }
  return attachment;
}

}  // namespace

std::string Attachment::ArgsText() const {
  return absl::StrJoin(args, ";", absl::PairFormatter("="));
}

Attachments::Attachments(std::string cache_dir, std::string owner)
    : dir_(absl::StrCat(cache_dir, "/results")), owner_(std::move(owner)) {}

std::string Attachments::Path(const Attachment& attachment) const {
  return absl::StrCat(dir_, "/", attachment.network, "-",
                      attachment.container_id, "-", attachment.ifname);
}

absl::Status Attachments::Save(const Attachment& attachment) const {
  RETURN_IF_ERROR(runtime::MakeDirs(dir_, 0700));
  return runtime::WriteFileAtomic(
      Path(attachment), runtime::DumpJson(ToJson(attachment, owner_)));
}

absl::Status Attachments::Remove(const Attachment& attachment) const {
  return runtime::RemoveFile(Path(attachment));
}

absl::Status Attachments::RemoveUnreadable(const std::string& name) const {
  return runtime::RemoveFile(absl::StrCat(dir_, "/", name));
}

absl::Status Attachments::RemoveHalves(const std::string& container_id) const {
  if (!runtime::Exists(dir_)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   runtime::ListDir(dir_));
  for (const std::string& name : names) {
    if (!absl::StartsWith(name, ".") || !absl::EndsWith(name, ".tmp") ||
        !absl::StrContains(name, absl::StrCat("-", container_id, "-"))) {
      continue;
    }
    RETURN_IF_ERROR(runtime::RemoveTree(absl::StrCat(dir_, "/", name)));
  }
  return absl::OkStatus();
}

absl::StatusOr<Attachments::Listing> Attachments::Find(
    const std::string& container_id) const {
  ASSIGN_OR_RETURN(Listing found, Load(absl::StrCat("-", container_id, "-")));
  std::erase_if(found.all, [&](const Attachment& attachment) {
    return attachment.container_id != container_id || !IsOurs(attachment);
  });
  return found;
}

absl::StatusOr<Attachments::Listing> Attachments::List() const {
  return Load("");
}

absl::StatusOr<Attachments::Listing> Attachments::Load(
    const std::string& part) const {
  Listing listing;
  if (!runtime::Exists(dir_)) return listing;
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   runtime::ListDir(dir_));
  for (const std::string& name : names) {
    // ".<name>.tmp" is a write that a crash cut short.
    if (absl::StartsWith(name, ".") || !absl::StrContains(name, part)) continue;
    const std::string path = absl::StrCat(dir_, "/", name);
    absl::StatusOr<Attachment> attachment =
        [&]() -> absl::StatusOr<Attachment> {
      ASSIGN_OR_RETURN(const std::string text, runtime::ReadFile(path));
      ASSIGN_OR_RETURN(const Json json, runtime::ParseJson(text, "content"));
      return FromJson(json);
    }();
    if (absl::IsNotFound(attachment.status())) continue;  // gone since
    if (attachment.ok()) {
      listing.all.push_back(*std::move(attachment));
      continue;
    }
    runtime::log::Warning("cni: attachment ", path, ": ",
                          attachment.status().message());
    listing.unreadable.push_back(name);
  }
  return listing;
}

std::string ContainerOf(absl::string_view name) {
  constexpr size_t kIdBytes = 64;
  for (const absl::string_view part : absl::StrSplit(name, '-')) {
    if (part.size() == kIdBytes &&
        std::all_of(part.begin(), part.end(), absl::ascii_isxdigit)) {
      return std::string(part);
    }
  }
  return "";
}

bool Attachments::IsOlderThanBoot(const std::string& name) const {
  struct stat info {};
  const std::string path = absl::StrCat(dir_, "/", name);
  if (stat(path.c_str(), &info) != 0) return false;
  timespec up{};
  clock_gettime(CLOCK_BOOTTIME, &up);
  return absl::TimeFromTimespec(info.st_mtim) <
         absl::Now() - absl::DurationFromTimespec(up);
}

void AddLost(const std::string& network, const std::string& ifname,
             const std::vector<std::string>& unreadable,
             std::set<std::string> living, std::vector<Attachment>* valid) {
  for (const Attachment& attachment : *valid) {
    living.erase(attachment.container_id);
  }
  Attachment lost;
  lost.network = network;
  for (absl::string_view name : unreadable) {
    if (!absl::ConsumePrefix(&name, absl::StrCat(network, "-"))) continue;
    // Both parts may have dashes of their own: it is one of these.
    for (size_t dash = name.find('-'); dash != absl::string_view::npos;
         dash = name.find('-', dash + 1)) {
      lost.container_id = std::string(name.substr(0, dash));
      lost.ifname = std::string(name.substr(dash + 1));
      living.erase(lost.container_id);
      valid->push_back(lost);
    }
  }
  lost.ifname = ifname;
  for (const std::string& id : living) {
    lost.container_id = id;
    valid->push_back(lost);
  }
}

}  // namespace cri::network::cni
