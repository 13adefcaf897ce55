// SPDX-License-Identifier: Apache-2.0
#include "runtime/state/container.h"

#include "absl/strings/ascii.h"
#include "runtime/state/codec.h"

namespace runtime::state {
namespace {

void WriteWords(const std::vector<std::string>& words, Writer* out) {
  out->U32(static_cast<uint32_t>(words.size()));
  for (const std::string& word : words) out->Str(word);
}

// Absent in what older versions wrote.
void ReadWords(Reader* in, std::vector<std::string>* words) {
  words->clear();
  if (in->AtEnd()) return;
  const uint32_t count = in->Count(4);
  for (uint32_t i = 0; i < count; ++i) words->push_back(in->Str());
}

}  // namespace

std::string Encode(const ContainerRecord& record) {
  Writer out;
  out.Str(record.id);
  out.U32(static_cast<uint32_t>(record.phase));
  out.U32(static_cast<uint32_t>(record.pid));
  out.I64(record.created_ns);
  out.I64(record.started_ns);
  out.I64(record.finished_ns);
  out.U32(static_cast<uint32_t>(record.exit_code));
  out.U32(record.oom_killed ? 1 : 0);
  out.Str(record.message);
  out.U32(static_cast<uint32_t>(record.phases.size()));
  for (const auto& [name, nanoseconds] : record.phases) {
    out.Str(name);
    out.U64(nanoseconds);
  }
  return out.Take();
}

bool Decode(absl::string_view data, ContainerRecord* record) {
  Reader in(data);
  record->id = in.Str();
  uint32_t phase = in.U32();
  if (phase > static_cast<uint32_t>(Phase::kExited)) return false;
  record->phase = static_cast<Phase>(phase);
  record->pid = static_cast<int32_t>(in.U32());
  record->created_ns = in.I64();
  record->started_ns = in.I64();
  record->finished_ns = in.I64();
  record->exit_code = static_cast<int32_t>(in.U32());
  record->oom_killed = in.U32() != 0;
  record->message = in.Str();
  uint32_t count = in.Count(12);
  record->phases.clear();
  for (uint32_t i = 0; i < count; ++i) {
    std::string name = in.Str();
    uint64_t nanoseconds = in.U64();
    record->phases.emplace_back(std::move(name), nanoseconds);
  }
  return in.ok();
}

std::string Encode(const ContainerPlan& plan) {
  Writer out;
  out.Str(plan.id);
  out.U32(plan.flags);
  out.Str(plan.cgroups_path);
  out.Str(plan.log_path);
  out.Str(plan.config_json);
  out.Str(plan.bundle_dir);
  out.U32(static_cast<uint32_t>(plan.lower_dirs.size()));
  for (const std::string& dir : plan.lower_dirs) out.Str(dir);
  out.Str(plan.upper_dir);
  out.Str(plan.work_dir);
  out.Str(plan.rootfs_dir);
  WriteWords(plan.runtime, &out);
  return out.Take();
}

bool Decode(absl::string_view data, ContainerPlan* plan) {
  Reader in(data);
  plan->id = in.Str();
  plan->flags = in.U32();
  plan->cgroups_path = in.Str();
  plan->log_path = in.Str();
  plan->config_json = in.Str();
  plan->bundle_dir = in.Str();
  uint32_t count = in.Count(4);
  plan->lower_dirs.clear();
  for (uint32_t i = 0; i < count; ++i) plan->lower_dirs.push_back(in.Str());
  plan->upper_dir = in.Str();
  plan->work_dir = in.Str();
  plan->rootfs_dir = in.Str();
  ReadWords(&in, &plan->runtime);
  return in.ok();
}

std::string Encode(const SandboxRecord& record) {
  Writer out;
  out.Str(record.id);
  out.Str(record.cgroup_parent);
  out.Str(record.shm_dir);
  out.U32(record.owns_cgroup_parent ? 1 : 0);
  WriteWords(record.runtime, &out);
  out.Str(record.slice);
  return out.Take();
}

bool Decode(absl::string_view data, SandboxRecord* record) {
  Reader in(data);
  record->id = in.Str();
  record->cgroup_parent = in.Str();
  record->shm_dir = in.Str();
  record->owns_cgroup_parent = in.U32() != 0;
  ReadWords(&in, &record->runtime);
  record->slice = in.AtEnd() ? "" : in.Str();
  return in.ok();
}

bool IsValidId(absl::string_view id) {
  if (id.empty() || id.size() > 200 || id.front() == '.') return false;
  for (char c : id) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '_' &&
        c != '+' && c != '-' && c != '.') {
      return false;
    }
  }
  return true;
}

}  // namespace runtime::state
