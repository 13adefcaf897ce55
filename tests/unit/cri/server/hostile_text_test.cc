// SPDX-License-Identifier: Apache-2.0
// Texts that are paths, control bytes or megabytes where a name should be.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/text_format.h>
#include <grpcpp/generic/generic_stub.h>

#include <functional>
#include <map>
#include <memory>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cri/server/methods.h"
#include "proto/cri/v1/api.pb.h"
#include "runtime/base/file.h"
#include "tests/unit/cri/server/bad_input_fixture.h"

namespace cri::server {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;
using grpc::StatusCode;
using ::testing::Each;

// Sets `text` where `field` says, in a message of its own if it is a list.
void SetText(Message& message, const FieldDescriptor* field,
             const std::string& text) {
  const google::protobuf::Reflection* reflection = message.GetReflection();
  if (field->is_map()) {
    Message* entry = reflection->AddMessage(&message, field);
    for (int i = 0; i < 2; ++i) {
      const auto* part = field->message_type()->field(i);
      if (part->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
        entry->GetReflection()->SetString(entry, part, text);
      }
    }
  } else if (field->is_repeated()) {
    reflection->AddString(&message, field, text);
  } else {
    reflection->SetString(&message, field, text);
  }
}

using Visit = std::function<void(Message& at, const FieldDescriptor*)>;

// Calls `visit` once for each string, list of strings and map in `message` and
// what it may hold.
void EachText(Message& message, int depth, const Visit& visit) {
  using Field = FieldDescriptor;
  const google::protobuf::Reflection* reflection = message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const Field* field = message.GetDescriptor()->field(i);
    if (field->cpp_type() == Field::CPPTYPE_STRING || field->is_map()) {
      visit(message, field);
    } else if (field->cpp_type() == Field::CPPTYPE_MESSAGE && depth < 4 &&
               field->name() != "windows") {
      Message* below = field->is_repeated()
                           ? reflection->AddMessage(&message, field)
                           : reflection->MutableMessage(&message, field);
      EachText(*below, depth + 1, visit);
    }
  }
}

// Removes the messages that EachText made and nobody filled.
void Prune(Message& message) {
  const google::protobuf::Reflection* reflection = message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const auto* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE ||
        field->is_map()) {
      continue;
    }
    Message* below =
        field->is_repeated()
            ? reflection->MutableRepeatedMessage(&message, field, 0)
            : reflection->MutableMessage(&message, field);
    Prune(*below);
    if (below->ByteSizeLong() == 0) reflection->ClearField(&message, field);
  }
}

std::unique_ptr<Message> CopyOf(const Message& message) {
  std::unique_ptr<Message> copy(message.New());
  copy->CopyFrom(message);
  return copy;
}

// The texts that a request like `good` has or may have.
std::vector<const FieldDescriptor*> TextsOf(const Message& good) {
  std::vector<const FieldDescriptor*> fields;
  EachText(*CopyOf(good), 0, [&](Message&, const FieldDescriptor* field) {
    fields.push_back(field);
  });
  return fields;
}

// `good`, but with `text` as the one that is TextsOf(good)[chosen].
std::unique_ptr<Message> Changed(const Message& good, size_t chosen,
                                 const std::string& text) {
  std::unique_ptr<Message> request = CopyOf(good);
  size_t at = 0;
  EachText(*request, 0, [&](Message& message, const FieldDescriptor* field) {
    if (at++ == chosen) SetText(message, field, text);
  });
  Prune(*request);
  return request;
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

  // By its path on the wire, which is the same for one answer and for many.
  // `bytes` grows by what the answers hold.
  grpc::Status Ask(const MethodDescriptor& method, const Message& request,
                   size_t* bytes) {
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::seconds(20));
    grpc::CompletionQueue queue;
    const auto is_done = [&queue] {
      void* tag = nullptr;
      bool ok = false;
      return queue.Next(&tag, &ok) && ok;
    };
    auto call = stub.PrepareCall(
        &context,
        absl::StrCat("/", method.service()->full_name(), "/", method.name()),
        &queue);
    call->StartCall(nullptr);
    is_done();
    call->WriteLast(*Serialize(request), grpc::WriteOptions(), nullptr);
    is_done();
    grpc::ByteBuffer answer;
    for (;;) {
      call->Read(&answer, nullptr);
      if (!is_done()) break;
      *bytes += answer.Length();
    }
    grpc::Status status;
    call->Finish(&status, nullptr);
    EXPECT_TRUE(is_done());
    return status;
  }

  // A request of the method that is about `pod` or `container`, if about any.
  static std::unique_ptr<Message> GoodRequest(const MethodDescriptor& method,
                                              const std::string& pod,
                                              const std::string& container) {
    static const auto& kMore = *new std::map<std::string, std::string>{
        {"Attach", "stdout: true"},
        {"CheckpointContainer", "location: '/no/such/directory/x.tar'"},
        {"Exec", "cmd: 'true' stdout: true"},
        {"ExecSync", "cmd: 'true'"},
        {"PortForward", "port: 80"},
        {"PullImage", "image { image: 'busybox:1' }"}};
    std::unique_ptr<Message> request(
        google::protobuf::MessageFactory::generated_factory()
            ->GetPrototype(method.input_type())
            ->New());
    if (const auto more = kMore.find(method.name()); more != kMore.end()) {
      EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(more->second,
                                                                request.get()));
    }
    for (const auto& [name, id] : {std::pair("pod_sandbox_id", pod),
                                   std::pair("container_id", container)}) {
      const FieldDescriptor* field = method.input_type()->FindFieldByName(name);
      if (field != nullptr) SetText(*request, field, id);
    }
    return request;
  }

  void ExpectNoDamage(const grpc::Status& status, const std::string& what) {
    EXPECT_LT(status.error_message().size(), 9000u) << what;
    EXPECT_NE(status.error_code(), StatusCode::INTERNAL)
        << what << ": " << status.error_message();
    EXPECT_NE(status.error_code(), StatusCode::UNAVAILABLE) << what;
  }

  // Each text of `good`, one at a time. What is looked for by it is not there.
  void AskHostile(const MethodDescriptor& method, const Message& good) {
    // To end what is not there is no mistake.
    const bool ends = absl::StartsWith(method.name(), "Stop") ||
                      absl::StartsWith(method.name(), "Remove");
    const std::vector<const FieldDescriptor*> fields = TextsOf(good);
    for (const std::string& text : Texts()) {
      for (size_t i = 0; i < fields.size(); ++i) {
        const FieldDescriptor& field = *fields[i];
        const std::string what = absl::StrCat(
            method.name(), ", ", field.full_name(), ": ", text.substr(0, 20));
        size_t bytes = 0;
        const grpc::Status status =
            Ask(method, *Changed(good, i, text), &bytes);
        ExpectNoDamage(status, what);
        if (absl::EndsWith(field.containing_type()->name(), "Filter")) {
          EXPECT_EQ(bytes, 0u) << what;
        }
        if (field.containing_type() == method.input_type() &&
            absl::EndsWith(field.name(), "_id")) {
          EXPECT_EQ(status.error_code(),
                    ends ? StatusCode::OK : StatusCode::NOT_FOUND)
              << what << ": " << status.error_message();
        }
      }
    }
  }

  static std::vector<const MethodDescriptor*> Methods() {
    // Without a use the linker leaves what describes the services out.
    const void* volatile used =
        &::descriptor_table_proto_2fcri_2fv1_2fapi_2eproto;
    EXPECT_NE(used, nullptr);
    std::vector<const MethodDescriptor*> methods;
    for (const char* name : {v1::RuntimeService::service_full_name(),
                             v1::ImageService::service_full_name()}) {
      const auto* service =
          google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(
              name);
      for (int i = 0; i < service->method_count(); ++i) {
        methods.push_back(service->method(i));
      }
    }
    return methods;
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
  const size_t count = TextsOf(GoodPod()).size();
  ASSERT_GT(count, 20u);
  for (const std::string& text : Texts()) {
    for (size_t i = 0; i < count; ++i) {
      v1::RunPodSandboxRequest request;
      request.CopyFrom(*Changed(GoodPod(), i, text));
      std::string id;
      ExpectNoDamage(Run(request, &id), "RunPodSandbox");
      if (!id.empty()) RemovePod(id);
    }
  }
  ExpectStanding();
}

TEST_F(HostileTextTest, InAContainer) {
  const v1::CreateContainerRequest good = GoodContainer(RunPod());
  const size_t count = TextsOf(good).size();
  ASSERT_GT(count, 30u);
  for (const std::string& text : Texts()) {
    for (size_t i = 0; i < count; ++i) {
      v1::CreateContainerRequest request;
      request.CopyFrom(*Changed(good, i, text));
      std::string id;
      ExpectNoDamage(Create(request, &id), "CreateContainer");
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

TEST_F(HostileTextTest, InEveryOtherCall) {
  const std::string pod = RunPod();
  const std::string container = CreateContainer(pod);
  ASSERT_TRUE(Start(container).ok());
  std::set<std::string> asked;
  for (const MethodDescriptor* method : Methods()) {
    if (method->name() == "RunPodSandbox" ||
        method->name() == "CreateContainer") {
      continue;  // above
    }
    const auto good = GoodRequest(*method, pod, container);
    if (TextsOf(*good).empty()) continue;
    AskHostile(*method, *good);
    asked.insert(method->name());
  }
  EXPECT_THAT(asked, ::testing::IsSupersetOf(
                         {"Attach", "PortForward", "ListPodSandbox",
                          "StreamContainers", "StartContainer", "RemoveImage",
                          "ListContainerStats", "ReopenContainerLog"}));
  ExpectStanding();
}

// Clients of other languages may send them; no library takes them.
TEST_F(HostileTextTest, ThatIsNotUtf8) {
  for (const MethodDescriptor* method : Methods()) {
    const auto good = GoodRequest(*method, "p", "c");
    const std::vector<const FieldDescriptor*> fields = TextsOf(*good);
    for (size_t i = 0; i < fields.size(); ++i) {
      // The value of a variable may be any bytes.
      if (fields[i]->type() == FieldDescriptor::TYPE_BYTES) continue;
      const std::string what =
          absl::StrCat(method->name(), ", ", fields[i]->full_name());
      size_t bytes = 0;
      const grpc::Status status =
          Ask(*method, *Changed(*good, i, "\xff\xfe"), &bytes);
      EXPECT_EQ(status.error_code(), StatusCode::INTERNAL) << what;
      EXPECT_THAT(status.error_message(), ::testing::HasSubstr(absl::StrCat(
                                              method->input_type()->full_name(),
                                              ": ", "cannot be parsed")))
          << what;
      EXPECT_EQ(bytes, 0u) << what;
    }
  }
  ExpectStanding();
}

}  // namespace
}  // namespace cri::server
