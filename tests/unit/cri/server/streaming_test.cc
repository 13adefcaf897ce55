// SPDX-License-Identifier: Apache-2.0
// Exec, Attach and PortForward: what they refuse, and the URL they return.
#include <google/protobuf/message.h>

#include "gmock/gmock.h"
#include "tests/unit/cri/server/server_fixture.h"

namespace cri::server {
namespace {

using grpc::StatusCode;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

constexpr char kUrl[] = "http://127\\.0\\.0\\.1:[0-9]+/";

class StreamingTest : public ServerTest {
 protected:
  grpc::Status Exec(const v1::ExecRequest& request) {
    return Call(*runtime_, &Runtime::Exec, request, &exec_);
  }
  grpc::Status Attach(const v1::AttachRequest& request) {
    return Call(*runtime_, &Runtime::Attach, request, &attach_);
  }
  grpc::Status Forward(const v1::PortForwardRequest& request) {
    return Call(*runtime_, &Runtime::PortForward, request, &forward_);
  }
  void StopPod() {
    v1::StopPodSandboxRequest request;
    request.set_pod_sandbox_id(pod_);
    v1::StopPodSandboxResponse response;
    EXPECT_TRUE(
        Call(*runtime_, &Runtime::StopPodSandbox, request, &response).ok());
  }
  v1::ExecRequest GoodExec() {
    v1::ExecRequest request;
    request.set_container_id(container_);
    request.add_cmd("true");
    request.set_stdout(true);
    return request;
  }
  v1::AttachRequest GoodAttach() {
    v1::AttachRequest request;
    request.set_container_id(container_);
    request.set_stdout(true);
    return request;
  }
  v1::PortForwardRequest GoodForward() {
    v1::PortForwardRequest request;
    request.set_pod_sandbox_id(pod_);
    request.add_port(80);
    return request;
  }

  const std::string pod_ = RunPod();
  const std::string container_ = CreateContainer(pod_);
  v1::ExecResponse exec_;
  v1::AttachResponse attach_;
  v1::PortForwardResponse forward_;
};

void Expect(const grpc::Status& status, StatusCode code, const char* text) {
  EXPECT_EQ(status.error_code(), code) << status.error_message();
  EXPECT_THAT(status.error_message(), HasSubstr(text));
}

TEST_F(StreamingTest, EachReturnsAUrlOfItsOwn) {
  ASSERT_TRUE(Start(container_).ok());
  ASSERT_TRUE(Exec(GoodExec()).ok());
  const std::string first = exec_.url();
  EXPECT_THAT(first, MatchesRegex(std::string(kUrl) + "exec/.+"));
  ASSERT_TRUE(Exec(GoodExec()).ok());
  EXPECT_NE(exec_.url(), first);
  ASSERT_TRUE(Attach(GoodAttach()).ok());
  EXPECT_THAT(attach_.url(), MatchesRegex(std::string(kUrl) + "attach/.+"));
  ASSERT_TRUE(Forward(GoodForward()).ok());
  EXPECT_THAT(forward_.url(),
              MatchesRegex(std::string(kUrl) + "portforward/.+"));
}

TEST_F(StreamingTest, StreamsHaveToMakeSense) {
  ASSERT_TRUE(Start(container_).ok());
  v1::ExecRequest exec = GoodExec();
  exec.set_stdout(false);
  Expect(Exec(exec), StatusCode::INVALID_ARGUMENT, "stdout");
  exec.set_tty(true);
  exec.set_stdout(true);
  exec.set_stderr(true);
  Expect(Exec(exec), StatusCode::INVALID_ARGUMENT, "tty");
  exec = GoodExec();
  exec.clear_cmd();
  Expect(Exec(exec), StatusCode::INVALID_ARGUMENT, "cmd");
  v1::AttachRequest attach = GoodAttach();
  attach.set_stdout(false);
  Expect(Attach(attach), StatusCode::INVALID_ARGUMENT, "stdout");
  attach.set_tty(true);
  attach.set_stdout(true);
  Expect(Attach(attach), StatusCode::INVALID_ARGUMENT, "no terminal");
  attach.set_stderr(true);
  Expect(Attach(attach), StatusCode::INVALID_ARGUMENT, "stderr");
  v1::PortForwardRequest forward = GoodForward();
  forward.add_port(65536);
  Expect(Forward(forward), StatusCode::INVALID_ARGUMENT, "65536");
  forward.set_port(1, 0);
  Expect(Forward(forward), StatusCode::INVALID_ARGUMENT, "port");
}

TEST_F(StreamingTest, UnknownIdsAreNotFound) {
  v1::ExecRequest exec = GoodExec();
  exec.set_container_id("ffff");
  Expect(Exec(exec), StatusCode::NOT_FOUND, "ffff");
  v1::AttachRequest attach = GoodAttach();
  attach.set_container_id("ffff");
  Expect(Attach(attach), StatusCode::NOT_FOUND, "ffff");
  v1::PortForwardRequest forward = GoodForward();
  forward.set_pod_sandbox_id("ffff");
  Expect(Forward(forward), StatusCode::NOT_FOUND, "ffff");
}

TEST_F(StreamingTest, ContainersHaveToRunAndPodsToBeReady) {
  const StatusCode code = StatusCode::FAILED_PRECONDITION;
  Expect(Exec(GoodExec()), code, "not running");
  Expect(Attach(GoodAttach()), code, "not running");
  ASSERT_TRUE(Start(container_).ok());
  StopPod();
  Expect(Exec(GoodExec()), code, "not running");
  Expect(Attach(GoodAttach()), code, "not running");
  Expect(Forward(GoodForward()), code, pod_.c_str());
}

TEST_F(StreamingTest, ALivingUrlDoesNotKeepTheServer) {
  ASSERT_TRUE(Start(container_).ok());
  ASSERT_TRUE(Exec(GoodExec()).ok());
  ASSERT_TRUE(Forward(GoodForward()).ok());
  Restart();
  EXPECT_TRUE(Exec(GoodExec()).ok());
}

}  // namespace
}  // namespace cri::server
