// SPDX-License-Identifier: Apache-2.0
#include "runtime/mount/options.h"

#include <sys/mount.h>

#include <array>

#include "absl/strings/string_view.h"

namespace runtime::mount {
namespace {

struct Attribute {
  absl::string_view name;
  bool set;  // false: the word clears the flag
  uint64_t flag;
};

constexpr std::array<Attribute, 17> kAttributes = {{
    {"ro", true, MOUNT_ATTR_RDONLY},
    {"rw", false, MOUNT_ATTR_RDONLY},
    {"nosuid", true, MOUNT_ATTR_NOSUID},
    {"suid", false, MOUNT_ATTR_NOSUID},
    {"nodev", true, MOUNT_ATTR_NODEV},
    {"dev", false, MOUNT_ATTR_NODEV},
    {"noexec", true, MOUNT_ATTR_NOEXEC},
    {"exec", false, MOUNT_ATTR_NOEXEC},
    {"nodiratime", true, MOUNT_ATTR_NODIRATIME},
    {"diratime", false, MOUNT_ATTR_NODIRATIME},
    {"nosymfollow", true, MOUNT_ATTR_NOSYMFOLLOW},
    {"symfollow", false, MOUNT_ATTR_NOSYMFOLLOW},
    {"noatime", true, MOUNT_ATTR_NOATIME},
    {"atime", false, MOUNT_ATTR_NOATIME},
    {"strictatime", true, MOUNT_ATTR_STRICTATIME},
    {"nostrictatime", false, MOUNT_ATTR_STRICTATIME},
    {"relatime", true, MOUNT_ATTR_RELATIME},
}};

constexpr std::array<std::pair<absl::string_view, uint64_t>, 4> kPropagation = {
    {{"private", MS_PRIVATE},
     {"slave", MS_SLAVE},
     {"shared", MS_SHARED},
     {"unbindable", MS_UNBINDABLE}}};

bool IsAtime(absl::string_view name) {
  return name.size() >= 5 && name.substr(name.size() - 5) == "atime" &&
         name != "nodiratime" && name != "diratime";
}

// `word` without the "r" that means recursive; the flag is kept in *recursive.
bool ReadAttribute(absl::string_view word, Options* out) {
  for (bool recursive : {false, true}) {
    if (recursive && (word.empty() || word[0] != 'r')) continue;
    absl::string_view name = recursive ? word.substr(1) : word;
    for (const Attribute& attribute : kAttributes) {
      if (attribute.name != name) continue;
      uint64_t& set = recursive ? out->recursive_set : out->set;
      uint64_t& clear = recursive ? out->recursive_clear : out->clear;
      // The atime modes are one field of values, not single flags: a change
      // clears the whole field.
      if (IsAtime(name)) clear |= MOUNT_ATTR__ATIME;
      if (attribute.set) {
        set |= attribute.flag;
        if (!IsAtime(name)) clear &= ~attribute.flag;
      } else {
        set &= ~attribute.flag;
        if (!IsAtime(name)) clear |= attribute.flag;
      }
      return true;
    }
  }
  return false;
}

bool ReadPropagation(absl::string_view word, Options* out) {
  for (const auto& [name, flag] : kPropagation) {
    bool recursive = !word.empty() && word[0] == 'r' && word.substr(1) == name;
    if (!recursive && word != name) continue;
    out->propagation = flag;
    out->propagation_recursive = recursive;
    return true;
  }
  return false;
}

}  // namespace

Options ParseOptions(const std::vector<std::string>& options) {
  Options out;
  for (const std::string& word : options) {
    if (word == "bind" || word == "rbind") {
      out.bind = true;
      out.bind_recursive |= word == "rbind";
    } else if (word == "tmpcopyup") {
      out.copy_up = true;
    } else if (word == "idmap" || word == "ridmap") {
      out.id_map = true;
      out.id_map_recursive |= word == "ridmap";
    } else if (word == "defaults" || word == "async" || word.empty()) {
      continue;
    } else if (!ReadAttribute(word, &out) && !ReadPropagation(word, &out)) {
      out.data.push_back(word);
    }
  }
  return out;
}

}  // namespace runtime::mount
