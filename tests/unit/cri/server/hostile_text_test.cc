// SPDX-License-Identifier: Apache-2.0
// Texts that are paths, control bytes or megabytes where a name should be.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <functional>

#include "runtime/base/file.h"
#include "tests/unit/cri/server/bad_input_fixture.h"

namespace cri::server {
namespace {

using grpc::StatusCode;
using ::testing::Each;

constexpr StatusCode kNotFound = StatusCode::NOT_FOUND;

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

  // Whatever the answers to requests made of `good` are.
  template <typename Stub, typename Request, typename Response>
  void Send(Stub& stub,
            grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                         Response*),
            const Request& good) {
    for (const std::string& text : Texts()) {
      for (const auto& change : Changes(good)) {
        Response response;
        const grpc::Status status = Call(stub, method, change(text), &response);
        EXPECT_LT(status.error_message().size(), 9000u);
        EXPECT_NE(status.error_code(), StatusCode::INTERNAL)
            << good.GetTypeName() << ": " << status.error_message();
      }
    }
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

TEST_F(HostileTextTest, InAnImage) {
  v1::PullImageRequest pull;
  pull.mutable_image()->set_image("busybox:1");
  ASSERT_GT(Changes(pull).size(), 20u);
  Send(*image_service_, &Images::PullImage, pull);
  Send(*image_service_, &Images::ImageStatus, v1::ImageStatusRequest());
  Send(*image_service_, &Images::RemoveImage, v1::RemoveImageRequest());
  Send(*image_service_, &Images::ListImages, v1::ListImagesRequest());
  ExpectStanding();
}

TEST_F(HostileTextTest, InWhatIsDoneToAContainer) {
  const std::string pod = RunPod();
  const std::string id = CreateContainer(pod);
  ASSERT_TRUE(Start(id).ok());
  v1::ExecRequest exec;
  exec.set_container_id(id);
  exec.add_cmd("true");
  exec.set_stdout(true);
  Send(*runtime_, &Runtime::Exec, exec);
  v1::ExecSyncRequest exec_sync;
  exec_sync.set_container_id(id);
  exec_sync.add_cmd("true");
  Send(*runtime_, &Runtime::ExecSync, exec_sync);
  v1::UpdateContainerResourcesRequest update;
  update.set_container_id(id);
  Send(*runtime_, &Runtime::UpdateContainerResources, update);
  v1::UpdatePodSandboxResourcesRequest update_pod;
  update_pod.set_pod_sandbox_id(pod);
  Send(*runtime_, &Runtime::UpdatePodSandboxResources, update_pod);
  v1::CheckpointContainerRequest checkpoint;
  checkpoint.set_container_id(id);
  checkpoint.set_location(dir_ / "root/x.tar");
  Send(*runtime_, &Runtime::CheckpointContainer, checkpoint);
  Send(*runtime_, &Runtime::UpdateRuntimeConfig,
       v1::UpdateRuntimeConfigRequest());
  ExpectStanding();
}

}  // namespace
}  // namespace cri::server
