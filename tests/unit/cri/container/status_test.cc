// SPDX-License-Identifier: Apache-2.0
#include "cri/container/container.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace cri::container {
namespace {

namespace v1 = ::runtime::v1;
using runtime::ContainerPhase;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class StatusTest : public ::testing::Test {
 protected:
  StatusTest() {
    container_.id = "cccc";
    container_.sandbox = std::make_shared<sandbox::Sandbox>(&executor_);
    container_.sandbox->id = "ssss";
    container_.config.mutable_metadata()->set_name("web");
    container_.config.mutable_image()->set_image("busybox:1");
    container_.image_ref = "busybox@sha256:1";
    container_.created_at = absl::Now();
  }

  void Exit(int code, bool oom, bool started, const std::string& message) {
    runtime::ContainerState state;
    state.phase = ContainerPhase::kExited;
    state.exit_code = code;
    state.oom_killed = oom;
    state.message = message;
    if (started) state.started_at = absl::Now();
    state.finished_at = absl::Now();
    EXPECT_TRUE(container_.Advance(state));
  }

  runtime::Executor executor_{"test", 1};
  Container container_;
};

TEST_F(StatusTest, CreatedHasNoTimesButItsOwn) {
  v1::ContainerStatus status = ToStatus(container_);
  EXPECT_EQ(status.state(), v1::CONTAINER_CREATED);
  EXPECT_GT(status.created_at(), 0);
  EXPECT_EQ(status.started_at(), 0);
  EXPECT_EQ(status.finished_at(), 0);
  EXPECT_EQ(status.reason(), "");
}

TEST_F(StatusTest, CleanExitIsCompleted) {
  Exit(0, false, true, "");
  EXPECT_EQ(ToStatus(container_).reason(), "Completed");
}

TEST_F(StatusTest, OtherExitIsError) {
  Exit(143, false, true, "");
  EXPECT_EQ(ToStatus(container_).reason(), "Error");
  EXPECT_EQ(ToStatus(container_).exit_code(), 143);
}

TEST_F(StatusTest, OomKillIsNamed) {
  Exit(137, true, true, "");
  EXPECT_EQ(ToStatus(container_).reason(), "OOMKilled");
  EXPECT_EQ(ToStatus(container_).exit_code(), 137);
}

TEST_F(StatusTest, FailedStartIsStartError) {
  Exit(128, false, false, "exec /nope: No such file or directory");
  v1::ContainerStatus status = ToStatus(container_);
  EXPECT_EQ(status.reason(), "StartError");
  EXPECT_EQ(status.exit_code(), 128);
  EXPECT_EQ(status.message(), "exec /nope: No such file or directory");
}

TEST_F(StatusTest, OnlyRequestedMountsAreListed) {
  v1::Mount* mount = container_.config.add_mounts();
  mount->set_container_path("/data");
  mount->set_host_path("/srv");
  EXPECT_EQ(ToStatus(container_).mounts_size(), 1);
}

TEST_F(StatusTest, PhaseNeverGoesBack) {
  Exit(3, false, true, "");
  runtime::ContainerState late;
  late.phase = ContainerPhase::kRunning;
  EXPECT_FALSE(container_.Advance(late));
  EXPECT_FALSE(container_.MarkLost());
  EXPECT_EQ(ToStatus(container_).exit_code(), 3);
}

TEST_F(StatusTest, RecordKeepsEverything) {
  container_.identity.groups = {1, 2};
  container_.stop_signal = 3;
  container_.log_path = "/log/x";
  Exit(3, true, true, "why");
  Container copy;
  copy.id = container_.id;
  copy.sandbox = container_.sandbox;
  ASSERT_OK(copy.FromRecord(container_.ToRecord()));
  EXPECT_EQ(ToStatus(copy).DebugString(), ToStatus(container_).DebugString());
  EXPECT_EQ(ToListItem(copy).DebugString(),
            ToListItem(container_).DebugString());
}

TEST_F(StatusTest, BadRecordIsRefused) {
  runtime::Json body = container_.ToRecord();
  body["phase"] = 9;
  EXPECT_FALSE(Container().FromRecord(body).ok());
  body = container_.ToRecord();
  body["config"] = "!!!";
  EXPECT_FALSE(Container().FromRecord(body).ok());
  EXPECT_FALSE(Container().FromRecord(runtime::Json::array()).ok());
}

TEST_F(StatusTest, FilterFieldsAreAnded) {
  (*container_.config.mutable_labels())["app"] = "web";
  v1::ContainerFilter filter;
  EXPECT_TRUE(Matches(container_, filter));
  filter.set_id("cc");
  filter.set_pod_sandbox_id("ss");
  (*filter.mutable_label_selector())["app"] = "web";
  filter.mutable_state()->set_state(v1::CONTAINER_CREATED);
  EXPECT_TRUE(Matches(container_, filter));
  filter.mutable_state()->set_state(v1::CONTAINER_RUNNING);
  EXPECT_FALSE(Matches(container_, filter));
  filter.clear_state();
  filter.set_pod_sandbox_id("other");
  EXPECT_FALSE(Matches(container_, filter));
}

TEST(NewsTest, WhatIsLateIsToldBeforeWhatCameAfter) {
  Container container;
  EXPECT_THAT(container.TakeNews(v1::CONTAINER_CREATED_EVENT),
              ElementsAre(v1::CONTAINER_CREATED_EVENT));
  runtime::ContainerState state;
  state.phase = ContainerPhase::kRunning;
  state.started_at = absl::UnixEpoch();
  ASSERT_TRUE(container.Advance(state));
  state.phase = ContainerPhase::kExited;
  ASSERT_TRUE(container.Advance(state));
  EXPECT_THAT(
      container.TakeNews(v1::CONTAINER_DELETED_EVENT),
      ElementsAre(v1::CONTAINER_STARTED_EVENT, v1::CONTAINER_STOPPED_EVENT,
                  v1::CONTAINER_DELETED_EVENT));
  EXPECT_THAT(container.TakeNews(v1::CONTAINER_STARTED_EVENT), IsEmpty());
  EXPECT_THAT(container.TakeNews(v1::CONTAINER_STOPPED_EVENT), IsEmpty());
}

TEST(NewsTest, WhatNeverRanHasNoStartAndNoStop) {
  Container container;
  EXPECT_THAT(
      container.TakeNews(v1::CONTAINER_DELETED_EVENT),
      ElementsAre(v1::CONTAINER_CREATED_EVENT, v1::CONTAINER_DELETED_EVENT));
}

}  // namespace
}  // namespace cri::container
