// SPDX-License-Identifier: Apache-2.0
#include "cri/container/user.h"

#include <algorithm>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cri/sandbox/field.h"
#include "runtime/base/status.h"

namespace cri::container {
namespace {

namespace v1 = ::runtime::v1;
using sandbox::InvalidField;

constexpr int64_t kMaxId = std::numeric_limits<int32_t>::max();

// A line of passwd (name:x:uid:gid:gecos:home:shell) or group
// (name:x:gid:member,member). Lines that do not parse do not count.
struct PasswdEntry {
  std::string name;
  uint32_t uid = 0, gid = 0;
  std::string home;
};
struct GroupEntry {
  std::string name;
  uint32_t gid = 0;
  std::vector<std::string> members;
};

std::vector<PasswdEntry> ParsePasswd(absl::string_view text) {
  std::vector<PasswdEntry> entries;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    std::vector<absl::string_view> part = absl::StrSplit(line, ':');
    if (part.size() < 4 || part[0].empty()) continue;
    std::optional<uint32_t> uid = ParseId(part[2]), gid = ParseId(part[3]);
    if (!uid || !gid) continue;
    entries.push_back({std::string(part[0]), *uid, *gid,
                       part.size() > 5 ? std::string(part[5]) : ""});
  }
  return entries;
}

std::vector<GroupEntry> ParseGroup(absl::string_view text) {
  std::vector<GroupEntry> entries;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    std::vector<absl::string_view> part = absl::StrSplit(line, ':');
    if (part.size() < 3 || part[0].empty()) continue;
    std::optional<uint32_t> gid = ParseId(part[2]);
    if (!gid) continue;
    GroupEntry entry{std::string(part[0]), *gid, {}};
    if (part.size() > 3) {
      entry.members = absl::StrSplit(part[3], ',', absl::SkipEmpty());
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

// The image's databases, read once.
struct Databases {
  std::vector<PasswdEntry> passwd;
  std::vector<GroupEntry> group;

  const PasswdEntry* ByName(absl::string_view name) const {
    auto it =
        std::find_if(passwd.begin(), passwd.end(),
                     [&](const auto& entry) { return entry.name == name; });
    return it == passwd.end() ? nullptr : &*it;
  }
  const PasswdEntry* ByUid(uint32_t uid) const {
    auto it = std::find_if(passwd.begin(), passwd.end(),
                           [&](const auto& entry) { return entry.uid == uid; });
    return it == passwd.end() ? nullptr : &*it;
  }
  const GroupEntry* GroupByName(absl::string_view name) const {
    auto it = std::find_if(group.begin(), group.end(), [&](const auto& entry) {
      return entry.name == name;
    });
    return it == group.end() ? nullptr : &*it;
  }
};

absl::StatusOr<Databases> ReadDatabases(const ImageFile& read) {
  ASSIGN_OR_RETURN(std::optional<std::string> passwd, read("/etc/passwd"));
  ASSIGN_OR_RETURN(std::optional<std::string> group, read("/etc/group"));
  return Databases{ParsePasswd(passwd.value_or("")),
                   ParseGroup(group.value_or(""))};
}

// Whom the three sources name, before group membership.
struct Principal {
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::string name;  // "" if the passwd file does not know the uid
  std::string home;
};

Principal FromUid(uint32_t uid, const Databases& databases) {
  Principal principal{uid, 0, "", ""};
  if (const PasswdEntry* entry = databases.ByUid(uid)) {
    principal = {uid, entry->gid, entry->name, entry->home};
  }
  return principal;
}

absl::StatusOr<Principal> FromName(absl::string_view name,
                                   absl::string_view field,
                                   const Databases& databases) {
  // A name of the file wins over its reading as a number, as in passwd(5).
  if (const PasswdEntry* entry = databases.ByName(name)) {
    return Principal{entry->uid, entry->gid, entry->name, entry->home};
  }
  if (std::optional<uint32_t> uid = ParseId(name)) {
    return FromUid(*uid, databases);
  }
  return InvalidField(
      field, absl::StrCat("no user \"", name, "\" in the image's /etc/passwd"));
}

absl::StatusOr<uint32_t> GroupId(absl::string_view name,
                                 absl::string_view field,
                                 const Databases& databases) {
  if (const GroupEntry* entry = databases.GroupByName(name)) return entry->gid;
  if (std::optional<uint32_t> gid = ParseId(name)) return *gid;
  return InvalidField(
      field, absl::StrCat("no group \"", name, "\" in the image's /etc/group"));
}

// USER of an image: user, uid, user:group, uid:gid and mixtures.
absl::StatusOr<Principal> FromImageUser(const std::string& text,
                                        const Databases& databases) {
  constexpr char kField[] = "image user";
  if (text.empty()) return FromUid(0, databases);
  std::vector<absl::string_view> part = absl::StrSplit(text, ':');
  if (part.size() > 2 || part[0].empty() ||
      (part.size() == 2 && part[1].empty())) {
    return InvalidField(
        kField, absl::StrCat("\"", text, "\" is not user or user:group"));
  }
  ASSIGN_OR_RETURN(Principal principal, FromName(part[0], kField, databases));
  if (part.size() == 2) {
    ASSIGN_OR_RETURN(principal.gid, GroupId(part[1], kField, databases));
  }
  return principal;
}

absl::Status CheckId(absl::string_view name, int64_t value) {
  if (value >= 0 && value <= kMaxId) return absl::OkStatus();
  return InvalidField(absl::StrCat("security_context.", name),
                      absl::StrCat(value, " is not from 0 to ", kMaxId));
}

absl::StatusOr<Principal> Choose(
    const v1::LinuxContainerSecurityContext& security,
    const std::string& image_user, const Databases& databases) {
  if (security.has_run_as_user()) {
    return FromUid(static_cast<uint32_t>(security.run_as_user().value()),
                   databases);
  }
  if (!security.run_as_username().empty()) {
    return FromName(security.run_as_username(),
                    "security_context.run_as_username", databases);
  }
  return FromImageUser(image_user, databases);
}

}  // namespace

std::optional<uint32_t> ParseId(absl::string_view text) {
  int64_t value = 0;
  if (text.empty() ||
      !std::all_of(text.begin(), text.end(),
                   [](unsigned char c) { return absl::ascii_isdigit(c); }) ||
      !absl::SimpleAtoi(text, &value) || value > kMaxId) {
    return std::nullopt;
  }
  return static_cast<uint32_t>(value);
}

absl::Status CheckIds(const v1::LinuxContainerSecurityContext& security) {
  if (security.has_run_as_group() && !security.has_run_as_user() &&
      security.run_as_username().empty()) {
    return InvalidField("security_context.run_as_group",
                        "is given without run_as_user or run_as_username");
  }
  RETURN_IF_ERROR(CheckId("run_as_user", security.run_as_user().value()));
  RETURN_IF_ERROR(CheckId("run_as_group", security.run_as_group().value()));
  for (const int64_t group : security.supplemental_groups()) {
    RETURN_IF_ERROR(CheckId("supplemental_groups", group));
  }
  return absl::OkStatus();
}

absl::StatusOr<Identity> ResolveIdentity(
    const v1::LinuxContainerSecurityContext& security,
    const std::string& image_user, const ImageFile& read) {
  RETURN_IF_ERROR(CheckIds(security));
  ASSIGN_OR_RETURN(Databases databases, ReadDatabases(read));
  ASSIGN_OR_RETURN(Principal principal,
                   Choose(security, image_user, databases));
  if (security.has_run_as_group()) {
    principal.gid = static_cast<uint32_t>(security.run_as_group().value());
  }
  Identity identity{principal.uid, principal.gid, {principal.gid}, "/"};
  if (!principal.home.empty()) identity.home = principal.home;
  for (int64_t group : security.supplemental_groups()) {
    identity.groups.push_back(static_cast<uint32_t>(group));
  }
  if (security.supplemental_groups_policy() == v1::Merge &&
      !principal.name.empty()) {
    for (const GroupEntry& entry : databases.group) {
      if (std::find(entry.members.begin(), entry.members.end(),
                    principal.name) != entry.members.end()) {
        identity.groups.push_back(entry.gid);
      }
    }
  }
  std::sort(identity.groups.begin(), identity.groups.end());
  identity.groups.erase(
      std::unique(identity.groups.begin(), identity.groups.end()),
      identity.groups.end());
  return identity;
}

}  // namespace cri::container
