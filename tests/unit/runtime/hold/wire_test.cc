// SPDX-License-Identifier: Apache-2.0
#include "runtime/hold/wire.h"

#include <random>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace runtime::hold {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

Request MakeRequest() {
  return {.type = RequestType::kSpawn,
          .id = "sandbox",
          .value = -9,
          .flags = kNewNetwork | kSharePid,
          .log_path = "/l",
          .cgroups_path = "/c",
          .hostname = "pod",
          .sysctls = {{"net.ipv4.ip_forward", "1"}},
          .args = {"/usr/sbin/runc", "features"},
          .log_cap = uint64_t{1} << 40};
}

Reply MakeReply() {
  return {.type = ReplyType::kState,
          .code = 5,
          .value = 7,
          .value2 = -8,
          .text = "text",
          .state = {.id = "c", .exit_code = 3}};
}

TEST(WireTest, RequestComesBackAsEncoded) {
  Request back;
  ASSERT_TRUE(Decode(Encode(MakeRequest()), &back));
  EXPECT_EQ(back.type, RequestType::kSpawn);
  EXPECT_EQ(back.id, "sandbox");
  EXPECT_EQ(back.value, -9);
  EXPECT_EQ(back.flags, kNewNetwork | kSharePid);
  EXPECT_EQ(back.log_path, "/l");
  EXPECT_EQ(back.cgroups_path, "/c");
  EXPECT_EQ(back.hostname, "pod");
  EXPECT_THAT(back.sysctls, ElementsAre(Pair("net.ipv4.ip_forward", "1")));
  EXPECT_THAT(back.args, ElementsAre("/usr/sbin/runc", "features"));
  EXPECT_EQ(back.log_cap, uint64_t{1} << 40);
}

// A daemon that knows no limit asks for none.
TEST(WireTest, AnOlderRequestHasNoLogCap) {
  const std::string now = Encode(MakeRequest());
  Request back{.log_cap = 1};
  ASSERT_TRUE(Decode(now.substr(0, now.size() - 8), &back));
  EXPECT_THAT(back.args, ElementsAre("/usr/sbin/runc", "features"));
  EXPECT_EQ(back.log_cap, 0u);
}

// What daemon and holder of different ages agree on.
TEST(WireTest, StreamRequestsKeepTheirNumbers) {
  EXPECT_EQ(static_cast<uint32_t>(RequestType::kExecStream), 14u);
  EXPECT_EQ(static_cast<uint32_t>(RequestType::kAttach), 15u);
  EXPECT_EQ(static_cast<uint32_t>(RequestType::kCloseInput), 16u);
  EXPECT_EQ(static_cast<uint32_t>(ReplyType::kStarted), 6u);
  Request back;
  ASSERT_TRUE(Decode(Encode(Request{.type = RequestType::kAttach,
                                    .id = "c",
                                    .flags = kStreamIn | kStreamErr}),
                     &back));
  EXPECT_EQ(back.type, RequestType::kAttach);
  EXPECT_EQ(back.id, "c");
  EXPECT_EQ(back.flags, 5u);
}

TEST(WireTest, ReplyComesBackAsEncoded) {
  Reply back;
  ASSERT_TRUE(Decode(Encode(MakeReply()), &back));
  EXPECT_EQ(back.type, ReplyType::kState);
  EXPECT_EQ(back.code, 5);
  EXPECT_EQ(back.value, 7);
  EXPECT_EQ(back.value2, -8);
  EXPECT_EQ(back.text, "text");
  EXPECT_EQ(back.state.id, "c");
  EXPECT_EQ(back.state.exit_code, 3);
}

TEST(WireTest, MappingsComeBackAsEncoded) {
  Request request = MakeRequest(), back;
  request.id_maps.uids = {{0, 65536, 65536}, {65536, 7, 1}};
  request.id_maps.gids = {{0, 1000, 10}};
  request.directory = "/var/lib/coracle";
  ASSERT_TRUE(Decode(Encode(request), &back));
  EXPECT_EQ(back.id_maps.uids, request.id_maps.uids);
  EXPECT_EQ(back.id_maps.gids, request.id_maps.gids);
  EXPECT_EQ(back.directory, request.directory);
}

TEST(WireTest, WhatIsCutShortDoesNotDecode) {
  const std::string request = Encode(MakeRequest());
  // Two counts and a length, all zero, came after the first version, then the
  // arguments, then the limit of a log.
  Request bare = MakeRequest();
  bare.args.clear();
  const size_t second_version = Encode(bare).size() - 4 - 8;
  const size_t first_version = second_version - 12;
  for (size_t size = 0; size < request.size(); ++size) {
    Request back;
    EXPECT_EQ(Decode(request.substr(0, size), &back),
              size == first_version || size == second_version ||
                  size == request.size() - 8)
        << size;
  }
  const std::string reply = Encode(MakeReply());
  for (size_t size = 0; size < reply.size(); ++size) {
    Reply back;
    EXPECT_FALSE(Decode(reply.substr(0, size), &back)) << size;
  }
}

TEST(WireTest, FieldsOfALaterVersionAreSkipped) {
  Request request;
  std::string longer = Encode(MakeRequest());
  longer.append(5, 'x');
  EXPECT_TRUE(Decode(longer, &request));
}

TEST(WireTest, GarbageNeitherDecodesNorHarms) {
  std::mt19937 random(1);
  for (int round = 0; round < 20000; ++round) {
    // Half of the rounds change a good message, which reaches deeper.
    std::string data(random() % 200, '\0');
    for (char& c : data) c = static_cast<char>(random());
    if (round % 2 == 0) {
      data = Encode(MakeRequest());
      if (round % 4 == 0) data = Encode(MakeReply());
      for (int i = 0; i < 4; ++i) {
        data[random() % data.size()] = static_cast<char>(random());
      }
    }
    Request request;
    Reply reply;
    Decode(data, &request);
    Decode(data, &reply);
    EXPECT_LE(request.sysctls.size(), data.size());
    EXPECT_LE(reply.state.phases.size(), data.size());
  }
}

}  // namespace
}  // namespace runtime::hold
