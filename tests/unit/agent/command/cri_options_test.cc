// SPDX-License-Identifier: Apache-2.0
#include "agent/command/cri_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "agent/join/pod_subnet.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace agent::command {
namespace {

using tests::IsOk;

class CriOptionsTest : public testing::Test {
 protected:
  CriOptionsTest() { settings_.paths = config::Paths(dir_.path()); }
  void WriteConfig(const std::string& text) {
    options_.cri_config = dir_ / "config.yaml";
    ASSERT_THAT(runtime::WriteFileAtomic(options_.cri_config, text), IsOk());
  }
  ::cri::config::Config Load() {
    absl::StatusOr<::cri::server::ServerOptions> loaded =
        CriOptions(options_, settings_);
    EXPECT_THAT(loaded, IsOk());
    return loaded.ok() ? loaded->config : ::cri::config::Config();
  }

  tests::TempDir dir_;
  DaemonOptions options_;
  Settings settings_;
};

TEST_F(CriOptionsTest, TheJoinTellsWhatTheFileDoesNot) {
  WriteConfig("bridge: br7\n");
  EXPECT_EQ(Load().cluster_cidr, "");
  ASSERT_THAT(join::StorePodSubnet(settings_.paths, "10.244.0.0/16"), IsOk());
  EXPECT_EQ(Load().cluster_cidr, "10.244.0.0/16");
  EXPECT_EQ(Load().bridge, "br7");
  WriteConfig("cluster_cidr: 10.0.0.0/8\n");
  EXPECT_EQ(Load().cluster_cidr, "10.0.0.0/8");
}

TEST_F(CriOptionsTest, WhatIsNoRangeIsLeftAlone) {
  WriteConfig("");
  for (const char* text : {"cluster_cidr: everywhere\n", "- 1\n", "a: [\n"}) {
    ASSERT_THAT(runtime::MakeDirs(settings_.paths.kubelet_dir), IsOk());
    ASSERT_THAT(runtime::WriteFileAtomic(settings_.paths.cluster_facts, text),
                IsOk());
    EXPECT_EQ(Load().cluster_cidr, "") << text;
  }
}

TEST_F(CriOptionsTest, ANodeWithoutAClusterHasPodAddressesOfItsOwn) {
  WriteConfig("");
  ASSERT_THAT(join::StorePodSubnet(settings_.paths, "10.244.0.0/16"), IsOk());
  settings_.standalone = true;
  EXPECT_EQ(Load().pod_cidr, "10.88.0.0/24");
  EXPECT_EQ(Load().cluster_cidr, "");
  options_.pod_cidr = "10.5.0.0/24";
  EXPECT_EQ(Load().pod_cidr, "10.5.0.0/24");
}

}  // namespace
}  // namespace agent::command
