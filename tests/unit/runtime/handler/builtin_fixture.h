// SPDX-License-Identifier: Apache-2.0
// BuiltinHandler with launcher and holders of fake_oci: real processes, real
// sockets, no containers. Needs root.
#ifndef CORACLE_TESTS_UNIT_RUNTIME_HANDLER_BUILTIN_FIXTURE_H_
#define CORACLE_TESTS_UNIT_RUNTIME_HANDLER_BUILTIN_FIXTURE_H_

#include <signal.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/handler/builtin.h"
#include "tests/support/handler_news.h"
#include "tests/support/status_matchers.h"

namespace runtime {

class BuiltinHandlerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root to make namespaces";
    char name[] = "/tmp/r2-handler-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    dir_ = name;
    Restart();
  }
  void TearDown() override {
    if (handler_ == nullptr) return;
    for (const std::string& id : sandboxes_) {
      EXPECT_THAT(handler_->RemoveSandbox(id), tests::IsOk());
    }
    EXPECT_THAT(*ListDir(dir_ + "/state/pods"), ::testing::IsEmpty());
    handler_.reset();
    EXPECT_THAT(StopLauncher(dir_ + "/state"), tests::IsOk());
    EXPECT_THAT(RemoveTree(dir_), tests::IsOk());
  }

  // A daemon that ends and another that takes over.
  void Restart() {
    handler_.reset();
    news_ = std::make_unique<tests::News>();
    handler_ = MakeBuiltinHandler(
        {.state_dir = dir_ + "/state", .launcher_binary = FAKE_OCI});
    handler_->SetListener(news_->Listener());
    auto found = handler_->Recover();
    ASSERT_THAT(found, tests::IsOk());
    found_ = *found;
  }

  // The new one finds a holder that does not answer.
  void RestartWhileStopped(pid_t holder) {
    handler_.reset();
    ASSERT_EQ(kill(holder, SIGSTOP), 0);
    Restart();
  }

  SandboxState StartSandbox(const std::string& id) {
    SandboxOptions options;
    options.id = id;
    options.hostname = "pod";
    sandboxes_.push_back(id);
    auto state = handler_->StartSandbox(options);
    EXPECT_THAT(state, tests::IsOk());
    return state.ok() ? *state : SandboxState();
  }

  absl::StatusOr<ContainerState> Create(const std::string& sandbox,
                                        const std::string& id,
                                        const std::string& script) {
    ContainerOptions options;
    options.sandbox_id = sandbox;
    options.id = id;
    Json config = {{"process", {{"args", {"/bin/sh", "-c", script}}}},
                   {"linux", {{"cgroupsPath", "/r2-none/" + id}}}};
    if (script == "no such command") config["process"]["args"] = {"/nope"};
    if (script == "crash") config["crash"] = true;
    options.oci_config = DumpJson(config);
    options.log_path = LogPath(id);
    options.log_cap = log_cap_;
    return handler_->CreateContainer(options);
  }
  ContainerState Run(const std::string& sandbox, const std::string& id,
                     const std::string& script) {
    EXPECT_THAT(Create(sandbox, id, script), tests::IsOk());
    auto state = handler_->StartContainer(sandbox, id);
    EXPECT_THAT(state, tests::IsOk());
    return state.ok() ? *state : ContainerState();
  }
  std::string LogPath(const std::string& id) {
    return absl::StrCat(dir_, "/log/", id, "/0.log");
  }
  // The log without its times.
  std::vector<std::string> Log(const std::string& id) {
    std::vector<std::string> lines;
    auto data = ReadFile(LogPath(id));
    EXPECT_THAT(data, tests::IsOk());
    for (absl::string_view line :
         absl::StrSplit(data.value_or(""), '\n', absl::SkipEmpty())) {
      EXPECT_GT(line.size(), 31u);
      EXPECT_EQ(line[29], 'Z');
      lines.push_back(std::string(line.substr(31)));
    }
    return lines;
  }

  std::string dir_;
  std::vector<std::string> sandboxes_;
  uint64_t log_cap_ = 0;  // of containers that are created
  std::vector<SandboxState> found_;
  std::unique_ptr<tests::News> news_;
  std::unique_ptr<Handler> handler_;
};

}  // namespace runtime

#endif  // CORACLE_TESTS_UNIT_RUNTIME_HANDLER_BUILTIN_FIXTURE_H_
