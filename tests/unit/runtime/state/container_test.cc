// SPDX-License-Identifier: Apache-2.0
#include "runtime/state/container.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace runtime::state {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

ContainerRecord MakeRecord() {
  ContainerRecord record;
  record.id = "c1";
  record.phase = Phase::kExited;
  record.pid = 42;
  record.created_ns = 1;
  record.started_ns = -2;
  record.finished_ns = 1LL << 60;
  record.exit_code = 137;
  record.oom_killed = true;
  record.message = "why";
  record.phases = {{"mount", 5}, {"exec", 6}};
  return record;
}

TEST(ContainerRecordTest, ComesBackAsEncoded) {
  ContainerRecord record;
  ASSERT_TRUE(Decode(Encode(MakeRecord()), &record));
  EXPECT_EQ(record.id, "c1");
  EXPECT_EQ(record.phase, Phase::kExited);
  EXPECT_EQ(record.pid, 42);
  EXPECT_EQ(record.created_ns, 1);
  EXPECT_EQ(record.started_ns, -2);
  EXPECT_EQ(record.finished_ns, 1LL << 60);
  EXPECT_EQ(record.exit_code, 137);
  EXPECT_TRUE(record.oom_killed);
  EXPECT_EQ(record.message, "why");
  EXPECT_THAT(record.phases, ElementsAre(Pair("mount", 5), Pair("exec", 6)));
}

TEST(ContainerRecordTest, WhatIsCutShortDoesNotDecode) {
  const std::string whole = Encode(MakeRecord());
  for (size_t size = 0; size < whole.size(); ++size) {
    ContainerRecord record;
    EXPECT_FALSE(Decode(whole.substr(0, size), &record)) << size;
  }
}

TEST(ContainerRecordTest, FieldsOfALaterVersionAreSkipped) {
  ContainerRecord record;
  EXPECT_TRUE(Decode(Encode(MakeRecord()) + "more", &record));
}

TEST(ContainerPlanTest, ComesBackAsEncoded) {
  ContainerPlan plan, back;
  plan.id = "c";
  plan.flags = kTty | kJoinPodPid;
  plan.cgroups_path = "/kubepods/p/c";
  plan.log_path = "/log";
  plan.config_json = std::string(100000, '{');
  plan.lower_dirs = {"/a", "", "/b"};
  plan.upper_dir = "/u";
  plan.work_dir = "/w";
  plan.rootfs_dir = "/r";
  ASSERT_TRUE(Decode(Encode(plan), &back));
  EXPECT_EQ(back.flags, plan.flags);
  EXPECT_EQ(back.cgroups_path, plan.cgroups_path);
  EXPECT_EQ(back.log_path, plan.log_path);
  EXPECT_EQ(back.config_json, plan.config_json);
  EXPECT_EQ(back.lower_dirs, plan.lower_dirs);
  EXPECT_EQ(back.upper_dir, "/u");
  EXPECT_EQ(back.work_dir, "/w");
  EXPECT_EQ(back.rootfs_dir, "/r");
  EXPECT_TRUE(back.runtime.empty());
}

TEST(ContainerPlanTest, TheRuntimeComesBackAndMayBeAbsent) {
  ContainerPlan plan, back;
  plan.id = "c";
  const std::string old = Encode(plan);
  plan.runtime = {"/usr/sbin/runc", "--root", "/r"};
  ASSERT_TRUE(Decode(Encode(plan), &back));
  EXPECT_EQ(back.runtime, plan.runtime);
  // An older version ended before the number of words.
  ASSERT_TRUE(Decode(old.substr(0, old.size() - 4), &back));
  EXPECT_TRUE(back.runtime.empty());
}

TEST(SandboxRecordTest, ComesBackAsEncoded) {
  SandboxRecord record, back;
  record.id = "s";
  record.cgroup_parent = "/kubepods/p";
  record.owns_cgroup_parent = true;
  record.runtime = {"/usr/bin/crun"};
  ASSERT_TRUE(Decode(Encode(record), &back));
  EXPECT_EQ(back.cgroup_parent, "/kubepods/p");
  EXPECT_TRUE(back.owns_cgroup_parent);
  EXPECT_EQ(back.runtime, record.runtime);
  EXPECT_EQ(back.slice, "");
  // An older version ended before the slice's length.
  const std::string text = Encode(record);
  back.slice = "x";
  ASSERT_TRUE(Decode(text.substr(0, text.size() - 4), &back));
  EXPECT_EQ(back.slice, "");
  record.slice = "kubepods-p.slice";
  ASSERT_TRUE(Decode(Encode(record), &back));
  EXPECT_EQ(back.slice, "kubepods-p.slice");
}

TEST(IdTest, OnlySafeFileNames) {
  for (const char* good : {"a", "A-b_c.d+e", "0", "-x"}) {
    EXPECT_TRUE(IsValidId(good)) << good;
  }
  for (const char* bad : {"", ".", "..", ".a", "a/b", "a b", "a\n", "ä"}) {
    EXPECT_FALSE(IsValidId(bad)) << bad;
  }
  EXPECT_TRUE(IsValidId(std::string(200, 'a')));
  EXPECT_FALSE(IsValidId(std::string(201, 'a')));
}

}  // namespace
}  // namespace runtime::state
