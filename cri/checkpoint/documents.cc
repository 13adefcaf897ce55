// SPDX-License-Identifier: Apache-2.0
#include "cri/checkpoint/documents.h"

#include <google/protobuf/util/json_util.h>
#include <sys/stat.h>

#include <string>

#include "runtime/base/json.h"

namespace cri::checkpoint {
namespace {

using runtime::Json;

constexpr char kNever[] = "0001-01-01T00:00:00Z";

std::string Time(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_full, time, absl::UTCTimeZone());
}

int64_t Nanos(absl::Time time) {
  return time == absl::InfinitePast() ? 0 : absl::ToUnixNanos(time);
}

bool IsBind(const Json& mount) {
  if (runtime::StringAt(mount, "type") == "bind") return true;
  for (const Json& option : runtime::ArrayAt(mount, "options")) {
    if (option == "bind" || option == "rbind") return true;
  }
  return false;
}

}  // namespace

std::string ConfigDump(const container::Container& container, absl::Time at) {
  const std::string& image = container.config.image().user_specified_image();
  Json dump;
  dump["id"] = container.id;
  dump["name"] = container.config.metadata().name();
  dump["rootfsImage"] =
      image.empty() ? container.config.image().image() : image;
  dump["rootfsImageName"] = dump["rootfsImage"];
  dump["rootfsImageRef"] = container.image_ref;
  dump["runtime"] = container.sandbox->runtime_handler.empty()
                        ? "coracle"
                        : container.sandbox->runtime_handler;
  dump["createdTime"] = Time(container.created_at);
  dump["checkpointedTime"] = Time(at);
  dump["restoredTime"] = kNever;
  dump["restored"] = false;
  return runtime::DumpJson(dump);
}

std::string StatusFile(const container::Container& container) {
  const container::Container::State state = container.GetState();
  Json status;
  status["CreatedAt"] = Nanos(container.created_at);
  status["StartedAt"] = Nanos(state.started_at);
  status["FinishedAt"] = 0;
  status["ExitCode"] = 0;
  status["Pid"] = state.pid;
  status["Reason"] = "";
  status["Message"] = "";
  return runtime::DumpJson(status);
}

std::string StatusDump(const container::Container& container) {
  std::string text;
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  const auto status = google::protobuf::util::MessageToJsonString(
      container::ToStatus(container), &text, options);
  return status.ok() ? text : "{}";
}

std::string BindMounts(absl::string_view oci_config) {
  const absl::StatusOr<Json> config =
      runtime::ParseJson(oci_config, "config.json");
  Json mounts = Json::array();
  if (!config.ok()) return "";
  for (const Json& mount : runtime::ArrayAt(*config, "mounts")) {
    const std::string source = runtime::StringAt(mount, "source");
    struct stat status {};
    // A source that is gone by now cannot be said to be of a type.
    if (!IsBind(mount) || stat(source.c_str(), &status) != 0) continue;
    mounts.push_back(
        {{"source", source},
         {"destination", runtime::StringAt(mount, "destination")},
         {"file_type", S_ISDIR(status.st_mode) ? "directory" : "file"},
         {"permissions", status.st_mode & 0777}});
  }
  return mounts.empty() ? "" : runtime::DumpJson(mounts);
}

}  // namespace cri::checkpoint
