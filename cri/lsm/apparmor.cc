// SPDX-License-Identifier: Apache-2.0
#include "cri/lsm/apparmor.h"

#include <atomic>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "cri/network/cni/spawn.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"
#include "runtime/lsm/lsm.h"

namespace cri::lsm {
namespace {

namespace v1 = ::runtime::v1;

constexpr char kField[] = "security_context.apparmor";
constexpr size_t kMaxNameBytes = 1024;
constexpr absl::Duration kParserTime = absl::Seconds(30);

// What no container needs but to get at its host. Everything else is left to
// capabilities, seccomp and the file system. It includes no other file, since
// a host may have none.
constexpr char kDefaultText[] = R"(
profile coracle-default flags=(attach_disconnected,mediate_deleted) {
  network,
  capability,
  file,
  umount,
  signal (receive) peer=unconfined,
  signal (send, receive) peer=coracle-default,
  ptrace (trace, read, tracedby, readby) peer=coracle-default,
  deny mount,
  deny /proc/kcore rwklx,
  deny /proc/kmem rwklx,
  deny /proc/mem rwklx,
  deny /proc/sysrq-trigger rwklx,
  deny /proc/{acpi,bus,fs,irq,scsi,tty}/** wkl,
  deny /proc/sys/{abi,debug,dev,sunrpc,user,vm}/** wkl,
  deny /proc/sys/fs/{binfmt_misc,inotify,nfs,quota,xfs}/** wkl,
  deny /proc/sys/kernel/{core_*,hotplug,kexec_*,modprobe,panic*,sysrq} wkl,
  deny /sys/firmware/** rwklx,
  deny /sys/kernel/debug/** rwklx,
  deny /sys/kernel/security/** rwklx,
  deny /sys/kernel/tracing/** rwklx,
}
)";

absl::Status CheckName(absl::string_view name) {
  bool plain = !name.empty() && name.size() <= kMaxNameBytes;
  for (const char c : name) {
    plain &= !absl::ascii_iscntrl(static_cast<unsigned char>(c)) && c != '"';
  }
  if (plain) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(kField, ": localhost_ref is ",
                   name.empty() ? "empty, but profile_type is "
                                  "Localhost"
                                : "not a profile's name"));
}

// The deprecated words.
absl::StatusOr<v1::SecurityProfile> FromWords(absl::string_view words) {
  v1::SecurityProfile profile;
  if (words.empty() || words == "runtime/default") {
    profile.set_profile_type(v1::SecurityProfile::RuntimeDefault);
  } else if (words == "unconfined") {
    profile.set_profile_type(v1::SecurityProfile::Unconfined);
  } else if (absl::StartsWith(words, "localhost/")) {
    profile.set_profile_type(v1::SecurityProfile::Localhost);
    profile.set_localhost_ref(std::string(words));
  } else {
    return absl::InvalidArgumentError(
        "security_context.apparmor_profile: is none of runtime/default, "
        "unconfined and localhost/NAME");
  }
  return profile;
}

// nullopt where the kernel does not tell: securityfs is not mounted, as in a
// node that is a container itself.
std::optional<bool> IsLoaded(const std::string& name, const Host& host) {
  absl::StatusOr<std::string> list = runtime::ReadFile(
      runtime::JoinPath(host.sys, "kernel/security/apparmor/profiles"));
  if (!list.ok()) return std::nullopt;
  for (absl::string_view line : absl::StrSplit(*list, '\n')) {
    // "name (mode)"
    if (absl::StartsWith(line, absl::StrCat(name, " ("))) return true;
  }
  return false;
}

// Says, once and not for every container, why there is no default profile.
std::string WithoutDefault(absl::string_view why) {
  static std::atomic<bool> told{false};
  if (!told.exchange(true)) {
    runtime::log::Warning(why,
                          ": containers run without an AppArmor profile unless "
                          "they name one");
  }
  return "";
}

absl::StatusOr<std::string> DefaultProfile(const Host& host) {
  const std::optional<bool> loaded = IsLoaded(kDefaultProfile, host);
  if (!loaded.has_value()) {
    return WithoutDefault("AppArmor's securityfs is not mounted");
  }
  if (*loaded) return std::string(kDefaultProfile);
  if (!runtime::Exists(host.apparmor_parser)) {
    return WithoutDefault(absl::StrCat(host.apparmor_parser, " is missing"));
  }
  network::cni::Program parser;
  parser.path = host.apparmor_parser;
  parser.input = kDefaultText;
  parser.deadline = absl::Now() + kParserTime;
  absl::StatusOr<network::cni::Outcome> outcome =
      network::cni::RunProgram(parser);
  if (!outcome.ok()) return runtime::Annotate(outcome.status(), kField);
  // Two containers may have wanted it at once.
  if (outcome->exit_code == 0 ||
      IsLoaded(kDefaultProfile, host).value_or(false)) {
    return std::string(kDefaultProfile);
  }
  return absl::FailedPreconditionError(absl::StrCat(
      kField, ": ", host.apparmor_parser, " does not load ", kDefaultProfile,
      ": ", absl::StripAsciiWhitespace(outcome->log)));
}

}  // namespace

absl::StatusOr<v1::SecurityProfile> RequestedProfile(
    const v1::LinuxContainerSecurityContext& security) {
// Older clients still send the deprecated field.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  absl::StatusOr<v1::SecurityProfile> profile =
      security.has_apparmor() ? security.apparmor()
                              : FromWords(security.apparmor_profile());
#pragma GCC diagnostic pop
  RETURN_IF_ERROR(profile.status());
  if (profile->profile_type() != v1::SecurityProfile::Localhost) {
    profile->clear_localhost_ref();
    return profile;
  }
  absl::string_view name = profile->localhost_ref();
  absl::ConsumePrefix(&name, "localhost/");
  RETURN_IF_ERROR(CheckName(name));
  profile->set_localhost_ref(std::string(name));
  return profile;
}

absl::StatusOr<std::string> ProfileFor(
    const v1::LinuxContainerSecurityContext& security, const Host& host) {
  ASSIGN_OR_RETURN(v1::SecurityProfile profile, RequestedProfile(security));
  const bool named = profile.profile_type() == v1::SecurityProfile::Localhost;
  if (security.privileged() ||
      profile.profile_type() == v1::SecurityProfile::Unconfined) {
    return std::string();
  }
  const std::string& name = profile.localhost_ref();
  const bool enabled = runtime::lsm::Detect(host.sys).apparmor;
  if (!named) return enabled ? DefaultProfile(host) : std::string();
  if (!enabled) {
    return absl::FailedPreconditionError(
        absl::StrCat(kField, ": profile \"", name,
                     "\": AppArmor is not enabled on this host"));
  }
  // The kernel itself refuses what is not there.
  if (!IsLoaded(name, host).value_or(true)) {
    return absl::FailedPreconditionError(absl::StrCat(
        kField, ": profile \"", name, "\" is not loaded on this host"));
  }
  return name;
}

}  // namespace cri::lsm
