// SPDX-License-Identifier: Apache-2.0
#include "runtime/systemd/units.h"

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/systemd/bus.h"

namespace runtime::systemd {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(30);

struct AppendValue {
  sd_bus_message* message;
  const char* name;

  int operator()(bool value) const {
    return sd_bus_message_append(message, "(sv)", name, "b", int{value});
  }
  int operator()(uint64_t value) const {
    return sd_bus_message_append(message, "(sv)", name, "t", value);
  }
  int operator()(const std::string& value) const {
    return sd_bus_message_append(message, "(sv)", name, "s", value.c_str());
  }
};

int AppendAll(sd_bus_message* message, const Properties& properties) {
  for (const Property& property : properties) {
    const int result =
        std::visit(AppendValue{message, property.name.c_str()}, property.value);
    if (result < 0) return result;
  }
  return 0;
}

int AppendPid(sd_bus_message* message, pid_t pid) {
  return sd_bus_message_append(message, "(sv)", "PIDs", "au", 1,
                               static_cast<uint32_t>(pid));
}

// The arguments "ssa(sv)a(sa(sv))"; `pid` 0: none; `slice` "": no unit beside.
int AppendTransient(sd_bus_message* message, const std::string& unit,
                    const Properties& properties, pid_t pid,
                    const std::string& slice) {
  int result = sd_bus_message_append(message, "ss", unit.c_str(), "fail");
  if (result >= 0) {
    result = sd_bus_message_open_container(message, 'a', "(sv)");
  }
  if (result >= 0) result = AppendAll(message, properties);
  if (result >= 0 && pid != 0) result = AppendPid(message, pid);
  if (result >= 0) result = sd_bus_message_close_container(message);
  if (result < 0) return result;
  if (slice.empty()) return sd_bus_message_append(message, "a(sa(sv))", 0);
  return sd_bus_message_append(message, "a(sa(sv))", 1, slice.c_str(), 1,
                               "StopWhenUnneeded", "b", 1);
}

absl::Status StartTransient(Bus& bus, const std::string& unit,
                            const Properties& properties, pid_t pid,
                            const std::string& slice) {
  return bus.CallJob("StartTransientUnit", unit, [&](sd_bus_message* message) {
    return AppendTransient(message, unit, properties, pid, slice);
  });
}

absl::Status SetProperties(Bus& bus, const std::string& unit,
                           const Properties& properties) {
  return bus.Call("SetUnitProperties", unit, [&](sd_bus_message* message) {
    // Until the next boot, as the unit itself.
    int result = sd_bus_message_append(message, "sb", unit.c_str(), 1);
    if (result >= 0) {
      result = sd_bus_message_open_container(message, 'a', "(sv)");
    }
    if (result >= 0) result = AppendAll(message, properties);
    if (result >= 0) result = sd_bus_message_close_container(message);
    return result;
  });
}

}  // namespace

absl::Status CheckReachable() {
  ASSIGN_OR_RETURN(Bus bus, Bus::Connect(kPatience));
  return bus.Call("GetUnit", "-.slice", [](sd_bus_message* message) {
    return sd_bus_message_append(message, "s", "-.slice");
  });
}

absl::Status StartScope(const std::string& scope, const std::string& slice,
                        pid_t first) {
  const Properties properties = {
      {"Description", absl::StrCat("containers of ", scope)},
      {"Slice", slice},
      {"Delegate", true},
      // Not before other units at shutdown: the node drains itself first.
      {"DefaultDependencies", false},
      {"CollectMode", std::string("inactive-or-failed")},
      // Pods are limited by their own slice, not by the host's default.
      {"TasksMax", kInfinity},
  };
  ASSIGN_OR_RETURN(Bus bus, Bus::Connect(kPatience));
  const absl::Status made =
      StartTransient(bus, scope, properties, first, slice);
  if (!absl::IsAlreadyExists(made)) return made;
  // The slice is there, and stays as whoever made it wants; or the scope is.
  return StartTransient(bus, scope, properties, first, "");
}

absl::Status StartSlice(const std::string& slice,
                        const Properties& properties) {
  ASSIGN_OR_RETURN(Bus bus, Bus::Connect(kPatience));
  Properties all = properties;
  all.push_back({"DefaultDependencies", false});
  const absl::Status made = StartTransient(bus, slice, all, 0, "");
  if (!absl::IsAlreadyExists(made)) return made;
  RETURN_IF_ERROR(SetProperties(bus, slice, properties));
  return bus.CallJob("StartUnit", slice, [&](sd_bus_message* message) {
    return sd_bus_message_append(message, "ss", slice.c_str(), "fail");
  });
}

absl::Status Stop(const std::string& unit) {
  ASSIGN_OR_RETURN(Bus bus, Bus::Connect(kPatience));
  const absl::Status stopped =
      bus.CallJob("StopUnit", unit, [&](sd_bus_message* message) {
        return sd_bus_message_append(message, "ss", unit.c_str(), "replace");
      });
  if (!absl::IsNotFound(stopped)) RETURN_IF_ERROR(stopped);
  const absl::Status reset =
      bus.Call("ResetFailedUnit", unit, [&](sd_bus_message* message) {
        return sd_bus_message_append(message, "s", unit.c_str());
      });
  return absl::IsNotFound(reset) ? absl::OkStatus() : reset;
}

}  // namespace runtime::systemd
