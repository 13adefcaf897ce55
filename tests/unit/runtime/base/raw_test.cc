// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/raw.h"

#include <string>

#include "gtest/gtest.h"

namespace runtime::raw {
namespace {

TEST(RawTextTest, TakesTextAndNumbers) {
  Text text;
  text.Add("setuid ").Add(uint64_t{0}).Add(" of ").Add(UINT64_MAX);
  EXPECT_STREQ(text.c_str(), "setuid 0 of 18446744073709551615");
  EXPECT_EQ(text.size(), 32u);
}

TEST(RawTextTest, WhatDoesNotFitIsCut) {
  Text text;
  text.Add(std::string(10000, 'a').c_str()).Add("b");
  EXPECT_EQ(std::string(text.c_str()), std::string(479, 'a'));
}

TEST(RawFailTest, NamesActionObjectAndCause) {
  Failure failure;
  EXPECT_FALSE(Fail(&failure, "cwd", "/data", EACCES));
  EXPECT_STREQ(failure.text.c_str(), "cwd /data: Permission denied");
  EXPECT_EQ(failure.error, EACCES);
  EXPECT_FALSE(Fail(&failure, "setsid", "", 99999));
  EXPECT_STREQ(failure.text.c_str(), "setsid: unknown error");
  errno = ENOENT;
  EXPECT_FALSE(Fail(&failure, "open"));
  EXPECT_STREQ(failure.text.c_str(), "open: No such file or directory");
  EXPECT_FALSE(Fail(&failure, "ended early", "", 0));
  EXPECT_STREQ(failure.text.c_str(), "ended early");
}

TEST(RawFindVariableTest, NeedsTheWholeNameAndTakesTheLast) {
  const char* const environment[] = {"PATH=c", "PATHS=a", "PATH=b",
                                     "HOME=", nullptr};
  EXPECT_STREQ(FindVariable(environment, "PATH"), "b");
  EXPECT_STREQ(FindVariable(environment, "HOME"), "");
  EXPECT_EQ(FindVariable(environment, "HOM"), nullptr);
}

}  // namespace
}  // namespace runtime::raw
