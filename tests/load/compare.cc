// SPDX-License-Identifier: Apache-2.0
// That calls which answer the same question answer the same.
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "tests/load/ask.h"
#include "tests/load/load.h"

namespace tests::load {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using Runtime = v1::RuntimeService::Stub;
using Images = v1::ImageService::Stub;
using Texts = std::vector<std::string>;

constexpr char kUnknown[] = "0123456789abcdef";

[[noreturn]] void Differ(const std::string& what, const std::string& why) {
  Fail(what, {grpc::StatusCode::INTERNAL, why});
}

// What is used goes on from call to call: leaves only that it is told.
void ClearNumbers(Message& message) {
  const auto& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      if (field->is_map()) continue;
      if (!field->is_repeated()) {
        ClearNumbers(*reflection.MutableMessage(&message, field));
        continue;
      }
      for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
        ClearNumbers(*reflection.MutableRepeatedMessage(&message, field, i));
      }
    } else if (field->cpp_type() != FieldDescriptor::CPPTYPE_STRING &&
               field->cpp_type() != FieldDescriptor::CPPTYPE_ENUM) {
      reflection.ClearField(&message, field);
    }
  }
}

// A response has the objects in its one field.
void Take(const Message& response, bool is_usage, Texts& texts) {
  const FieldDescriptor* field = response.GetDescriptor()->field(0);
  const auto& reflection = *response.GetReflection();
  for (int i = 0; i < reflection.FieldSize(response, field); ++i) {
    const Message& object = reflection.GetRepeatedMessage(response, field, i);
    const std::unique_ptr<Message> copy(object.New());
    copy->CopyFrom(object);
    if (is_usage) ClearNumbers(*copy);
    texts.push_back(copy->DebugString());
  }
}

void ExpectSame(const std::string& what, const Texts& wanted,
                const Texts& got) {
  if (wanted.empty()) Differ(what, "there is nothing to compare");
  if (wanted == got) return;
  Differ(what, absl::StrCat("expected\n", absl::StrJoin(wanted, "\n"), "got\n",
                            absl::StrJoin(got, "\n")));
}

constexpr bool kExact = false, kUsage = true;

// Asks for a list and for a stream of the same; the result is the list.
template <typename Stub, typename Request, typename Response,
          typename StreamRequest, typename StreamResponse>
Response Compare(const std::string& what, bool is_usage, Stub& stub,
                 Method<Stub, Request, Response> list, const Request& request,
                 StreamMethod<Stub, StreamRequest, StreamResponse> stream,
                 const StreamRequest& stream_request) {
  Response response;
  grpc::Status status = Ask(stub, list, request, &response);
  if (!status.ok()) Fail("the list to compare with " + what, status);
  Texts wanted, got;
  Take(response, is_usage, wanted);
  status = AskStream(stub, stream, stream_request,
                     [&](auto& part) { Take(part, is_usage, got); });
  if (!status.ok()) Fail(what, status);
  ExpectSame(what, wanted, got);
  return response;
}

// The same, and by the id of the last object that one alone.
template <typename Stub, typename Request, typename Response,
          typename StreamRequest, typename StreamResponse, typename IdOf>
Response CompareAndFilter(
    const std::string& what, bool is_usage, Stub& stub,
    Method<Stub, Request, Response> list,
    StreamMethod<Stub, StreamRequest, StreamResponse> stream,
    const IdOf& last_id) {
  Request request;
  StreamRequest stream_request;
  const Response all =
      Compare(what, is_usage, stub, list, request, stream, stream_request);
  request.mutable_filter()->set_id(last_id(all));
  stream_request.mutable_filter()->set_id(last_id(all));
  const std::string by_id = what + " by id";
  Texts one;
  Take(Compare(by_id, is_usage, stub, list, request, stream, stream_request),
       is_usage, one);
  if (one.size() != 1) Differ(by_id, absl::StrCat(one.size(), " objects"));
  return all;
}

// The stats of one object, by a call for it alone, are those that the list has;
// of an object that is not there are none.
template <typename Request, typename Response, typename Stats>
void CompareOne(const std::string& what, Runtime& stub,
                Method<Runtime, Request, Response> method,
                const Request& request, const Stats& listed) {
  Response response;
  grpc::Status status = Ask(stub, method, request, &response);
  if (!status.ok()) Fail(what, status);
  Stats wanted = listed, got = response.stats();
  ClearNumbers(wanted);
  ClearNumbers(got);
  ExpectSame(what, {wanted.DebugString()}, {got.DebugString()});
}

template <typename Request, typename Response>
void ExpectNotFound(const std::string& what, Runtime& stub,
                    Method<Runtime, Request, Response> method,
                    const Request& request) {
  Response response;
  const grpc::Status status = Ask(stub, method, request, &response);
  if (status.error_code() == grpc::StatusCode::NOT_FOUND) return;
  Differ(
      what + " of an unknown id",
      absl::StrCat("code ", status.error_code(), ", ", status.error_message()));
}

void CompareContainerStats(Runtime& stub) {
  const auto all = CompareAndFilter(
      "StreamContainerStats", kUsage, stub, &Runtime::ListContainerStats,
      &Runtime::StreamContainerStats, [](auto& listed) {
        return listed.stats(listed.stats_size() - 1).attributes().id();
      });
  v1::ContainerStatsRequest request;
  for (const v1::ContainerStats& stats : all.stats()) {
    request.set_container_id(stats.attributes().id());
    CompareOne("ContainerStats", stub, &Runtime::ContainerStats, request,
               stats);
  }
  request.set_container_id(kUnknown);
  ExpectNotFound("ContainerStats", stub, &Runtime::ContainerStats, request);
}

void ComparePodStats(Runtime& stub) {
  const auto all = CompareAndFilter(
      "StreamPodSandboxStats", kUsage, stub, &Runtime::ListPodSandboxStats,
      &Runtime::StreamPodSandboxStats, [](auto& listed) {
        return listed.stats(listed.stats_size() - 1).attributes().id();
      });
  v1::PodSandboxStatsRequest request;
  for (const v1::PodSandboxStats& stats : all.stats()) {
    request.set_pod_sandbox_id(stats.attributes().id());
    CompareOne("PodSandboxStats", stub, &Runtime::PodSandboxStats, request,
               stats);
  }
  request.set_pod_sandbox_id(kUnknown);
  ExpectNotFound("PodSandboxStats", stub, &Runtime::PodSandboxStats, request);
}

}  // namespace

void CompareAnswers(Client& client) {
  Runtime& stub = client.runtime();
  CompareAndFilter("StreamPodSandboxes", kExact, stub, &Runtime::ListPodSandbox,
                   &Runtime::StreamPodSandboxes,
                   [](auto& listed) { return listed.items().rbegin()->id(); });
  CompareAndFilter("StreamContainers", kExact, stub, &Runtime::ListContainers,
                   &Runtime::StreamContainers, [](auto& listed) {
                     return listed.containers().rbegin()->id();
                   });
  CompareContainerStats(stub);
  ComparePodStats(stub);
  Compare("StreamPodSandboxMetrics", kUsage, stub,
          &Runtime::ListPodSandboxMetrics, v1::ListPodSandboxMetricsRequest(),
          &Runtime::StreamPodSandboxMetrics,
          v1::StreamPodSandboxMetricsRequest());
  Compare("StreamImages", kExact, client.images(), &Images::ListImages,
          v1::ListImagesRequest(), &Images::StreamImages,
          v1::StreamImagesRequest());
}

}  // namespace tests::load
