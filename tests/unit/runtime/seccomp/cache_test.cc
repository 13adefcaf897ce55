// SPDX-License-Identifier: Apache-2.0
#include "runtime/seccomp/cache.h"

#include <cstring>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace runtime::seccomp {
namespace {

spec::Seccomp Profile(unsigned errno_ret) {
  spec::Seccomp profile;
  profile.default_action = "SCMP_ACT_ALLOW";
  spec::SeccompRule rule;
  rule.names = {"getppid"};
  rule.action = "SCMP_ACT_ERRNO";
  rule.errno_ret = errno_ret;
  profile.rules = {rule};
  return profile;
}

bool Same(const Program& a, const Program& b) {
  return a.flags == b.flags && a.code.size() == b.code.size() &&
         std::memcmp(a.code.data(), b.code.data(),
                     a.code.size() * sizeof(sock_filter)) == 0;
}

class CacheTest : public testing::Test {
 protected:
  std::string Directory() { return dir_ / "cache"; }
  std::vector<std::string> Files() { return ListDir(Directory()).value(); }
  tests::TempDir dir_;
};

TEST_F(CacheTest, TheSecondTimeComesFromTheFile) {
  ASSERT_OK_AND_ASSIGN(Program direct, Compile(Profile(1)));
  for (int i = 0; i < 2; ++i) {
    ASSERT_OK_AND_ASSIGN(Program cached,
                         CompileCached(Profile(1), Directory()));
    EXPECT_TRUE(Same(cached, direct));
    EXPECT_EQ(Files().size(), 1u);
  }
}

TEST_F(CacheTest, EachProfileHasItsOwn) {
  ASSERT_OK_AND_ASSIGN(Program one, CompileCached(Profile(1), Directory()));
  ASSERT_OK_AND_ASSIGN(Program two, CompileCached(Profile(2), Directory()));
  EXPECT_FALSE(Same(one, two));
  EXPECT_EQ(Files().size(), 2u);
}

TEST_F(CacheTest, DamagedFilesAreCompiledAgain) {
  ASSERT_OK_AND_ASSIGN(Program direct, CompileCached(Profile(1), Directory()));
  std::string file = Directory() + "/" + Files()[0];
  ASSERT_OK_AND_ASSIGN(std::string good, ReadFile(file));
  for (size_t at = 0; at < good.size(); at += 7) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x5a);
    ASSERT_OK(WriteFileAtomic(file, at % 2 == 0 ? bad : good.substr(0, at)));
    ASSERT_OK_AND_ASSIGN(Program again, CompileCached(Profile(1), Directory()));
    EXPECT_TRUE(Same(again, direct)) << at;
  }
}

TEST_F(CacheTest, AnotherProfilesFileIsNotTaken) {
  ASSERT_OK(CompileCached(Profile(1), Directory()));
  std::string one = Files()[0];
  ASSERT_OK_AND_ASSIGN(std::string text, ReadFile(Directory() + "/" + one));
  ASSERT_OK_AND_ASSIGN(Program two, CompileCached(Profile(2), Directory()));
  for (const std::string& name : Files()) {
    ASSERT_OK(WriteFileAtomic(Directory() + "/" + name, text));
  }
  ASSERT_OK_AND_ASSIGN(Program again, CompileCached(Profile(2), Directory()));
  EXPECT_TRUE(Same(again, two));
}

TEST_F(CacheTest, WorksWithoutAPlaceToWrite) {
  EXPECT_OK(CompileCached(Profile(1), ""));
  EXPECT_OK(CompileCached(Profile(1), "/proc/nope"));
}

}  // namespace
}  // namespace runtime::seccomp
