// SPDX-License-Identifier: Apache-2.0
#include "cri/cdi/registry.h"

#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace cri::cdi {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::tests::StatusIs;

class RegistryTest : public ::testing::Test {
 protected:
  RegistryTest() {
    EXPECT_OK(runtime::MakeDirs(low_));
    EXPECT_OK(runtime::MakeDirs(high_));
  }

  static void Write(const std::string& path, const std::string& text) {
    EXPECT_OK(runtime::WriteFileAtomic(path, text));
  }
  // A file of kind v/c whose devices set WHO=`who`.
  static std::string Devices(const std::string& who, const std::string& names) {
    std::string text = absl::StrCat(
        "cdiVersion: 0.5.0\nkind: v/c\ncontainerEdits: {env: [FILE=", who,
        "]}\ndevices:\n");
    for (const char name : names) {
      absl::StrAppend(&text, "- name: ", std::string(1, name),
                      "\n  containerEdits: {env: [WHO=", who, "]}\n");
    }
    return text;
  }

  tests::TempDir dir_;
  const std::string low_ = dir_ / "etc", high_ = dir_ / "run";
  Registry registry_{{low_, high_, dir_ / "missing"}};
};

TEST_F(RegistryTest, EditsOfAFileComeOnceBeforeItsDevices) {
  Write(low_ + "/v.yaml", Devices("low", "ab"));
  absl::StatusOr<Edits> edits = registry_.Resolve({"v/c=b", "v/c=a"});
  ASSERT_OK(edits);
  EXPECT_THAT(edits->env, ElementsAre("FILE=low", "WHO=low", "WHO=low"));
}

TEST_F(RegistryTest, LaterDirectoryWins) {
  Write(low_ + "/v.yaml", Devices("low", "ab"));
  Write(high_ + "/v.yaml", Devices("high", "a"));
  absl::StatusOr<Edits> edits = registry_.Resolve({"v/c=a"});
  ASSERT_OK(edits);
  EXPECT_THAT(edits->env, ElementsAre("FILE=high", "WHO=high"));
  edits = registry_.Resolve({"v/c=b"});
  ASSERT_OK(edits);
  EXPECT_THAT(edits->env, ElementsAre("FILE=low", "WHO=low"));
}

TEST_F(RegistryTest, TwoFilesOfADirectoryMustNotDescribeTheSame) {
  Write(low_ + "/1.yaml", Devices("1", "ab"));
  Write(low_ + "/2.yaml", Devices("2", "a"));
  EXPECT_THAT(registry_.Resolve({"v/c=a"}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("v/c=a"), HasSubstr("/1.yaml and "),
                             HasSubstr("/2.yaml"))));
  EXPECT_OK(registry_.Resolve({"v/c=b"}));
  // The directory above settles it.
  Write(high_ + "/v.yaml", Devices("high", "a"));
  EXPECT_OK(registry_.Resolve({"v/c=a"}));
}

TEST_F(RegistryTest, UnknownDeviceNamesItselfAndTheDirectories) {
  EXPECT_THAT(registry_.Resolve({"v/c=a"}),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr(absl::StrCat("CDI device v/c=a: no file in ",
                                              low_, " or ", high_))));
}

TEST_F(RegistryTest, BadFileIsToldAndOthersWork) {
  Write(low_ + "/bad.json", "{\"cdiVersion\": \"7\"}");
  Write(low_ + "/worse.json", "{");
  Write(low_ + "/good.yaml", Devices("good", "a"));
  Write(low_ + "/note.txt", "not looked at");
  EXPECT_OK(registry_.Resolve({"v/c=a"}));
  EXPECT_THAT(
      registry_.Resolve({"v/c=x"}),
      StatusIs(absl::StatusCode::kNotFound,
               AllOf(HasSubstr("left out: "),
                     HasSubstr("bad.json: cdiVersion: \"7\" is not one of"),
                     HasSubstr("worse.json: byte"))));
}

TEST_F(RegistryTest, ReadsOnlyRegularFilesOfBoundedSize) {
  ASSERT_EQ(mkfifo((low_ + "/fifo.yaml").c_str(), 0600), 0);
  Write(low_ + "/huge.yaml", std::string((4 << 20) + 1, ' '));
  EXPECT_THAT(registry_.Resolve({"v/c=x"}),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("fifo.yaml: is not a regular file"),
                             HasSubstr("huge.yaml"))));
}

TEST_F(RegistryTest, RefusesByNameWhatItCannotDo) {
  Write(low_ + "/v.yaml",
        "{cdiVersion: 0.7.0, kind: v/c, devices: [{name: a, containerEdits: "
        "{intelRdt: {closID: x}}}, {name: b}]}");
  EXPECT_THAT(registry_.Resolve({"v/c=a"}),
              StatusIs(absl::StatusCode::kUnimplemented,
                       HasSubstr("containerEdits.intelRdt is not supported")));
  EXPECT_OK(registry_.Resolve({"v/c=b"}));
}

TEST_F(RegistryTest, LookShowsDevicesAndProblems) {
  Write(low_ + "/1.yaml", Devices("1", "ab"));
  Write(low_ + "/2.yaml", Devices("2", "a"));
  Write(low_ + "/bad.json", "{}");
  const Overview overview = registry_.Look();
  EXPECT_THAT(overview.directories, ElementsAre(low_, high_, dir_ / "missing"));
  EXPECT_THAT(overview.devices, ElementsAre("v/c=a", "v/c=b"));
  EXPECT_THAT(overview.problems,
              ElementsAre(HasSubstr("bad.json: cdiVersion: is missing"),
                          AllOf(HasSubstr("/1.yaml: v/c=a is also in "),
                                HasSubstr("/2.yaml"))));
}

TEST_F(RegistryTest, OtherDirectoriesCountAtOnce) {
  Write(dir_ / "v.yaml", Devices("x", "a"));
  EXPECT_FALSE(registry_.Resolve({"v/c=a"}).ok());
  registry_.Configure({dir_.path()});
  EXPECT_OK(registry_.Resolve({"v/c=a"}));
}

}  // namespace
}  // namespace cri::cdi
