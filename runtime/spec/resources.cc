// SPDX-License-Identifier: Apache-2.0
// linux.resources and linux.seccomp of the OCI config.
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/spec/process.h"

namespace runtime::spec {
namespace {

void ReadDeviceRule(const Reader& reader, std::vector<DeviceRule>* out) {
  DeviceRule rule;
  std::string type;
  reader.Bool("allow", &rule.allow);
  reader.String("type", &type);
  reader.Integer("major", &rule.major, -1, UINT32_MAX);
  reader.Integer("minor", &rule.minor, -1, UINT32_MAX);
  reader.String("access", &rule.access);
  if (!type.empty()) {
    if (type != "a" && type != "b" && type != "c") {
      return reader.Fail("type", "expected a, b or c");
    }
    rule.type = type[0];
  }
  // -1 is how some engines write "any".
  if (rule.major == -1) rule.major.reset();
  if (rule.minor == -1) rule.minor.reset();
  if (rule.access.empty()) rule.access.append("rwm");
  if (rule.access.find_first_not_of("rwm") != std::string::npos) {
    return reader.Fail("access", "expected a combination of r, w and m");
  }
  out->push_back(std::move(rule));
}

// Lists such as "0-3,7"; anything else never reaches a cgroup file.
void CheckCpuList(const Reader& reader, absl::string_view key,
                  const std::string& list) {
  if (list.find_first_not_of("0123456789-,") != std::string::npos) {
    reader.Fail(key, "expected a list such as 0-3,7");
  }
}

void ReadCpu(const Reader& cpu, Resources* r) {
  cpu.Unsigned("shares", &r->cpu_shares);
  cpu.Integer("quota", &r->cpu_quota, -1, INT64_MAX);
  cpu.Unsigned("period", &r->cpu_period);
  cpu.Unsigned("burst", &r->cpu_burst);
  cpu.Integer("realtimeRuntime", &r->cpu_realtime_runtime, -1, INT64_MAX);
  cpu.Unsigned("realtimePeriod", &r->cpu_realtime_period);
  cpu.Integer("idle", &r->cpu_idle, 0, 1);
  cpu.String("cpus", &r->cpuset_cpus);
  cpu.String("mems", &r->cpuset_mems);
  CheckCpuList(cpu, "cpus", r->cpuset_cpus);
  CheckCpuList(cpu, "mems", r->cpuset_mems);
}

void ReadHugepageLimit(const Reader& reader, std::vector<HugepageLimit>* out) {
  HugepageLimit limit;
  reader.String("pageSize", &limit.page_size);
  reader.Unsigned("limit", &limit.limit);
  size_t digits = limit.page_size.find_first_not_of("0123456789");
  absl::string_view unit =
      digits == std::string::npos
          ? ""
          : absl::string_view(limit.page_size).substr(digits);
  if (digits == 0 || (unit != "KB" && unit != "MB" && unit != "GB")) {
    return reader.Fail("pageSize", "expected a size such as 2MB");
  }
  out->push_back(std::move(limit));
}

// Files of the unified hierarchy are named by the config: one name, no path.
void CheckUnified(const Reader& reader,
                  const std::map<std::string, std::string>& unified) {
  for (const auto& [name, value] : unified) {
    if (name.empty() || name.find('/') != std::string::npos ||
        name.find('.') == std::string::npos || name[0] == '.') {
      return reader.Fail("unified",
                         absl::StrCat("\"", name, "\" is not a cgroup file"));
    }
  }
}

}  // namespace

void ReadResources(const Reader& reader, Resources* r) {
  reader.Each("devices",
              [&](const Reader& d) { ReadDeviceRule(d, &r->devices); });
  Reader memory = reader.Object("memory");
  memory.Integer("limit", &r->memory_limit, -1, INT64_MAX);
  memory.Integer("reservation", &r->memory_reservation, -1, INT64_MAX);
  memory.Integer("swap", &r->memory_swap, -1, INT64_MAX);
  ReadCpu(reader.Object("cpu"), r);
  reader.Object("pids").Integer("limit", &r->pids_limit, -1, INT64_MAX);
  reader.Object("blockIO").Integer("weight", &r->blkio_weight, 0, 1000);
  reader.Each("hugepageLimits", [&](const Reader& h) {
    ReadHugepageLimit(h, &r->hugepage_limits);
  });
  reader.StringMap("unified", &r->unified);
  CheckUnified(reader, r->unified);
}

void ReadSeccomp(const Reader& reader, Seccomp* seccomp) {
  reader.String("defaultAction", &seccomp->default_action);
  reader.Integer("defaultErrnoRet", &seccomp->default_errno_ret, 0, 4095);
  reader.Strings("architectures", &seccomp->architectures);
  reader.Strings("flags", &seccomp->flags);
  reader.Each("syscalls", [&](const Reader& r) {
    SeccompRule rule;
    r.Strings("names", &rule.names);
    r.String("action", &rule.action);
    r.Integer("errnoRet", &rule.errno_ret, 0, 4095);
    r.Each("args", [&](const Reader& a) {
      SeccompArg arg;
      a.Integer("index", &arg.index, 0, 5);
      a.Unsigned("value", &arg.value);
      a.Unsigned("valueTwo", &arg.value_two);
      a.String("op", &arg.op);
      rule.args.push_back(std::move(arg));
    });
    if (r.ok() && rule.names.empty()) r.Fail("names", "expected at least one");
    seccomp->rules.push_back(std::move(rule));
  });
  if (reader.ok() && seccomp->default_action.empty()) {
    reader.Fail("defaultAction", "is missing");
  }
}

absl::StatusOr<Resources> ParseResources(absl::string_view json) {
  ASSIGN_OR_RETURN(Json document, ParseJson(json, "resources"));
  absl::Status error;
  Resources resources;
  ReadResources(Reader(document, "resources", &error), &resources);
  RETURN_IF_ERROR(error);
  return resources;
}

}  // namespace runtime::spec
