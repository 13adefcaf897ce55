// SPDX-License-Identifier: Apache-2.0
// Compares our description of CRI v1 with upstream's, as it lies in the Go
// module cache: whatever reaches the wire has to be equal.
#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "google/protobuf/compiler/parser.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "gtest/gtest.h"
#include "proto/cri/v1/api.pb.h"

namespace {

namespace pb = google::protobuf;

// Every fact that reaches the wire (or JSON), by the full name of its owner.
using Facts = std::map<std::string, std::string>;

std::string TypeOf(const pb::FieldDescriptor& field) {
  if (field.message_type() != nullptr) return field.message_type()->full_name();
  if (field.enum_type() != nullptr) return field.enum_type()->full_name();
  return field.type_name();
}

void AddEnum(const pb::EnumDescriptor& type, Facts& facts) {
  facts[type.full_name()] = "enum";
  for (int i = 0; i < type.value_count(); ++i) {
    const pb::EnumValueDescriptor& value = *type.value(i);
    facts[absl::StrCat(type.full_name(), ".", value.name())] =
        absl::StrCat("value ", value.number());
  }
}

void AddMessage(const pb::Descriptor& type, Facts& facts) {
  facts[type.full_name()] = "message";
  for (int i = 0; i < type.field_count(); ++i) {
    const pb::FieldDescriptor& field = *type.field(i);
    const pb::OneofDescriptor* oneof = field.containing_oneof();
    facts[field.full_name()] = absl::StrCat(
        "field ", field.number(), " ", field.is_repeated() ? "repeated " : "",
        field.is_packed() ? "packed " : "",
        field.has_optional_keyword() ? "optional " : "", TypeOf(field),
        oneof != nullptr ? absl::StrCat(" in oneof ", oneof->name()) : "",
        " json ", field.json_name(),
        field.options().deprecated() ? " deprecated" : "");
  }
  for (int i = 0; i < type.nested_type_count(); ++i) {
    AddMessage(*type.nested_type(i), facts);
  }
  for (int i = 0; i < type.enum_type_count(); ++i) {
    AddEnum(*type.enum_type(i), facts);
  }
}

void AddService(const pb::ServiceDescriptor& service, Facts& facts) {
  facts[service.full_name()] = "service";
  for (int i = 0; i < service.method_count(); ++i) {
    const pb::MethodDescriptor& method = *service.method(i);
    facts[method.full_name()] =
        absl::StrCat("rpc (", method.client_streaming() ? "stream " : "",
                     method.input_type()->full_name(), ") returns (",
                     method.server_streaming() ? "stream " : "",
                     method.output_type()->full_name(), ")");
  }
}

// The facts of `file` and of what it imports publicly.
void AddFile(const pb::FileDescriptor& file, Facts& facts) {
  for (int i = 0; i < file.message_type_count(); ++i) {
    AddMessage(*file.message_type(i), facts);
  }
  for (int i = 0; i < file.enum_type_count(); ++i) {
    AddEnum(*file.enum_type(i), facts);
  }
  for (int i = 0; i < file.service_count(); ++i) {
    AddService(*file.service(i), facts);
  }
  for (int i = 0; i < file.public_dependency_count(); ++i) {
    AddFile(*file.public_dependency(i), facts);
  }
}

class Failures : public pb::io::ErrorCollector,
                 public pb::DescriptorPool::ErrorCollector {
 public:
  void AddError(int line, int column, const std::string& message) override {
    ADD_FAILURE() << "line " << line + 1 << ", column " << column + 1 << ": "
                  << message;
  }
  void AddError(const std::string&, const std::string& element,
                const pb::Message*, ErrorLocation,
                const std::string& message) override {
    ADD_FAILURE() << element << ": " << message;
  }
};

// Runs the script that finds upstream's file; its complaint goes to `error`.
std::string UpstreamPath(std::string& error) {
  FILE* pipe = popen(UPSTREAM_SCRIPT " 2>&1", "re");
  if (pipe == nullptr) return "";
  std::string last;
  char line[4096];
  while (fgets(line, sizeof line, pipe) != nullptr) last = line;
  while (!last.empty() && last.back() == '\n') last.pop_back();
  if (pclose(pipe) == 0) return last;
  error = last;
  return "";
}

// Debian's protobuf does not know this option, which is about logging only.
std::string WithoutRedaction(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return absl::StrReplaceAll(text.str(), {{" [debug_redact = true]", ""}});
}

bool Parse(const std::string& text, pb::FileDescriptorProto& file) {
  Failures failures;
  pb::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
  pb::io::Tokenizer tokenizer(&stream, &failures);
  pb::compiler::Parser parser;
  parser.RecordErrorsTo(&failures);
  file.set_name("upstream.proto");
  return parser.Parse(&tokenizer, &file);
}

TEST(CriDescriptionTest, EqualsUpstreamOnTheWire) {
  std::string error;
  const std::string path = UpstreamPath(error);
  if (path.empty()) {
    GTEST_SKIP() << "Upstream's api.proto is missing: " << error << ".";
  }
  pb::FileDescriptorProto parsed;
  ASSERT_TRUE(Parse(WithoutRedaction(path), parsed)) << path;
  Failures failures;
  pb::DescriptorPool pool;
  const pb::FileDescriptor* upstream =
      pool.BuildFileCollectingErrors(parsed, &failures);
  ASSERT_NE(upstream, nullptr) << path;

  Facts theirs;
  AddFile(*upstream, theirs);
  Facts ours;
  AddFile(*runtime::v1::VersionRequest::descriptor()
               ->file()
               ->pool()
               ->FindFileByName("proto/cri/v1/api.proto"),
          ours);
  EXPECT_EQ(ours["runtime.v1.KeyValue.value"], "field 2 bytes json value");
  EXPECT_GT(ours.size(), 700u);
  for (const auto& [name, fact] : theirs) {
    const auto it = ours.find(name);
    EXPECT_EQ(it == ours.end() ? "missing here" : it->second, fact) << name;
  }
  for (const auto& [name, fact] : ours) {
    EXPECT_TRUE(theirs.contains(name)) << name << " is not in " << path;
  }
}

TEST(CriDescriptionTest, IsOneInclude) {
  // Everything below proto/cri/v1 is reachable from api.proto alone.
  const pb::FileDescriptor* api =
      pb::DescriptorPool::generated_pool()->FindFileByName(
          "proto/cri/v1/api.proto");
  ASSERT_NE(api, nullptr);
  EXPECT_EQ(api->public_dependency_count(), api->dependency_count());
  EXPECT_EQ(api->package(), "runtime.v1");
  EXPECT_FALSE(api->options().has_go_package());
}

TEST(CriDescriptionTest, EnvironmentValuesNeedNotBeUtf8) {
  runtime::v1::KeyValue sent, received;
  sent.set_key("BLOB");
  sent.set_value("\xff\xfe");
  ASSERT_TRUE(received.ParseFromString(sent.SerializeAsString()));
  EXPECT_EQ(received.value(), "\xff\xfe");
}

}  // namespace
