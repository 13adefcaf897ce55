// SPDX-License-Identifier: Apache-2.0
#include "runtime/handler/process_file.h"

#include <unistd.h>

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/json.h"
#include "tests/support/status_matchers.h"

namespace runtime::handler {
namespace {

using ::testing::ElementsAre;
using ::tests::IsOk;

constexpr char kConfig[] =
    R"({"process":{"args":["/app"],"terminal":true,"cwd":"/srv",
        "consoleSize":{"height":1,"width":2},"env":["A=b"],
        "user":{"uid":7,"gid":8,"additionalGids":[9]}}})";

Json Process(const std::string& config, bool terminal) {
  auto file = ProcessFile(config, {"/bin/true", "x"}, terminal);
  EXPECT_THAT(file, IsOk());
  if (!file.ok()) return Json();
  char text[4096];
  const ssize_t size = pread(file->get(), text, sizeof text, 0);
  auto process = ParseJson(
      std::string(text, size < 0 ? 0 : static_cast<size_t>(size)), "process");
  EXPECT_THAT(process, IsOk());
  return process.value_or(Json());
}

TEST(ProcessFileTest, ItIsTheContainersWithOtherArguments) {
  const Json process = Process(kConfig, false);
  EXPECT_THAT(process["args"], ElementsAre("/bin/true", "x"));
  EXPECT_EQ(process["terminal"], false);
  EXPECT_FALSE(Has(process, "consoleSize"));
  EXPECT_THAT(process["env"], ElementsAre("A=b"));
  EXPECT_EQ(process["cwd"], "/srv");
  EXPECT_EQ(process["user"]["uid"], 7);
  EXPECT_THAT(process["user"]["additionalGids"], ElementsAre(9));
}

TEST(ProcessFileTest, ATerminalHasAType) {
  EXPECT_THAT(Process(kConfig, true)["env"], ElementsAre("A=b", "TERM=xterm"));
  EXPECT_THAT(Process(R"({"process":{"env":["TERM=vt100"]}})", true)["env"],
              ElementsAre("TERM=vt100"));
  EXPECT_THAT(Process(R"({"process":{}})", true)["env"],
              ElementsAre("TERM=xterm"));
}

TEST(ProcessFileTest, AMalformedConfigIsAnError) {
  EXPECT_FALSE(ProcessFile("{", {"/bin/true"}, false).ok());
}

}  // namespace
}  // namespace runtime::handler
