// SPDX-License-Identifier: Apache-2.0
// Device rules, and the BPF program that stands for them on cgroup v2.
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/cgroup/limits.h"

namespace runtime::cgroup {
namespace {

spec::DeviceRule Allow(char type, std::optional<int64_t> major,
                       std::optional<int64_t> minor, const char* access) {
  spec::DeviceRule rule;
  rule.allow = true;
  rule.type = type;
  rule.major = major;
  rule.minor = minor;
  rule.access = access;
  return rule;
}

bpf_insn Instruction(int code, int dst, int src, int off, int imm) {
  bpf_insn insn = {};
  insn.code = static_cast<__u8>(code);
  insn.dst_reg = static_cast<__u8>(dst) & 0xf;
  insn.src_reg = static_cast<__u8>(src) & 0xf;
  insn.off = static_cast<__s16>(off);
  insn.imm = imm;
  return insn;
}

bpf_insn Load(int dst, size_t offset) {
  return Instruction(BPF_LDX | BPF_W | BPF_MEM, dst, BPF_REG_1,
                     static_cast<int>(offset), 0);
}

int AccessBits(const std::string& access) {
  int bits = 0;
  for (char c : access) {
    if (c == 'm') bits |= BPF_DEVCG_ACC_MKNOD;
    if (c == 'r') bits |= BPF_DEVCG_ACC_READ;
    if (c == 'w') bits |= BPF_DEVCG_ACC_WRITE;
  }
  return bits;
}

// r2 = device type, r3 = access, r4 = major, r5 = minor; r0 = 1 allows. Each
// block ends the program if its rule decides, or falls through to the next.
void AppendRule(const spec::DeviceRule& rule, std::vector<bpf_insn>* program) {
  std::vector<bpf_insn> tests;  // off is filled in: "not equal → next rule"
  auto differs = [&](int reg, int64_t value) {
    tests.push_back(Instruction(BPF_JMP32 | BPF_JNE | BPF_K, reg, 0, 0,
                                static_cast<int>(value)));
  };
  if (rule.type != 'a') {
    differs(BPF_REG_2,
            rule.type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
  }
  int access = AccessBits(rule.access);
  if (access != 7) {
    tests.push_back(
        Instruction(BPF_ALU | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_3, 0, 0));
    // An allow must cover all that is asked, a deny catches any part of it.
    int mask = rule.allow ? ~access & 7 : access;
    tests.push_back(
        Instruction(BPF_ALU | BPF_AND | BPF_K, BPF_REG_1, 0, 0, mask));
    int jump = rule.allow ? BPF_JNE : BPF_JEQ;
    tests.push_back(Instruction(BPF_JMP32 | jump | BPF_K, BPF_REG_1, 0, 0, 0));
  }
  if (rule.major.has_value()) differs(BPF_REG_4, *rule.major);
  if (rule.minor.has_value()) differs(BPF_REG_5, *rule.minor);
  for (size_t i = 0; i < tests.size(); ++i) {
    if (BPF_CLASS(tests[i].code) == BPF_JMP32) {
      tests[i].off = static_cast<__s16>(tests.size() - i - 1 + 2);
    }
    program->push_back(tests[i]);
  }
  program->push_back(Instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0,
                                 rule.allow ? 1 : 0));
  program->push_back(Instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
}

std::vector<bpf_insn> Program(const std::vector<spec::DeviceRule>& rules) {
  std::vector<bpf_insn> program;
  // The context is {access_type, major, minor}; access_type is access << 16 |
  // device type.
  program.push_back(Load(BPF_REG_2, offsetof(bpf_cgroup_dev_ctx, access_type)));
  program.push_back(
      Instruction(BPF_ALU | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_2, 0, 0));
  program.push_back(
      Instruction(BPF_ALU | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff));
  program.push_back(
      Instruction(BPF_ALU | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16));
  program.push_back(Load(BPF_REG_4, offsetof(bpf_cgroup_dev_ctx, major)));
  program.push_back(Load(BPF_REG_5, offsetof(bpf_cgroup_dev_ctx, minor)));
  // The last rule that matches wins: test from the end.
  bool decided = false;
  for (auto rule = rules.rbegin(); rule != rules.rend() && !decided; ++rule) {
    AppendRule(*rule, &program);
    decided = rule->type == 'a' && AccessBits(rule->access) == 7 &&
              !rule->major.has_value() && !rule->minor.has_value();
  }
  if (!decided) {
    program.push_back(
        Instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0));
    program.push_back(Instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
  }
  return program;
}

int Bpf(int command, bpf_attr* attr) {
  return static_cast<int>(syscall(SYS_bpf, command, attr, sizeof(*attr)));
}

}  // namespace

std::vector<spec::DeviceRule> DeviceRules(
    const spec::Resources& resources,
    const std::vector<spec::Device>& devices) {
  std::vector<spec::DeviceRule> rules = resources.devices;
  bool everything = !rules.empty() && rules.back().allow &&
                    rules.back().type == 'a' && !rules.back().major &&
                    !rules.back().minor && rules.back().access.size() >= 3;
  if (everything) return {rules.back()};
  // Making a node gives nothing: using it needs its own rule.
  rules.push_back(Allow('c', std::nullopt, std::nullopt, "m"));
  rules.push_back(Allow('b', std::nullopt, std::nullopt, "m"));
  for (int64_t minor : {3, 5, 7, 8, 9}) {
    rules.push_back(Allow('c', 1, minor, "rwm"));
  }
  rules.push_back(Allow('c', 5, 0, "rwm"));               // tty
  rules.push_back(Allow('c', 5, 2, "rwm"));               // ptmx
  rules.push_back(Allow('c', 136, std::nullopt, "rwm"));  // pts
  for (const spec::Device& device : devices) {
    if (device.type == 'p') continue;
    bool named = false;
    for (const spec::DeviceRule& rule : resources.devices) {
      named |= rule.major == device.major && rule.minor == device.minor;
    }
    if (!named) {
      rules.push_back(Allow(device.type == 'b' ? 'b' : 'c', device.major,
                            device.minor, "rwm"));
    }
  }
  return rules;
}

absl::Status AttachDeviceProgram(const std::string& directory,
                                 const std::vector<spec::DeviceRule>& rules) {
  std::vector<bpf_insn> program = Program(rules);
  ASSIGN_OR_RETURN(UniqueFd cgroup,
                   OpenFile(directory, O_RDONLY | O_DIRECTORY));
  bpf_attr attr;
  std::memset(&attr, 0, sizeof(attr));
  attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attr.insns = reinterpret_cast<uintptr_t>(program.data());
  attr.insn_cnt = static_cast<__u32>(program.size());
  attr.license = reinterpret_cast<uintptr_t>("Apache-2.0");
  UniqueFd loaded(Bpf(BPF_PROG_LOAD, &attr));
  if (!loaded.ok()) return ErrnoStatus("load device filter");
  std::memset(&attr, 0, sizeof(attr));
  attr.target_fd = static_cast<__u32>(cgroup.get());
  attr.attach_bpf_fd = static_cast<__u32>(loaded.get());
  attr.attach_type = BPF_CGROUP_DEVICE;
  attr.attach_flags = BPF_F_ALLOW_MULTI;
  if (Bpf(BPF_PROG_ATTACH, &attr) != 0) {
    return ErrnoStatus(absl::StrCat("attach device filter to ", directory));
  }
  return absl::OkStatus();
}

}  // namespace runtime::cgroup
