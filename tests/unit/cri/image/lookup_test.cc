// SPDX-License-Identifier: Apache-2.0
#include "cri/image/lookup.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace cri::image {
namespace {

using ::testing::Optional;
using ::tests::IsOkAndHolds;
using ::tests::StatusIs;

class LookupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (getuid() != 0) GTEST_SKIP() << "whiteouts need root";
  }
  void Put(const std::string& path, const std::string& text) {
    const std::string full = dir_ / path;
    ASSERT_OK(runtime::MakeDirs(full.substr(0, full.rfind('/'))));
    ASSERT_OK(runtime::WriteFileAtomic(full, text));
  }
  void Link(const std::string& path, const std::string& target) {
    const std::string full = dir_ / path;
    ASSERT_OK(runtime::MakeDirs(full.substr(0, full.rfind('/'))));
    ASSERT_EQ(symlink(target.c_str(), full.c_str()), 0);
  }
  void Whiteout(const std::string& path) {
    const std::string full = dir_ / path;
    ASSERT_OK(runtime::MakeDirs(full.substr(0, full.rfind('/'))));
    ASSERT_EQ(mknod(full.c_str(), S_IFCHR, makedev(0, 0)), 0);
  }
  // Layers 1 (lowest), 2, 3.
  absl::StatusOr<std::optional<std::string>> Read(const std::string& path,
                                                  size_t max = 1000) {
    for (const char* layer : {"1", "2", "3"}) {
      EXPECT_OK(runtime::MakeDirs(dir_ / layer));
    }
    return ReadLayeredFile({dir_ / "1", dir_ / "2", dir_ / "3"}, path, max);
  }
  static auto Holds(const std::string& text) {
    return IsOkAndHolds(Optional(text));
  }
  static auto IsNothing() { return IsOkAndHolds(testing::Eq(std::nullopt)); }

  tests::TempDir dir_;
};

TEST_F(LookupTest, TheTopmostLayerWins) {
  Put("1/etc/passwd", "low");
  Put("1/etc/group", "only");
  Put("3/etc/passwd", "top");
  EXPECT_THAT(Read("/etc/passwd"), Holds("top"));
  EXPECT_THAT(Read("etc/./group"), Holds("only"));
  EXPECT_THAT(Read("/etc/none"), IsNothing());
  EXPECT_THAT(Read("/none/at/all"), IsNothing());
}

TEST_F(LookupTest, WhiteoutsHide) {
  Put("1/etc/passwd", "low");
  Put("1/usr/share/x", "low");
  Whiteout("2/etc/passwd");
  Whiteout("2/usr");
  EXPECT_THAT(Read("/etc/passwd"), IsNothing());
  EXPECT_THAT(Read("/usr/share/x"), IsNothing());
  Put("3/usr/share/y", "new");
  EXPECT_THAT(Read("/usr/share/y"), Holds("new"));
  EXPECT_THAT(Read("/usr/share/x"), IsNothing());
}

TEST_F(LookupTest, OpaqueDirectoriesHideWhatIsBelow) {
  Put("1/etc/passwd", "low");
  Put("2/etc/group", "mid");
  ASSERT_EQ(
      setxattr((dir_ / "2/etc").c_str(), "trusted.overlay.opaque", "y", 1, 0),
      0);
  EXPECT_THAT(Read("/etc/passwd"), IsNothing());
  EXPECT_THAT(Read("/etc/group"), Holds("mid"));
}

TEST_F(LookupTest, AFileHidesALowerDirectory) {
  Put("1/x/y", "low");
  Put("2/x", "file");
  EXPECT_THAT(Read("/x"), Holds("file"));
  EXPECT_THAT(Read("/x/y"), IsNothing());
}

TEST_F(LookupTest, Cve2024_5154_SymlinksCrossLayersButStayInside) {
  Put("1/usr/lib/passwd", "real");
  Link("2/etc", "usr/lib");
  Link("3/absolute", "/etc/passwd");
  Link("3/climb", "../../../../usr/lib/passwd");
  Put("3/usr/lib/over", "top");
  EXPECT_THAT(Read("/etc/passwd"), Holds("real"));
  EXPECT_THAT(Read("/absolute"), Holds("real"));
  EXPECT_THAT(Read("/climb"), Holds("real"));
  EXPECT_THAT(Read("/etc/over"), Holds("top"));
  EXPECT_THAT(Read("/etc/../lib/over"), Holds("top"));
  // On the host this file exists.
  Link("3/host", "/proc/self/status");
  EXPECT_THAT(Read("/host"), IsNothing());
}

TEST_F(LookupTest, LoopsAndOddFilesAreErrors) {
  Link("1/a", "b");
  Link("1/b", "a");
  EXPECT_THAT(Read("/a"), StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_EQ(mkfifo((dir_ / "1/pipe").c_str(), 0600), 0);
  EXPECT_THAT(Read("/pipe"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Read("/"), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(LookupTest, Cve2025_4437_SizeIsCapped) {
  Put("1/etc/passwd", "0123456789");
  EXPECT_THAT(Read("/etc/passwd", 9),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(Read("/etc/passwd", 10), Holds("0123456789"));
}

}  // namespace
}  // namespace cri::image
