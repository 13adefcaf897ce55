// SPDX-License-Identifier: Apache-2.0
// Holds the rules against every file that git tracks, and the rules against
// files that break them.
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/unit/layers/rules.h"

namespace tests::layers {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kSpdxLine[] = "// SPDX-License-Identifier: Apache-2.0\n";

std::vector<std::string> Including(const std::string& path,
                                   const std::string& include) {
  return Check(path, absl::StrCat(kSpdxLine, "#include \"", include, "\"\n"));
}

// Paths of tracked files; empty outside a git tree.
std::vector<std::string> TrackedFiles() {
  std::vector<std::string> paths;
  FILE* pipe = popen("git -C '" SOURCE_TREE "' ls-files -z 2>/dev/null", "re");
  if (pipe == nullptr) return paths;
  std::string path;
  for (int c = fgetc(pipe); c != EOF; c = fgetc(pipe)) {
    if (c != 0) {
      path.push_back(static_cast<char>(c));
    } else {
      paths.push_back(std::move(path));
      path.clear();
    }
  }
  pclose(pipe);
  return paths;
}

TEST(LayersTest, HoldForTheWholeTree) {
  const std::vector<std::string> paths = TrackedFiles();
  if (paths.empty()) {
    GTEST_SKIP() << "The source tree is no git checkout, so it is unknown "
                    "which files are its own.";
  }
  std::vector<std::string> wrong;
  for (const std::string& path : paths) {
    // Gone from the working tree, or too large to be source.
    const auto text = runtime::ReadFile(absl::StrCat(SOURCE_TREE "/", path));
    if (!text.ok()) continue;
    for (std::string& line : Check(path, *text)) {
      wrong.push_back(std::move(line));
    }
    if ((absl::EndsWith(path, ".cc") || absl::EndsWith(path, ".h")) &&
        IsLong(*text)) {
      std::printf("long: %s\n", path.c_str());
    }
  }
  EXPECT_THAT(wrong, IsEmpty()) << absl::StrJoin(wrong, "\n");
}

TEST(LayersTest, SayWhoMayIncludeWhom) {
  const struct {
    const char* who;
    const char* what;
    bool allowed;
  } kRows[] = {
      {"runtime/mount/a.cc", "runtime/base/status.h", true},
      {"runtime/mount/a.cc", "runtime/mount/b.h", true},
      {"runtime/mount/a.cc", "runtime/cgroup/b.h", false},
      {"runtime/mount/a.cc", "runtime/launch/b.h", false},
      {"runtime/base/a.cc", "runtime/path/b.h", false},
      {"runtime/launch/a.cc", "runtime/cgroup/b.h", true},
      {"runtime/launch/a.cc", "runtime/hold/b.h", false},
      {"runtime/hold/a.cc", "runtime/launch/b.h", true},
      {"runtime/command/a.cc", "runtime/launch/b.h", true},
      {"runtime/hold/a.cc", "cri/image/b.h", false},
      {"runtime/hold/a.cc", "proto/cri/v1/api.pb.h", false},
      {"runtime/hold/a.cc", "google/protobuf/message.h", false},
      {"runtime/launch/a_child.cc", "runtime/launch/a_child.h", true},
      {"runtime/launch/a_child.cc", "runtime/base/raw.h", true},
      {"runtime/launch/a_child.cc", "runtime/base/status.h", false},
      {"runtime/launch/a_child.h", "runtime/launch/plan.h", false},
      {"runtime/launch/a_child.cc", "absl/status/status.h", false},
      {"runtime/launch/a_child.cc", "unistd.h", true},
      {"runtime/launch/a_child.cc", "vector", false},
      {"runtime/main.cc", "runtime/command/b.h", true},
      {"runtime/main.cc", "agent/api/b.h", false},
      {"cri/image/a.cc", "cri/config/b.h", true},
      {"cri/image/a.cc", "runtime/handler/handler.h", true},
      {"cri/image/a.cc", "proto/cri/v1/api.pb.h", true},
      {"cri/image/a.cc", "agent/api/client.h", false},
      {"agent/pod/a.cc", "agent/api/client.h", true},
      {"agent/pod/a.cc", "proto/cri/v1/api.grpc.pb.h", true},
      {"agent/pod/a.cc", "runtime/base/status.h", true},
      {"agent/pod/a.cc", "runtime/systemd/units.h", true},
      {"runtime/launch/a.cc", "runtime/systemd/units.h", false},
      {"agent/pod/a.cc", "runtime/handler/handler.h", false},
      {"agent/pod/a.cc", "cri/server/server.h", false},
      {"agent/command/a.cc", "cri/server/server.h", true},
      {"agent/main.cc", "cri/server/server.h", true},
      {"tests/unit/cri/a_test.cc", "cri/server/server.h", true},
      {"agent/pod/a.cc", "google/protobuf/message.h", true},
  };
  for (const auto& row : kRows) {
    EXPECT_EQ(Including(row.who, row.what).empty(), row.allowed)
        << row.who << " includes " << row.what;
  }
}

TEST(LayersTest, NameLineAndInclude) {
  EXPECT_THAT(
      Including("agent/pod/a.cc", "cri/server/server.h"),
      ElementsAre("agent/pod/a.cc:2: must not include cri/server/server.h"));
  EXPECT_THAT(Check("runtime/hold/a.cc",
                    absl::StrCat(kSpdxLine, "\n#  include <curl/curl.h>\n")),
              ElementsAre("runtime/hold/a.cc:3: must not include curl/curl.h"));
}

TEST(TreeTest, EveryFileSaysItsLicence) {
  EXPECT_THAT(Check("cri/a.cc", "int a;\n"), ElementsAre(HasSubstr("SPDX")));
  EXPECT_THAT(Check("cri/a.cc", ""), ElementsAre(HasSubstr("SPDX")));
  EXPECT_THAT(Check("tests/run", "#!/bin/sh\nset -e\n"),
              ElementsAre(HasSubstr("tests/run:2: has to say SPDX")));
  EXPECT_THAT(
      Check("tests/run", "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n"),
      IsEmpty());
  EXPECT_THAT(Check("README.md", "# Coracle\n"),
              ElementsAre(HasSubstr("SPDX")));
  EXPECT_THAT(
      Check("README.md",
            "# Coracle\n\n<!-- SPDX-License-Identifier: Apache-2.0 -->\n"),
      IsEmpty());
  EXPECT_THAT(Check("CMakePresets.json", "{}\n"), IsEmpty());
}

TEST(TreeTest, GuardsFollowThePath) {
  const std::string good =
      absl::StrCat(kSpdxLine,
                   "#ifndef CORACLE_CRI_IMAGE_LAYER_STORE_H_\n"
                   "#define CORACLE_CRI_IMAGE_LAYER_STORE_H_\n"
                   "#endif  // CORACLE_CRI_IMAGE_LAYER_STORE_H_\n");
  EXPECT_THAT(Check("cri/image/layer_store.h", good), IsEmpty());
  EXPECT_THAT(Check("cri/image/store.h", good),
              ElementsAre(HasSubstr("CORACLE_CRI_IMAGE_STORE_H_")));
}

TEST(TreeTest, FilesStayShort) {
  std::string text = kSpdxLine;
  for (int i = 1; i < 600; ++i) text += "int a;\n";
  EXPECT_THAT(Check("cri/a.cc", text), IsEmpty());
  EXPECT_TRUE(IsLong(text));
  text += "int a;\n";
  EXPECT_THAT(Check("cri/a.cc", text), ElementsAre(HasSubstr("601 lines")));
  EXPECT_FALSE(IsLong("int a;\n"));
}

TEST(TreeTest, NamespacesAreNotPouredOut) {
  EXPECT_THAT(
      Check("cri/a.cc", absl::StrCat(kSpdxLine, "using namespace std;\n")),
      ElementsAre(HasSubstr("cri/a.cc:2: using namespace")));
}

}  // namespace
}  // namespace tests::layers
