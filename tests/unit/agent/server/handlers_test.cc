// SPDX-License-Identifier: Apache-2.0
#include "agent/server/handlers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent/server/fake_pods.h"

namespace agent::server {
namespace {

using runtime::Json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class HandlersTest : public ::testing::Test {
 protected:
  HandlersTest() {
    options_.node_name = "node-1";
    options_.pods = &pods_;
    options_.pod_usage = [] { return std::vector<PodUsage>(); };
    options_.pod_logs_dir = pods_.root();
    options_.authentication.anonymous = true;
    options_.authorization.webhook = false;
    options_.configz = {{"kind", "KubeletConfiguration"}};
  }
  Answer Ask(const std::string& target, const std::string& method = "GET") {
    return Handlers(options_).Handle(*ParseTarget(method, target), {});
  }
  FakePods pods_;
  Options options_;
};

TEST_F(HandlersTest, MetricsTellOfPullsIfTheRuntimeDoes) {
  EXPECT_THAT(Ask("/metrics").response.body,
              Not(HasSubstr("coracle_image_pull")));
  options_.pulls = [] {
    return std::vector<ImagePull>{{"a\"b:1", 100, 40}, {"unknown", 0, 0}};
  };
  EXPECT_THAT(
      Ask("/metrics").response.body,
      AllOf(HasSubstr("\ncoracle_image_pulls 2\n"), Not(HasSubstr("unknown")),
            HasSubstr("\ncoracle_image_pull_size_bytes{image=\"a\\\"b:1\"} "
                      "100\n"),
            HasSubstr("\ncoracle_image_pull_done_bytes{image=\"a\\\"b:1\"} "
                      "40\n")));
  options_.pulls = [] { return std::vector<ImagePull>{}; };
  EXPECT_THAT(Ask("/metrics").response.body,
              AllOf(HasSubstr("\ncoracle_image_pulls 0\n"),
                    Not(HasSubstr("coracle_image_pull_"))));
  options_.pulls = [] { return absl::UnavailableError("gone"); };
  const Response response = Ask("/metrics").response;
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.body, Not(HasSubstr("coracle_image_pull")));
}

TEST_F(HandlersTest, AnswersEachPath) {
  const struct {
    const char *method, *target;
    int status;
    const char* text;
  } kRows[] = {
      {"GET", "/healthz", 200, "ok"},
      {"GET", "/healthz/ping", 200, "ok"},
      {"GET", "/healthz/syncloop", 200, "ok"},
      {"GET", "/healthz/other", 404, "404 page not found"},
      {"GET", "/healthz/ping/x", 404, "404 page not found"},
      {"GET", "/pods", 200, "\"kind\":\"PodList\""},
      {"GET", "/pods/", 200, "\"phase\":\"Running\""},
      {"POST", "/pods", 405, "Method Not Allowed"},
      {"GET", "/pods/x", 404, ""},
      {"GET", "/runningpods/", 200, "\"image\":\"i\""},
      {"GET", "/metrics", 200, "kubelet_running_pods 1\n"},
      {"GET", "/metrics", 200, "kubelet_node_name{node=\"node-1\"} 1\n"},
      {"GET", "/metrics", 200,
       "kubelet_running_containers{container_state=\"running\"} 1\n"},
      {"GET", "/metrics", 200, "process_resident_memory_bytes "},
      {"GET", "/metrics/resource", 200, "resource_scrape_error 0\n"},
      {"GET", "/metrics/other", 404, ""},
      {"GET", "/configz", 200, "{\"kubeletconfig\":{\"kind\":"},
      {"POST", "/exec/ns/p/c?command=ls", 501,
       "exec is not implemented on this node"},
      {"GET", "/attach/ns/p/c", 501, "attach is not implemented"},
      {"POST", "/portForward/ns/p", 501, "portForward is not implemented"},
      {"GET", "/", 404, ""},
      {"GET", "/debug/pprof/", 404, ""},
      {"GET", "/containerLogs/ns/p", 404, "404 page not found"},
      {"POST", "/containerLogs/ns/p/c", 405, "Method Not Allowed"},
      {"GET", "/containerLogs/ns/x/c", 404, "pod \"x\" does not exist"},
      {"GET", "/containerLogs/ns/p/x", 404,
       "container \"x\" not found in pod \"p\""},
      {"GET", "/containerLogs/ns/p/c?previous=true", 400,
       "previous terminated container \"c\" in pod \"p\" not found"},
      {"GET", "/containerLogs/ns/p/c?tailLines=-1", 422, "Invalid request"},
      {"GET", "/containerLogs/ns/p/c?tailLines=x", 400, "Unable to decode"},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(std::string(row.method) + " " + row.target);
    Answer answer = Ask(row.target, row.method);
    EXPECT_EQ(answer.log, nullptr);
    EXPECT_EQ(answer.response.status, row.status);
    EXPECT_THAT(answer.response.body, HasSubstr(row.text));
  }
}

TEST_F(HandlersTest, ReasonWhyThereIsNoLogReachesTheUser) {
  pods_.SetLogError(absl::FailedPreconditionError(
      "container \"c\" in pod \"p\" is waiting to start: ContainerCreating"));
  Answer answer = Ask("/containerLogs/ns/p/c");
  EXPECT_EQ(answer.response.status, 400);
  EXPECT_EQ(answer.response.body,
            "container \"c\" in pod \"p\" is waiting to start: "
            "ContainerCreating");
}

TEST_F(HandlersTest, LogIsOpenedAndItsContainerWatched) {
  Answer answer = Ask("/containerLogs/ns/p/c?follow=true");
  ASSERT_NE(answer.log, nullptr);
  EXPECT_TRUE(answer.log->follow());
  EXPECT_EQ(answer.log_directory, pods_.root() + "/ns_p_u/c");
  EXPECT_TRUE(answer.writing());
  pods_.SetId("id-2");
  EXPECT_FALSE(answer.writing()) << "another attempt is another container";
  pods_.SetId("id-1");
  pods_.SetRunning(false);
  EXPECT_FALSE(answer.writing());
}

TEST_F(HandlersTest, DebuggingHandlersCanBeSwitchedOff) {
  options_.debugging_handlers = false;
  EXPECT_EQ(Ask("/containerLogs/ns/p/c").response.status, 404);
  EXPECT_EQ(Ask("/exec/ns/p/c", "POST").response.status, 404);
  EXPECT_EQ(Ask("/configz").response.status, 404);
  EXPECT_EQ(Ask("/pods").response.status, 200);
}

TEST_F(HandlersTest, SickSyncLoopShows) {
  options_.sync_loop = [] { return absl::UnavailableError("stuck"); };
  EXPECT_EQ(Ask("/healthz").response.status, 500);
  EXPECT_THAT(Ask("/healthz/syncloop").response.body, HasSubstr("stuck"));
  EXPECT_EQ(Ask("/healthz/ping").response.status, 200);
}

TEST_F(HandlersTest, StandaloneNodesShowTheirHealthAndNothingElse) {
  options_.authentication.anonymous = false;
  options_.authorization.webhook = true;
  EXPECT_EQ(Ask("/healthz").response.status, 200);
  EXPECT_EQ(Ask("/healthz/ping").response.status, 200);
  EXPECT_EQ(Ask("/pods").response.status, 401);
  EXPECT_EQ(Ask("/configz").response.status, 401);
  EXPECT_EQ(Ask("/metrics").response.status, 401);
  EXPECT_EQ(Ask("/").response.status, 401);
}

TEST_F(HandlersTest, StrangersAndTheForbiddenAreTurnedAway) {
  options_.authentication.anonymous = false;
  EXPECT_EQ(Ask("/pods").response.status, 401);
  EXPECT_EQ(Ask("/none").response.status, 401);
  options_.authentication.anonymous = true;
  options_.authorization.webhook = true;
  Answer answer = Ask("/pods");
  EXPECT_EQ(answer.response.status, 403);
  EXPECT_EQ(answer.response.body,
            "Forbidden (user=system:anonymous, verb=get, resource=nodes, "
            "subresource(s)=[pods proxy])");
}

}  // namespace
}  // namespace agent::server
