// SPDX-License-Identifier: Apache-2.0
// Pods of the real coracle-oci, whose image is this host's shell and a few
// tools, copied with their libraries.
#ifndef CORACLE_TESTS_COMPONENT_HOLD_POD_FIXTURE_H_
#define CORACLE_TESTS_COMPONENT_HOLD_POD_FIXTURE_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "runtime/base/json.h"
#include "runtime/handler/builtin.h"
#include "runtime/handler/handler.h"
#include "tests/support/handler_news.h"
#include "tests/support/temp_dir.h"

namespace tests {

// What a pod leaves traces in, counted on the whole host for names of ours.
struct Traces {
  std::vector<std::string> processes, cgroups, mounts;
};

class PodTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite();
  static void TearDownTestSuite();
  void SetUp() override;
  void TearDown() override;

  // A daemon that ends and another that takes over.
  void Restart();
  runtime::SandboxState StartSandbox(const std::string& id,
                                     bool share_pid = false,
                                     const runtime::ns::IdMaps& id_maps = {});
  // The config of a container that runs `script` in a shell.
  runtime::Json Config(const std::string& id, const std::string& script);
  absl::StatusOr<runtime::ContainerState> Create(const std::string& sandbox,
                                                 const std::string& id,
                                                 const runtime::Json& config,
                                                 bool stdin_open = false);
  // What `options` says of input; the rest is filled in.
  absl::StatusOr<runtime::ContainerState> Create(
      const std::string& sandbox, const std::string& id,
      const runtime::Json& config, runtime::ContainerOptions options);
  runtime::ContainerState Run(const std::string& sandbox, const std::string& id,
                              const std::string& script);
  std::string LogPath(const std::string& id) const;
  // The log without its times; "…\n" for each line.
  std::string Log(const std::string& id) const;
  Traces FindTraces() const;
  // Processes of ours that are left after at most 10 s: a killed one takes a
  // moment to die.
  std::vector<std::string> LeftProcesses() const;
  // Kilobytes of private memory.
  static int64_t PrivateMemory(pid_t pid);

  static TempDir* image_;
  std::string dir_;  // unique; its last part names cgroups, too
  std::string name_;
  // What makes containers; "" is the built-in handler.
  std::string runtime_name_;
  std::map<std::string, runtime::OciRuntime> runtimes_;
  std::vector<std::string> sandboxes_;
  std::vector<runtime::SandboxState> found_;
  std::unique_ptr<News> news_;
  std::unique_ptr<runtime::Handler> handler_;
};

}  // namespace tests

#endif  // CORACLE_TESTS_COMPONENT_HOLD_POD_FIXTURE_H_
