// SPDX-License-Identifier: Apache-2.0
#include "runtime/seccomp/filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/base/status.h"
#include "runtime/base/unique_fd.h"

namespace runtime::seccomp {
namespace {

struct Release {
  void operator()(void* context) const { seccomp_release(context); }
};
using Context = std::unique_ptr<void, Release>;

constexpr uint32_t kX32Bit = 0x40000000;

std::optional<uint32_t> ActionOf(absl::string_view name, unsigned value) {
  if (name == "SCMP_ACT_ALLOW") return SCMP_ACT_ALLOW;
  if (name == "SCMP_ACT_ERRNO") return SCMP_ACT_ERRNO(value);
  if (name == "SCMP_ACT_KILL" || name == "SCMP_ACT_KILL_THREAD") {
    return SCMP_ACT_KILL_THREAD;
  }
  if (name == "SCMP_ACT_KILL_PROCESS") return SCMP_ACT_KILL_PROCESS;
  if (name == "SCMP_ACT_TRAP") return SCMP_ACT_TRAP;
  if (name == "SCMP_ACT_TRACE") return SCMP_ACT_TRACE(value);
  if (name == "SCMP_ACT_LOG") return SCMP_ACT_LOG;
  return std::nullopt;
}

absl::StatusOr<uint32_t> Action(absl::string_view name,
                                std::optional<unsigned> value,
                                absl::string_view field) {
  std::optional<uint32_t> action = ActionOf(name, value.value_or(EPERM));
  if (action.has_value()) return *action;
  return absl::InvalidArgumentError(absl::StrCat(
      "linux.seccomp.", field, ": \"", name, "\" is not supported"));
}

absl::StatusOr<scmp_compare> Compare(absl::string_view name) {
  constexpr std::array<std::pair<const char*, scmp_compare>, 7> kOperators = {
      {{"SCMP_CMP_NE", SCMP_CMP_NE},
       {"SCMP_CMP_LT", SCMP_CMP_LT},
       {"SCMP_CMP_LE", SCMP_CMP_LE},
       {"SCMP_CMP_EQ", SCMP_CMP_EQ},
       {"SCMP_CMP_GE", SCMP_CMP_GE},
       {"SCMP_CMP_GT", SCMP_CMP_GT},
       {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ}}};
  for (const auto& [text, op] : kOperators) {
    if (name == text) return op;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "linux.seccomp.syscalls.args.op: unknown operator \"", name, "\""));
}

absl::Status LibraryError(int result, absl::string_view what) {
  return ErrnoStatus(-result, absl::StrCat("seccomp ", what));
}

absl::Status AddArchitectures(void* context,
                              const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    absl::string_view tail = name;
    if (!absl::ConsumePrefix(&tail, "SCMP_ARCH_")) tail = "";
    uint32_t arch =
        seccomp_arch_resolve_name(absl::AsciiStrToLower(tail).c_str());
    if (arch == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("linux.seccomp.architectures: unknown \"", name, "\""));
    }
    int result = seccomp_arch_add(context, arch);
    if (result != 0 && result != -EEXIST) return LibraryError(result, name);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<scmp_arg_cmp>> Conditions(
    const std::vector<spec::SeccompArg>& args) {
  std::vector<scmp_arg_cmp> conditions;
  for (const spec::SeccompArg& arg : args) {
    ASSIGN_OR_RETURN(scmp_compare op, Compare(arg.op));
    conditions.push_back({arg.index, op, arg.value, arg.value_two});
  }
  return conditions;
}

bool SameArgumentTwice(const std::vector<scmp_arg_cmp>& conditions) {
  unsigned seen = 0;
  for (const scmp_arg_cmp& condition : conditions) {
    if ((seen >> condition.arg) & 1) return true;
    seen |= 1u << condition.arg;
  }
  return false;
}

absl::Status AddCall(void* context, uint32_t action, int number,
                     const std::vector<scmp_arg_cmp>& conditions) {
  // libseccomp takes each argument once per rule; by convention of the OCI
  // profiles several conditions on one argument are alternatives.
  if (SameArgumentTwice(conditions)) {
    for (const scmp_arg_cmp& condition : conditions) {
      int result =
          seccomp_rule_add_array(context, action, number, 1, &condition);
      if (result != 0 && result != -EEXIST) return LibraryError(result, "rule");
    }
    return absl::OkStatus();
  }
  int result = seccomp_rule_add_array(
      context, action, number, static_cast<unsigned>(conditions.size()),
      conditions.empty() ? nullptr : conditions.data());
  if (result != 0 && result != -EEXIST) return LibraryError(result, "rule");
  return absl::OkStatus();
}

// Returns the highest number of a known call in *newest.
absl::Status AddRules(void* context, const spec::Seccomp& profile,
                      uint32_t default_action, uint32_t* newest) {
  for (const spec::SeccompRule& rule : profile.rules) {
    ASSIGN_OR_RETURN(uint32_t action,
                     Action(rule.action, rule.errno_ret, "syscalls.action"));
    ASSIGN_OR_RETURN(std::vector<scmp_arg_cmp> conditions,
                     Conditions(rule.args));
    for (const std::string& name : rule.names) {
      int number = seccomp_syscall_resolve_name(name.c_str());
      if (number == __NR_SCMP_ERROR) continue;
      if (number >= 0) *newest = std::max(*newest, uint32_t(number));
      // The library refuses a rule that repeats the default.
      if (action == default_action) continue;
      RETURN_IF_ERROR(
          Annotate(AddCall(context, action, number, conditions), name));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<sock_filter>> Export(void* context) {
  UniqueFd fd(memfd_create("seccomp", MFD_CLOEXEC));
  if (!fd.ok()) return ErrnoStatus("memfd_create seccomp");
  if (int result = seccomp_export_bpf(context, fd.get()); result != 0) {
    return LibraryError(result, "export");
  }
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return ErrnoStatus("stat seccomp");
  size_t bytes = static_cast<size_t>(info.st_size);
  std::vector<sock_filter> code(bytes / sizeof(sock_filter));
  if (pread(fd.get(), code.data(), bytes, 0) != static_cast<ssize_t>(bytes)) {
    return ErrnoStatus("read seccomp");
  }
  return code;
}

// Calls above `newest` did not exist when the profile was written.
void PrependUnknownCalls(uint32_t newest, std::vector<sock_filter>* code) {
  const sock_filter prologue[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, seccomp_arch_native(), 0, 4),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kX32Bit, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, newest, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
  };
  code->insert(code->begin(), std::begin(prologue), std::end(prologue));
}

absl::StatusOr<unsigned> Flags(const std::vector<std::string>& names) {
  unsigned flags = 0;
  for (const std::string& name : names) {
    if (name == "SECCOMP_FILTER_FLAG_TSYNC") {
      continue;  // one thread: nothing to do
    } else if (name == "SECCOMP_FILTER_FLAG_LOG") {
      flags |= SECCOMP_FILTER_FLAG_LOG;
    } else if (name == "SECCOMP_FILTER_FLAG_SPEC_ALLOW") {
      flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("linux.seccomp.flags: \"", name, "\" is not supported"));
    }
  }
  return flags;
}

}  // namespace

absl::StatusOr<Program> Compile(const spec::Seccomp& profile) {
  ASSIGN_OR_RETURN(uint32_t default_action,
                   Action(profile.default_action, profile.default_errno_ret,
                          "defaultAction"));
  Context context(seccomp_init(default_action));
  if (context == nullptr) return absl::InternalError("seccomp_init failed");
  // no_new_privs is the config's decision, not the library's.
  seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_NNP, 0);
  seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  RETURN_IF_ERROR(AddArchitectures(context.get(), profile.architectures));
  uint32_t newest = 0;
  RETURN_IF_ERROR(AddRules(context.get(), profile, default_action, &newest));
  Program program;
  ASSIGN_OR_RETURN(program.flags, Flags(profile.flags));
  ASSIGN_OR_RETURN(program.code, Export(context.get()));
  if (default_action == SCMP_ACT_ERRNO(EPERM) && newest > 0) {
    PrependUnknownCalls(newest, &program.code);
  }
  if (program.code.size() > BPF_MAXINSNS) {
    return absl::InvalidArgumentError(
        absl::StrCat("linux.seccomp: compiles to ", program.code.size(),
                     " instructions, the kernel takes ", BPF_MAXINSNS));
  }
  return program;
}

}  // namespace runtime::seccomp
