// SPDX-License-Identifier: Apache-2.0
// A node of the test's own with a network by CNI, whose plugins are scripts
// that note how they were called.
#ifndef CORACLE_TESTS_COMPONENT_CNI_NETWORK_FIXTURE_H_
#define CORACLE_TESTS_COMPONENT_CNI_NETWORK_FIXTURE_H_

#include <sys/stat.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/synchronization/mutex.h"
#include "cri/network/cni/cni.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "tests/support/netns.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace cri::network {

// A plugin that notes how it was called, and does what files of its directory
// say: `fail` is written as its error, `hang` makes it wait.
inline constexpr char kFake[] = R"(#!/bin/sh
[ "$CNI_COMMAND" = VERSION ] && {
  cat "DIR/versions" 2>/dev/null ||
    echo '{"cniVersion":"1.1.0","supportedVersions":["0.3.1","0.4.0","1.0.0","1.1.0"]}'
  exit; }
echo "${0##*/} $CNI_COMMAND $CNI_CONTAINERID ${CNI_NETNS:+netns} $CNI_IFNAME" >>DIR/calls
cat >DIR/request-${0##*/}-$CNI_COMMAND
env | grep ^CNI_ >DIR/env-${0##*/}-$CNI_COMMAND
[ -e "DIR/hang-$CNI_COMMAND" ] && { sleep 600 & wait; }
[ -e "DIR/fail-${0##*/}-$CNI_COMMAND" ] && { cat "DIR/fail-${0##*/}-$CNI_COMMAND"; exit 1; }
[ "$CNI_COMMAND" = ADD ] || exit 0
case ${0##*/} in
  last) jq .prevResult DIR/request-last-ADD;;
  *) echo '{"cniVersion":"1.0.0","interfaces":[{"name":"eth0","sandbox":"'$CNI_NETNS'"}],
     "ips":[{"address":"192.0.2.7/24","interface":0},{"address":"fd00::7/64","interface":0}]}';;
esac
)";

inline constexpr char kConf[] =
    R"({"cniVersion": "1.1.0", "name": "net", "plugins": [
  {"type": "first", "own": {"a": [1]}, "capabilities": {"portMappings": true,
   "io.kubernetes.cri.pod-annotations": true, "mac": true}},
  {"type": "last", "capabilities": {"dns": true, "aliases": true,
   "bandwidth": true, "ipRanges": true}}]})";

class CniNetworkTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!node_.ok() || !pod_.ok()) {
      GTEST_SKIP() << "Network namespaces need root (CAP_SYS_ADMIN).";
    }
    for (const char* name : {"conf", "bin", "state"}) {
      ASSERT_OK(runtime::MakeDirs(dir_ / name));
    }
    options_.state_dir = dir_ / "state";
    options_.owner = dir_ / "root";
    options_.conf_dir = dir_ / "conf";
    options_.bin_dirs = {dir_ / "bin"};
    options_.cache_dir = dir_ / "cache";
    options_.netns_dir = dir_ / "netns";
    pod_network_ = {.sandbox_id = "a1",
                    .name = "web",
                    .pod_namespace = "default",
                    .uid = "u-1",
                    .hostname = "web-host",
                    .netns_fd = pod_.fd()};
  }
  void TearDown() override {
    network_.reset();
    // Whatever a test leaves attached would keep its namespace.
    tests::Shell("umount " + (dir_ / "netns/*") + " 2>/dev/null");
  }

  void Write(const std::string& name, const std::string& text,
             mode_t mode = 0644) {
    std::ofstream(dir_ / name) << text;
    chmod((dir_ / name).c_str(), mode);
  }
  void WriteFakes() {
    for (const char* name : {"bin/first", "bin/last"}) {
      Write(name, absl::StrReplaceAll(kFake, {{"DIR", dir_.path()}}), 0755);
    }
  }
  std::string Text(const std::string& name) {
    return runtime::ReadFile(dir_ / name).value_or("");
  }
  runtime::Json Request(const std::string& name) {
    return runtime::ParseJson(Text("request-" + name), name)
        .value_or(runtime::Json());
  }
  void Start() {
    node_.Run([this] { StartHere(); });
  }
  // In the calling thread's namespace, with its privileges.
  void StartHere() {
    network_ = MakeCniNetwork(options_);
    network_->SetListener([this](const Readiness& now) {
      absl::MutexLock lock(&mutex_);
      told_.push_back(now);
    });
  }
  // The last readiness that the network told by itself, once `message` is in
  // it. The kernel tells of changed files: two seconds are for a busy machine.
  bool WasTold(const std::string& message) {
    const auto told = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
      return !told_.empty() &&
             told_.back().message.find(message) != std::string::npos &&
             told_.back().ready == message.empty();
    };
    absl::MutexLock lock(&mutex_);
    return mutex_.AwaitWithTimeout(absl::Condition(&told), absl::Seconds(2));
  }
  Readiness Ready() {
    Readiness ready;
    node_.Run([&] { ready = network_->Ready(); });
    return ready;
  }
  absl::StatusOr<PodAddresses> AddPod() {
    absl::StatusOr<PodAddresses> result;
    node_.Run([&] { result = network_->Setup(pod_network_); });
    return result;
  }
  absl::Status RemovePod(const std::string& id = "a1") {
    absl::Status status;
    node_.Run([&] { status = network_->Teardown({.sandbox_id = id}); });
    return status;
  }
  // What a server does at its start.
  void Sweep(const std::vector<PodNetwork>& living) {
    node_.Run([&] {
      const std::vector<std::string> left = network_->Recover(living);
      network_->Collect();
      for (const std::string& id : left) {
        EXPECT_OK(network_->Teardown({.sandbox_id = id}));
      }
    });
  }
  std::vector<std::string> Files(const std::string& name) {
    return runtime::ListDir(dir_ / name).value_or(std::vector<std::string>());
  }

  tests::TempDir dir_;
  tests::NetNs node_, pod_;
  CniOptions options_;
  PodNetwork pod_network_;
  std::unique_ptr<Network> network_;
  absl::Mutex mutex_;
  std::vector<Readiness> told_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cri::network

#endif  // CORACLE_TESTS_COMPONENT_CNI_NETWORK_FIXTURE_H_
