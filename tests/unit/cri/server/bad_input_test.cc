// SPDX-License-Identifier: Apache-2.0
// What no client should send: the right code, the field's name, and no harm.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <functional>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "runtime/base/file.h"
#include "tests/unit/cri/server/server_fixture.h"

namespace cri::server {
namespace {

using grpc::StatusCode;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr StatusCode kInvalid = StatusCode::INVALID_ARGUMENT;
constexpr StatusCode kNotFound = StatusCode::NOT_FOUND;

class BadInputTest : public ServerTest {
 protected:
  static v1::RunPodSandboxRequest GoodPod() {
    v1::RunPodSandboxRequest request;
    v1::PodSandboxMetadata& metadata =
        *request.mutable_config()->mutable_metadata();
    metadata.set_name("p");
    metadata.set_uid("u");
    metadata.set_namespace_("n");
    return request;
  }
  static v1::CreateContainerRequest GoodContainer(const std::string& pod) {
    v1::CreateContainerRequest request;
    request.set_pod_sandbox_id(pod);
    request.mutable_config()->mutable_metadata()->set_name("c");
    request.mutable_config()->mutable_image()->set_image("busybox:1");
    return request;
  }

  grpc::Status Run(const v1::RunPodSandboxRequest& request, std::string* id) {
    v1::RunPodSandboxResponse response;
    grpc::Status status =
        Call(*runtime_, &Runtime::RunPodSandbox, request, &response);
    *id = response.pod_sandbox_id();
    return status;
  }
  grpc::Status Create(const v1::CreateContainerRequest& request,
                      std::string* id) {
    v1::CreateContainerResponse response;
    grpc::Status status =
        Call(*runtime_, &Runtime::CreateContainer, request, &response);
    *id = response.container_id();
    return status;
  }
  void RemovePod(const std::string& id) {
    v1::RemovePodSandboxRequest request;
    request.set_pod_sandbox_id(id);
    v1::RemovePodSandboxResponse response;
    EXPECT_TRUE(
        Call(*runtime_, &Runtime::RemovePodSandbox, request, &response).ok());
  }

  // The call is refused with `code`, and names `field`.
  template <typename Request, typename Response>
  void Refuses(grpc::Status (Runtime::*method)(grpc::ClientContext*,
                                               const Request&, Response*),
               const Request& request, StatusCode code, const char* field) {
    Response response;
    grpc::Status status = Call(*runtime_, method, request, &response);
    EXPECT_EQ(status.error_code(), code)
        << request.GetTypeName() << ": " << status.error_message();
    EXPECT_THAT(status.error_message(), HasSubstr(field))
        << request.GetTypeName();
  }
};

// Enums are open on the wire: a number that this version does not know.
constexpr int kNoSuchEnum = 77;

TEST_F(BadInputTest, RunPodSandboxNamesTheField) {
  using Config = v1::PodSandboxConfig;
  const struct {
    const char* field;
    std::function<void(Config&)> spoil;
    StatusCode code = kInvalid;
  } kRows[] = {
      {"metadata.name", [](Config& c) { c.clear_metadata(); }},
      {"metadata.name", [](Config& c) { c.mutable_metadata()->clear_name(); }},
      {"metadata.uid", [](Config& c) { c.mutable_metadata()->clear_uid(); }},
      {"metadata.namespace",
       [](Config& c) { c.mutable_metadata()->clear_namespace_(); }},
      {"hostname", [](Config& c) { c.set_hostname("../x"); }},
      {"hostname", [](Config& c) { c.set_hostname(std::string(65, 'a')); }},
      {"log_directory", [](Config& c) { c.set_log_directory("logs"); }},
      {"log_directory", [](Config& c) { c.set_log_directory("/a/../b"); }},
      {"linux.cgroup_parent",
       [](Config& c) { c.mutable_linux()->set_cgroup_parent("/a/../.."); }},
      {"linux.cgroup_parent",
       [](Config& c) { c.mutable_linux()->set_cgroup_parent("/a\nb"); }},
      {"linux.cgroup_parent",
       [](Config& c) {
         c.mutable_linux()->set_cgroup_parent(std::string("/a\0b", 4));
       }},
      {"sysctl",
       [](Config& c) {
         (*c.mutable_linux()->mutable_sysctls())["kernel.hostname"] = "x";
       }},
      {"dns_config.servers",
       [](Config& c) { c.mutable_dns_config()->add_servers("1.1.1.1\nx"); }},
      {"dns_config.searches",
       [](Config& c) { c.mutable_dns_config()->add_searches(""); }},
      {"run_as_group",
       [](Config& c) {
         c.mutable_linux()
             ->mutable_security_context()
             ->mutable_run_as_group()
             ->set_value(1);
       }},
      {"namespace_options.network",
       [](Config& c) {
         c.mutable_linux()
             ->mutable_security_context()
             ->mutable_namespace_options()
             ->set_network(v1::CONTAINER);
       }},
      {"namespace_options.network",
       [](Config& c) {
         c.mutable_linux()
             ->mutable_security_context()
             ->mutable_namespace_options()
             ->set_network(static_cast<v1::NamespaceMode>(kNoSuchEnum));
       }},
      {"namespace_options.ipc",
       [](Config& c) {
         c.mutable_linux()
             ->mutable_security_context()
             ->mutable_namespace_options()
             ->set_ipc(v1::TARGET);
       }},
      {"namespace_options.pid",
       [](Config& c) {
         c.mutable_linux()
             ->mutable_security_context()
             ->mutable_namespace_options()
             ->set_pid(v1::TARGET);
       }},
      {"namespace_options.pid",
       [](Config& c) {
         c.mutable_linux()
             ->mutable_security_context()
             ->mutable_namespace_options()
             ->set_pid(static_cast<v1::NamespaceMode>(kNoSuchEnum));
       }},
      {"port_mappings",
       [](Config& c) {
         v1::PortMapping& port = *c.add_port_mappings();
         port.set_host_port(70000);
         port.set_container_port(80);
       }},
      {"port_mappings",
       [](Config& c) {
         v1::PortMapping& port = *c.add_port_mappings();
         port.set_host_port(8080);
         port.set_container_port(80);
         port.set_protocol(static_cast<v1::Protocol>(kNoSuchEnum));
       }},
      {"config.annotations",
       [](Config& c) {
         (*c.mutable_annotations())["x"] = std::string(3 << 20, 'x');
       }},
      {"config.labels",
       [](Config& c) {
         (*c.mutable_labels())[std::string(3 << 20, 'x')] = "x";
       }},
      {"config.metadata",
       [](Config& c) {
         c.mutable_metadata()->set_name(std::string(3 << 20, 'x'));
       }},
  };
  for (const auto& row : kRows) {
    v1::RunPodSandboxRequest request = GoodPod();
    row.spoil(*request.mutable_config());
    Refuses(&Runtime::RunPodSandbox, request, row.code, row.field);
  }
  v1::RunPodSandboxRequest unknown = GoodPod();
  unknown.set_runtime_handler("kata");
  Refuses(&Runtime::RunPodSandbox, unknown, kInvalid, "runtime_handler");
  Refuses(&Runtime::RunPodSandbox, v1::RunPodSandboxRequest(), kInvalid,
          "metadata");
}

v1::LinuxContainerSecurityContext& Security(v1::ContainerConfig& config) {
  return *config.mutable_linux()->mutable_security_context();
}

TEST_F(BadInputTest, CreateContainerNamesTheField) {
  using Config = v1::ContainerConfig;
  const struct {
    const char* field;
    std::function<void(Config&)> spoil;
    StatusCode code = kInvalid;
  } kRows[] = {
      {"config.metadata.name", [](Config& c) { c.clear_metadata(); }},
      {"config.image.image", [](Config& c) { c.clear_image(); }},
      {"image \"nope\"",
       [](Config& c) { c.mutable_image()->set_image("nope"); }, kNotFound},
      {"config.log_path", [](Config& c) { c.set_log_path("../x"); }},
      {"config.working_dir", [](Config& c) { c.set_working_dir("relative"); }},
      {"command", [](Config& c) { c.add_command(std::string("a\0b", 3)); }},
      {"envs", [](Config& c) { c.add_envs()->set_key("A=B"); }},
      {"envs", [](Config& c) { c.add_envs()->set_value("no key"); }},
      {"container_path",
       [](Config& c) {
         v1::Mount& mount = *c.add_mounts();
         mount.set_host_path("/tmp");
         mount.set_container_path("relative");
       }},
      {"host_path",
       [](Config& c) {
         v1::Mount& mount = *c.add_mounts();
         mount.set_host_path("relative");
         mount.set_container_path("/x");
       }},
      {"host_path",
       [](Config& c) {
         v1::Mount& mount = *c.add_mounts();
         mount.set_host_path("/no/such/place");
         mount.set_container_path("/x");
       },
       kNotFound},
      {"recursive_read_only",
       [](Config& c) {
         v1::Mount& mount = *c.add_mounts();
         mount.set_host_path("/tmp");
         mount.set_container_path("/x");
         mount.set_recursive_read_only(true);
       }},
      {"propagation",
       [](Config& c) {
         v1::Mount& mount = *c.add_mounts();
         mount.set_host_path("/tmp");
         mount.set_container_path("/x");
         mount.set_propagation(static_cast<v1::MountPropagation>(kNoSuchEnum));
       }},
      {"devices", [](Config& c) { c.add_devices()->set_host_path("null"); }},
      {"permissions",
       [](Config& c) {
         v1::Device& device = *c.add_devices();
         device.set_host_path("/dev/null");
         device.set_permissions("rx");
       }},
      {"capabilities",
       [](Config& c) {
         Security(c).mutable_capabilities()->add_add_capabilities("FLY");
       }},
      {"run_as_group",
       [](Config& c) { Security(c).mutable_run_as_group()->set_value(1); }},
      {"run_as_user",
       [](Config& c) { Security(c).mutable_run_as_user()->set_value(-1); }},
      {"run_as_username",
       [](Config& c) {
         Security(c).mutable_run_as_user()->set_value(1);
         Security(c).set_run_as_username("root");
       }},
      {"supplemental_groups",
       [](Config& c) { Security(c).add_supplemental_groups(-5); }},
      {"supplemental_groups_policy",
       [](Config& c) {
         Security(c).set_supplemental_groups_policy(
             static_cast<v1::SupplementalGroupsPolicy>(kNoSuchEnum));
       }},
      {"namespace_options.pid",
       [](Config& c) {
         Security(c).mutable_namespace_options()->set_pid(
             static_cast<v1::NamespaceMode>(kNoSuchEnum));
       }},
      {"target_id",
       [](Config& c) {
         Security(c).mutable_namespace_options()->set_pid(v1::TARGET);
       }},
      {"security_context.seccomp",
       [](Config& c) {
         Security(c).mutable_seccomp()->set_profile_type(
             v1::SecurityProfile::Localhost);
         Security(c).mutable_seccomp()->set_localhost_ref("relative.json");
       }},
      {"security_context.seccomp",
       [](Config& c) {
         Security(c).mutable_seccomp()->set_profile_type(
             static_cast<v1::SecurityProfile::ProfileType>(kNoSuchEnum));
       }},
      {"security_context.apparmor",
       [](Config& c) {
         Security(c).mutable_apparmor()->set_profile_type(
             v1::SecurityProfile::Localhost);
       }},
      {"stop_signal",
       [](Config& c) { c.set_stop_signal(static_cast<v1::Signal>(500)); }},
      {"config.linux.resources.cpu_shares",
       [](Config& c) {
         c.mutable_linux()->mutable_resources()->set_cpu_shares(-1);
       }},
      {"config.annotations",
       [](Config& c) {
         (*c.mutable_annotations())["x"] = std::string(3 << 20, 'x');
       }},
  };
  const std::string pod = RunPod();
  int row_number = 0;
  for (const auto& row : kRows) {
    v1::CreateContainerRequest request = GoodContainer(pod);
    // Of its own name, so that none joins one that came of another row.
    request.mutable_config()->mutable_metadata()->set_name(
        absl::StrCat("c", ++row_number));
    row.spoil(*request.mutable_config());
    Refuses(&Runtime::CreateContainer, request, row.code, row.field);
  }
  Refuses(&Runtime::CreateContainer, GoodContainer(""), kInvalid, "sandbox id");
  Refuses(&Runtime::CreateContainer, GoodContainer("ffff"), kNotFound,
          "sandbox");
}

template <typename Request>
Request Id(const char* id) {
  Request request;
  if constexpr (requires { request.set_container_id(id); }) {
    request.set_container_id(id);
  } else {
    request.set_pod_sandbox_id(id);
  }
  return request;
}

TEST_F(BadInputTest, IdsAreNeitherEmptyNorUnknown) {
  // "" is a mistake everywhere, an unknown ID where something must be there.
  auto both = [&]<typename Request, typename Response>(
                  grpc::Status (Runtime::*method)(grpc::ClientContext*,
                                                  const Request&, Response*),
                  const char* noun) {
    Refuses(method, Id<Request>(""), kInvalid, noun);
    Refuses(method, Id<Request>("ffff"), kNotFound, noun);
  };
  auto empty = [&]<typename Request, typename Response>(
                   grpc::Status (Runtime::*method)(grpc::ClientContext*,
                                                   const Request&, Response*),
                   const char* noun) {
    Refuses(method, Id<Request>(""), kInvalid, noun);
    Response response;
    EXPECT_TRUE(Call(*runtime_, method, Id<Request>("ffff"), &response).ok());
  };
  both(&Runtime::PodSandboxStatus, "sandbox");
  both(&Runtime::PodSandboxStats, "sandbox");
  both(&Runtime::UpdatePodSandboxResources, "sandbox");
  both(&Runtime::StartContainer, "container");
  both(&Runtime::ContainerStatus, "container");
  both(&Runtime::ContainerStats, "container");
  both(&Runtime::UpdateContainerResources, "container");
  both(&Runtime::ReopenContainerLog, "container");
  empty(&Runtime::StopPodSandbox, "sandbox");
  empty(&Runtime::RemovePodSandbox, "sandbox");
  empty(&Runtime::StopContainer, "container");
  empty(&Runtime::RemoveContainer, "container");
}

TEST_F(BadInputTest, OtherCallsNameTheField) {
  const std::string container = CreateContainer(RunPod());
  ASSERT_TRUE(Start(container).ok());
  v1::ExecSyncRequest exec;
  exec.set_container_id(container);
  Refuses(&Runtime::ExecSync, exec, kInvalid, "cmd");
  exec.add_cmd("true");
  exec.set_timeout(-1);
  Refuses(&Runtime::ExecSync, exec, kInvalid, "timeout");
  exec.set_timeout(0);
  exec.set_container_id("ffff");
  Refuses(&Runtime::ExecSync, exec, kNotFound, "container");
  v1::UpdateContainerResourcesRequest update;
  update.set_container_id(container);
  update.mutable_windows();
  Refuses(&Runtime::UpdateContainerResources, update, kInvalid, "windows");
  v1::UpdatePodSandboxResourcesRequest pod;
  pod.set_pod_sandbox_id(RunPod());
  pod.mutable_overhead()->set_cpu_period(-1);
  Refuses(&Runtime::UpdatePodSandboxResources, pod, kInvalid,
          "overhead.cpu_period");
}

// Sets `text` where `field` says, in a message of its own if it is a list.
void SetText(google::protobuf::Message& message,
             const google::protobuf::FieldDescriptor* field,
             const std::string& text) {
  const google::protobuf::Reflection* reflection = message.GetReflection();
  if (field->is_map()) {
    google::protobuf::Message* entry = reflection->AddMessage(&message, field);
    for (int i = 0; i < 2; ++i) {
      const auto* part = field->message_type()->field(i);
      if (part->cpp_type() ==
          google::protobuf::FieldDescriptor::CPPTYPE_STRING) {
        entry->GetReflection()->SetString(entry, part, text);
      }
    }
  } else if (field->is_repeated()) {
    reflection->AddString(&message, field, text);
  } else {
    reflection->SetString(&message, field, text);
  }
}

using Visit = std::function<void(google::protobuf::Message& at,
                                 const google::protobuf::FieldDescriptor*)>;

// Calls `visit` once for each string, list of strings and map in `message` and
// what it may hold.
void EachText(google::protobuf::Message& message, int depth,
              const Visit& visit) {
  using Field = google::protobuf::FieldDescriptor;
  const google::protobuf::Reflection* reflection = message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const Field* field = message.GetDescriptor()->field(i);
    if (field->cpp_type() == Field::CPPTYPE_STRING || field->is_map()) {
      visit(message, field);
    } else if (field->cpp_type() == Field::CPPTYPE_MESSAGE && depth < 4 &&
               field->name() != "windows") {
      google::protobuf::Message* below =
          field->is_repeated() ? reflection->AddMessage(&message, field)
                               : reflection->MutableMessage(&message, field);
      EachText(*below, depth + 1, visit);
    }
  }
}

// Removes the messages that EachText made and nobody filled.
void Prune(google::protobuf::Message& message) {
  const google::protobuf::Reflection* reflection = message.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const auto* field : fields) {
    if (field->cpp_type() !=
            google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE ||
        field->is_map()) {
      continue;
    }
    google::protobuf::Message* below =
        field->is_repeated()
            ? reflection->MutableRepeatedMessage(&message, field, 0)
            : reflection->MutableMessage(&message, field);
    Prune(*below);
    if (below->ByteSizeLong() == 0) reflection->ClearField(&message, field);
  }
}

// Every text of a request in turn is made hostile. Whatever the answer is, the
// server stands, and nothing is made outside its own directories.
class HostileTextTest : public BadInputTest {
 protected:
  static std::vector<std::string> Texts() {
    return {
        "../../../x",  std::string("a\0/b", 4), "a\x1b[2J\r\nb",           "/",
        "%s%n${x}`x`", std::string(300, 'x'),   std::string(10 << 20, 'x')};
  }

  // Requests made of `good` by one change each.
  template <typename Request>
  static std::vector<std::function<Request(const std::string&)>> Changes(
      const Request& good) {
    std::vector<std::function<Request(const std::string&)>> result;
    Request shape = good;
    int count = 0;
    EachText(shape, 0, [&](auto&, auto*) { ++count; });
    for (int chosen = 0; chosen < count; ++chosen) {
      result.push_back([good, chosen](const std::string& text) {
        Request request = good;
        int at = 0;
        EachText(request, 0,
                 [&](google::protobuf::Message& message,
                     const google::protobuf::FieldDescriptor* f) {
                   if (at++ == chosen) SetText(message, f, text);
                 });
        Prune(request);
        return request;
      });
    }
    return result;
  }

  void ExpectStanding() {
    v1::VersionResponse version;
    EXPECT_TRUE(
        Call(*runtime_, &Runtime::Version, v1::VersionRequest(), &version)
            .ok());
    auto names = runtime::ListDir(dir_.path());
    ASSERT_TRUE(names.ok());
    EXPECT_THAT(*names, Each(::testing::AnyOf("root", "state", "s.sock")));
  }
};

TEST_F(HostileTextTest, InAPod) {
  auto changes = Changes(GoodPod());
  ASSERT_GT(changes.size(), 20u);
  for (const std::string& text : Texts()) {
    for (const auto& change : changes) {
      std::string id;
      grpc::Status status = Run(change(text), &id);
      EXPECT_LT(status.error_message().size(), 9000u);
      EXPECT_NE(status.error_code(), StatusCode::INTERNAL)
          << status.error_message();
      if (!id.empty()) RemovePod(id);
    }
  }
  ExpectStanding();
}

TEST_F(HostileTextTest, InAContainer) {
  const std::string pod = RunPod();
  auto changes = Changes(GoodContainer(pod));
  ASSERT_GT(changes.size(), 30u);
  for (const std::string& text : Texts()) {
    for (const auto& change : changes) {
      std::string id;
      grpc::Status status = Create(change(text), &id);
      EXPECT_LT(status.error_message().size(), 9000u);
      EXPECT_NE(status.error_code(), StatusCode::INTERNAL)
          << status.error_message();
      if (id.empty()) continue;
      v1::RemoveContainerRequest remove;
      remove.set_container_id(id);
      v1::RemoveContainerResponse removed;
      EXPECT_TRUE(
          Call(*runtime_, &Runtime::RemoveContainer, remove, &removed).ok());
    }
  }
  ExpectStanding();
}

TEST_F(HostileTextTest, InAnId) {
  RunPod();
  for (const std::string& text : Texts()) {
    v1::PodSandboxStatusRequest pod;
    pod.set_pod_sandbox_id(text);
    Refuses(&Runtime::PodSandboxStatus, pod, kNotFound, "sandbox");
    v1::ContainerStatusRequest container;
    container.set_container_id(text);
    Refuses(&Runtime::ContainerStatus, container, kNotFound, "container");
    v1::ListContainersRequest list;
    list.mutable_filter()->set_id(text);
    // Three times the longest would be more than one message.
    (*list.mutable_filter()->mutable_label_selector())[text.substr(0, 400)] =
        text.substr(0, 400);
    v1::ListContainersResponse none;
    EXPECT_TRUE(Call(*runtime_, &Runtime::ListContainers, list, &none).ok());
    EXPECT_EQ(none.containers_size(), 0);
  }
  ExpectStanding();
}

}  // namespace
}  // namespace cri::server
