// SPDX-License-Identifier: Apache-2.0
#include "runtime/lsm/lsm.h"

#include <fcntl.h>

#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace runtime::lsm {
namespace {

// An attribute is written with one page at most.
constexpr size_t kMaxLabelBytes = 4000;
constexpr size_t kMaxAttributeBytes = 64 << 10;
constexpr char kAppArmor[] = "process.apparmorProfile";
constexpr char kSelinux[] = "process.selinuxLabel";

bool WantsProfile(const Labels& labels) {
  return !labels.apparmor_profile.empty() &&
         labels.apparmor_profile != "unconfined";
}

absl::Status CheckOne(absl::string_view field, const std::string& label,
                      bool enforced, absl::string_view module) {
  bool plain = label.size() <= kMaxLabelBytes;
  for (const char c : label) {
    plain &= !absl::ascii_iscntrl(static_cast<unsigned char>(c)) && c != '"';
  }
  if (!plain) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, ": is longer than ", kMaxLabelBytes,
                     " bytes or holds quotes or control characters"));
  }
  if (enforced) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      field, ": \"", label, "\": ", module, " is not enabled on this host"));
}

// The kernel ends what it gives with a NUL or a newline.
std::string Trimmed(const std::string& text) {
  absl::string_view view = text;
  while (!view.empty() && (view.back() == '\0' || view.back() == '\n')) {
    view.remove_suffix(1);
  }
  return std::string(view);
}

// "user:role:type" of a context. The level may come back in another spelling.
absl::string_view WithoutLevel(absl::string_view context) {
  size_t at = 0;
  for (int colons = 0; at < context.size(); ++at) {
    if (context[at] == ':' && ++colons == 3) break;
  }
  return context.substr(0, at);
}

absl::Status Differs(absl::string_view field, absl::string_view wanted,
                     absl::string_view got) {
  return absl::PermissionDeniedError(
      absl::StrCat(field, ": the kernel has \"", absl::string_view(got),
                   "\" instead of \"", wanted, "\""));
}

// A name of its own since Linux 5.8; the common file may be another module's.
absl::Status SetProfile(const std::string& profile,
                        const Attributes& attributes) {
  const std::string text = absl::StrCat("exec ", profile);
  std::string name = "apparmor/exec";
  absl::StatusOr<std::string> probe = attributes.Read(name);
  if (absl::IsNotFound(probe.status())) name = "exec";
  absl::Status status = attributes.Write(name, text);
  if (absl::IsNotFound(status)) {
    return absl::FailedPreconditionError(absl::StrCat(
        kAppArmor, ": profile \"", profile, "\" is not loaded on this host"));
  }
  RETURN_IF_ERROR(Annotate(status, kAppArmor));
  ASSIGN_OR_RETURN(std::string got, attributes.Read(name));
  got = Trimmed(got);  // "web (enforce)"
  if (got != profile && !absl::StartsWith(got, absl::StrCat(profile, " ("))) {
    return Differs(kAppArmor, profile, got);
  }
  return absl::OkStatus();
}

// "web (enforce)" → "web".
absl::StatusOr<std::string> OwnProfile(const Attributes& attributes) {
  absl::StatusOr<std::string> own = attributes.Read("apparmor/current");
  if (absl::IsNotFound(own.status())) own = attributes.Read("current");
  RETURN_IF_ERROR(Annotate(own.status(), kAppArmor));
  const std::string text = Trimmed(*own);
  return text.substr(0, text.rfind(" ("));
}

// The kernel forgets it at the next exec. Kernels without keys have nothing to
// label.
absl::Status SetForKeys(const std::string& label,
                        const Attributes& attributes) {
  absl::Status status = attributes.Write("keycreate", label);
  if (absl::IsNotFound(status)) return absl::OkStatus();
  return Annotate(status, kSelinux);
}

absl::Status SetContext(const std::string& label,
                        const Attributes& attributes) {
  absl::Status status = attributes.Write("exec", label);
  if (absl::IsInvalidArgument(status)) {
    return absl::FailedPreconditionError(
        absl::StrCat(kSelinux, ": the policy does not know \"", label, "\""));
  }
  RETURN_IF_ERROR(Annotate(status, kSelinux));
  ASSIGN_OR_RETURN(std::string got, attributes.Read("exec"));
  got = Trimmed(got);
  if (WithoutLevel(got) != WithoutLevel(label)) {
    return Differs(kSelinux, label, got);
  }
  return absl::OkStatus();
}

}  // namespace

Modules Detect(const std::string& sys) {
  Modules result;
  absl::StatusOr<std::string> enabled =
      ReadFile(JoinPath(sys, "module/apparmor/parameters/enabled"), 16);
  result.apparmor = enabled.ok() && absl::StartsWith(*enabled, "Y");
  // There only if SELinux has started and its file system is mounted.
  result.selinux = Exists(JoinPath(sys, "fs/selinux/enforce"));
  return result;
}

bool AnyOf(const Labels& labels) {
  return WantsProfile(labels) || !labels.selinux_label.empty() ||
         !labels.mount_label.empty();
}

absl::Status Check(const Labels& labels, const Modules& host) {
  if (WantsProfile(labels)) {
    RETURN_IF_ERROR(CheckOne(kAppArmor, labels.apparmor_profile, host.apparmor,
                             "AppArmor"));
  }
  if (!labels.selinux_label.empty()) {
    RETURN_IF_ERROR(
        CheckOne(kSelinux, labels.selinux_label, host.selinux, "SELinux"));
  }
  if (!labels.mount_label.empty()) {
    RETURN_IF_ERROR(CheckOne("linux.mountLabel", labels.mount_label,
                             host.selinux, "SELinux"));
  }
  return absl::OkStatus();
}

absl::Status ProcAttributes::Write(const std::string& name,
                                   absl::string_view text) const {
  return proc_->Write(absl::StrCat("self/attr/", name), text);
}

absl::StatusOr<std::string> ProcAttributes::Read(
    const std::string& name) const {
  const std::string file = absl::StrCat("self/attr/", name);
  ASSIGN_OR_RETURN(UniqueFd fd, proc_->OpenAt(file, O_RDONLY));
  return ReadFd(fd.get(), file, kMaxAttributeBytes);
}

absl::Status SetForInit(const Labels& labels, const Attributes& attributes) {
  if (WantsProfile(labels)) {
    RETURN_IF_ERROR(SetProfile(labels.apparmor_profile, attributes));
  }
  if (labels.selinux_label.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(SetContext(labels.selinux_label, attributes));
  return SetForKeys(labels.selinux_label, attributes);
}

absl::Status Unset(const Labels& labels, const Attributes& attributes) {
  if (WantsProfile(labels)) {
    // The one that this process itself has stays.
    ASSIGN_OR_RETURN(std::string own, OwnProfile(attributes));
    RETURN_IF_ERROR(SetProfile(own, attributes));
  }
  if (labels.selinux_label.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(SetForKeys("", attributes));
  return Annotate(attributes.Write("exec", ""), kSelinux);
}

}  // namespace runtime::lsm
