// SPDX-License-Identifier: Apache-2.0
#include "agent/command/view.h"

#include <fcntl.h>
#include <stdio.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/command/log_print.h"
#include "agent/command/options.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace agent::command {
namespace {

using runtime::Json;
using testing::HasSubstr;
using testing::Not;
using tests::IsOk;

TEST(StatusViewTest, SaysWhatWaitsAndWhy) {
  const Json pods = {{{"metadata", {{"namespace", "default"}, {"name", "web"}}},
                      {"status",
                       {{"phase", "Running"},
                        {"podIP", "10.88.0.5"},
                        {"startTime", "2026-01-01T00:00:00Z"},
                        {"containerStatuses",
                         {{{"name", "web"},
                           {"ready", true},
                           {"restartCount", 2},
                           {"state", {{"running", Json::object()}}}}}}}}},
                     {{"metadata", {{"namespace", "default"}, {"name", "bad"}}},
                      {"status",
                       {{"phase", "Pending"},
                        {"containerStatuses",
                         {{{"name", "c"},
                           {"ready", false},
                           {"restartCount", 0},
                           {"state",
                            {{"waiting",
                              {{"reason", "ImagePullBackOff"},
                               {"message", "registry says 404"}}}}}}}}}}}};
  View view;
  view.runtime = "coracle 0.1.0";
  view.from_agent = true;
  view.pods = RowsOfPods(pods);
  absl::Time now;
  ASSERT_TRUE(absl::ParseTime(absl::RFC3339_full, "2026-01-01T00:10:00Z", &now,
                              nullptr));
  const std::string text = FormatView(view, now);
  EXPECT_THAT(text, HasSubstr("Runtime coracle 0.1.0: ready"));
  EXPECT_THAT(text,
              HasSubstr("default     web   1/1     Running            2"));
  EXPECT_THAT(text, HasSubstr("10.88.0.5   10m"));
  EXPECT_THAT(text, HasSubstr("default/bad container c is waiting "
                              "(ImagePullBackOff): registry says 404"));
  EXPECT_THAT(text, Not(HasSubstr("default/web container")));
}

TEST(StatusViewTest, SaysThatTheImageBudgetIsNotMet) {
  View view;
  EXPECT_THAT(FormatView(view, absl::Now()), Not(HasSubstr("budget")));
  view.image_budget = "images take\n7 B";
  EXPECT_THAT(FormatView(view, absl::Now()),
              HasSubstr("\nImage budget not met: images take 7 B\n"));
  EXPECT_EQ(ViewJson(view)["imageBudget"], view.image_budget);
}

TEST(StatusViewTest, SaysWhatIsUnderWayAndWhere) {
  const Json operations = {
      {{"call", "RunPodSandbox"},
       {"object", "default/web"},
       {"seconds", 12.4},
       {"step", "network: plugin slow: ADD"},
       {"step_seconds", 11.0},
       {"where",
        {"process 17 (slow) is in clock_nanosleep, hrtimer_nanosleep"}}},
      {{"call", "PullImage"}, {"object", "a/b:1"}, {"seconds", 0.1}}};
  View view;
  view.operations = RowsOfOperations(operations);
  EXPECT_THAT(
      FormatView(view, absl::Now()),
      HasSubstr("Under way:\n"
                "  RunPodSandbox of default/web, 12s: network: plugin slow: "
                "ADD, 11s\n"
                "    process 17 (slow) is in clock_nanosleep, "
                "hrtimer_nanosleep\n"
                "  PullImage of a/b:1, 0s\n"));
  EXPECT_EQ(ViewJson(view)["operations"][0]["where"].size(), 1u);
  EXPECT_TRUE(RowsOfOperations(Json("nonsense")).empty());
}

TEST(StatusViewTest, SaysWhatPodsWaitFor) {
  View view;
  view.pods.resize(2);
  view.pods[0].ns = view.pods[1].ns = "default";
  view.pods[0].name = "web";
  view.pods[0].uid = "1";
  AddWaits(
      {{{"uid", "1"},
        {"waits",
         {{{"text", "its volumes: configmap x not found"}, {"seconds", 7.6}},
          {{"text", "container c: is being started"}}}}},
       {{"uid", "unknown"}, {"waits", {{{"text", "x"}}}}}},
      &view.pods);
  const std::string text = FormatView(view, absl::Now());
  EXPECT_THAT(text, HasSubstr("default/web waits for its volumes: configmap x "
                              "not found; in 7s\n"
                              "default/web waits for container c: is being "
                              "started\n"));
  EXPECT_TRUE(view.pods[1].waits.empty());
}

TEST(StatusViewTest, NamesDriveNoTerminal) {
  const std::string evil = "evil\n\x1b[2J\x01";
  View view;
  view.runtime = "r";
  view.not_ready = {evil};
  view.operations.resize(1);
  view.operations[0].call = "c";
  view.operations[0].object = view.operations[0].step = evil;
  view.operations[0].where = {evil};
  view.pods.resize(1);
  PodRow& pod = view.pods[0];
  pod.ns = pod.name = pod.ip = pod.reason = pod.message = evil;
  pod.waits = {evil};
  pod.containers.resize(1);
  ContainerRow& container = pod.containers[0];
  container.name = container.reason = container.message = evil;
  const std::string text = FormatView(view, absl::Now());
  EXPECT_THAT(text, Not(HasSubstr("evil\n")));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, Not(HasSubstr("\x01")));
}

TEST(StatusViewTest, AgesAreShort) {
  const std::pair<absl::Duration, const char*> rows[] = {
      {absl::Seconds(-5), "0s"},     {absl::Seconds(119), "119s"},
      {absl::Seconds(150), "2m30s"}, {absl::Minutes(59), "59m"},
      {absl::Minutes(190), "3h10m"}, {absl::Hours(40), "40h"},
      {absl::Hours(50), "2d2h"},     {absl::Hours(24 * 30), "30d"}};
  for (const auto& [age, text] : rows) EXPECT_EQ(Age(age), text);
}

TEST(LogPrintTest, ShowsTheTextOfAnEntry) {
  bool err = false;
  EXPECT_EQ(
      ShownLine("2026-01-01T00:00:00Z stdout F hello  world", false, &err),
      "hello  world\n");
  EXPECT_FALSE(err);
  EXPECT_EQ(ShownLine("2026-01-01T00:00:00Z stderr P part", true, &err),
            "2026-01-01T00:00:00Z part");
  EXPECT_TRUE(err);
  EXPECT_EQ(ShownLine("2026-01-01T00:00:00Z stdout F ", false, &err), "\n");
  EXPECT_EQ(ShownLine("no entry", false, &err), "no entry\n");
}

TEST(LogPrintTest, TailCountsFromTheEnd) {
  const tests::TempDir dir;
  std::string text;
  for (int i = 0; i < 20000; ++i) {
    text += "t stdout F line " + std::to_string(i) + "\n";
  }
  ASSERT_THAT(runtime::WriteFileAtomic(dir / "0.log", text), IsOk());
  const std::pair<int64_t, std::string> rows[] = {
      {0, ""}, {1, "line 19999\n"}, {2, "line 19998\nline 19999\n"}};
  for (const auto& [tail, want] : rows) {
    testing::internal::CaptureStdout();
    EXPECT_THAT(PrintLog(dir / "0.log", {tail}, [] { return false; }), IsOk());
    EXPECT_EQ(testing::internal::GetCapturedStdout(), want);
  }
}

TEST(LogPrintTest, FollowsThroughRotations) {
  const tests::TempDir dir;
  const auto append = [&](const std::string& text) {
    const auto fd =
        runtime::OpenFile(dir / "0.log", O_WRONLY | O_CREAT | O_APPEND, 0600);
    ASSERT_THAT(fd, IsOk());
    EXPECT_THAT(runtime::WriteAll(fd->get(), text, "0.log"), IsOk());
  };
  append("t stdout F one\n");
  int asked = 0;
  testing::internal::CaptureStdout();
  const absl::Status printed = PrintLog(dir / "0.log", {.follow = true}, [&] {
    append("t stdout P two\n");
    for (const char* name : {"0.log.a", "0.log.b"}) {
      EXPECT_EQ(rename((dir / "0.log").c_str(), (dir / name).c_str()), 0);
      append(absl::StrCat("t stdout F , after ", name, "\n"));
    }
    return ++asked < 1;
  });
  EXPECT_THAT(printed, IsOk());
  EXPECT_EQ(testing::internal::GetCapturedStdout(),
            "one\ntwo, after 0.log.a\n, after 0.log.b\n");
}

TEST(NodeOptionsTest, NamesAreLowerCaseDns) {
  for (const char* good : {"n1", "node-1.example.com", "1"}) {
    EXPECT_THAT(CheckNodeName(good), IsOk()) << good;
  }
  for (const std::string& bad :
       {std::string(), std::string("N1"), std::string("a_b"), std::string("-a"),
        std::string("a-"), std::string("a..b"), std::string(64, 'a'),
        std::string("a/b")}) {
    EXPECT_FALSE(CheckNodeName(bad).ok()) << bad;
  }
}

TEST(NodeOptionsTest, ReadsKubeadmFlags) {
  const tests::TempDir dir;
  const config::Paths paths(dir.path());
  EXPECT_TRUE(ReadFlagsEnv(paths)->empty());
  ASSERT_THAT(runtime::MakeDirs(paths.kubelet_dir), IsOk());
  ASSERT_THAT(runtime::WriteFileAtomic(
                  paths.flags_env,
                  "KUBELET_KUBEADM_ARGS=\"--node-ip=10.0.0.1 "
                  "--node-labels=a=b,c=d --register-with-taints=\"\n"),
              IsOk());
  ASSERT_OK_AND_ASSIGN(auto flags, ReadFlagsEnv(paths));
  EXPECT_EQ(flags["node-ip"], "10.0.0.1");
  EXPECT_EQ(flags["node-labels"], "a=b,c=d");
  ASSERT_THAT(
      runtime::WriteFileAtomic(paths.flags_env, "KUBELET_KUBEADM_ARGS=\"x\"\n"),
      IsOk());
  EXPECT_THAT(ReadFlagsEnv(paths),
              tests::StatusIs(absl::StatusCode::kInvalidArgument,
                              HasSubstr("kubeadm-flags.env")));
}

TEST(NodeOptionsTest, PutsTheLocalSocketBesideOurOwnOnly) {
  EXPECT_EQ(LocalSocket("unix:///run/coracle/coracle.sock", "/"),
            "/run/coracle/agent.sock");
  EXPECT_EQ(LocalSocket("unix:///run/containerd/containerd.sock", "/srv/n"),
            "/srv/n/run/coracle/agent.sock");
}

}  // namespace
}  // namespace agent::command
