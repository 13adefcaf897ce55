// SPDX-License-Identifier: Apache-2.0
// What layers hold, and how they may come.
#include <sys/sysmacros.h>

#include "cri/image/digest.h"
#include "tests/unit/cri/image/unpack_fixture.h"

namespace cri::image {
namespace {

using ::testing::HasSubstr;
using ::tests::StatusIs;

TEST_F(UnpackTest, KeepsModesOwnersTimesAndLinks) {
  TarEntry suid = File("usr/bin/su", "binary", 04755);
  suid.uid = 1000;
  suid.gid = 70000;
  TarEntry tmp = Dir("tmp", 01777);
  tmp.mtime = 1500000000;
  std::string tar = MakeTar(
      {Dir("usr"), Dir("usr/bin"), suid, HardLink("usr/bin/sudo", "usr/bin/su"),
       Symlink("bin", "usr/bin"), tmp, File("tmp/later", "x")});
  ASSERT_OK_AND_ASSIGN(UnpackResult result, UnpackBytes(Gzip(tar)));
  EXPECT_EQ(result.diff_id, Sha256(tar));
  struct stat st = Stat("usr/bin/su");
  EXPECT_EQ(st.st_mode, S_IFREG | 04755u);
  EXPECT_EQ(st.st_uid, 1000u);
  EXPECT_EQ(st.st_gid, 70000u);
  EXPECT_EQ(st.st_mtime, 1700000000);
  EXPECT_EQ(Stat("usr/bin/sudo").st_ino, st.st_ino);
  EXPECT_TRUE(S_ISLNK(Stat("bin").st_mode));
  EXPECT_EQ(Stat("tmp").st_mode, S_IFDIR | 01777u);
  EXPECT_EQ(Stat("tmp").st_mtime, 1500000000);
  EXPECT_EQ(result.inodes, 7u);
}

TEST_F(UnpackTest, KeepsDevicesAndPipes) {
  TarEntry null = File("dev/null", "");
  null.type = S_IFCHR;
  null.mode = 0666;
  null.dev_major = 1;
  null.dev_minor = 3;
  TarEntry pipe = File("dev/pipe", "");
  pipe.type = S_IFIFO;
  ASSERT_OK(Unpack({Dir("dev"), null, pipe}));
  EXPECT_TRUE(S_ISCHR(Stat("dev/null").st_mode));
  EXPECT_EQ(Stat("dev/null").st_rdev, makedev(1, 3));
  EXPECT_EQ(Stat("dev/null").st_mode & 07777, 0666u);
  EXPECT_TRUE(S_ISFIFO(Stat("dev/pipe").st_mode));
}

TEST_F(UnpackTest, KeepsFileCapabilitiesAndDropsControlAttributes) {
  // cap_net_raw+ep, version 2
  const std::string caps("\1\0\0\2\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  TarEntry ping = File("ping", "x", 0755);
  ping.xattrs = {{"security.capability", caps}, {"user.note", "kept"}};
  TarEntry evil = Dir("evil");
  evil.xattrs = {{"trusted.overlay.opaque", "y"},
                 {"trusted.overlay.redirect", "/etc"},
                 {"user.overlay.opaque", "y"}};
  ASSERT_OK(Unpack({ping, evil}));
  char value[64];
  const std::string path = dir_ / "root/ping";
  EXPECT_EQ(getxattr(path.c_str(), "security.capability", value, 64), 20);
  EXPECT_EQ(std::string(value, 20), caps);
  EXPECT_EQ(listxattr((dir_ / "root/evil").c_str(), value, 64), 0);
}

TEST_F(UnpackTest, KeepsNamesThatAreNotAscii) {
  const std::string umlaut = "caf\xc3\xa9";
  const std::string latin = "caf\xe9";
  ASSERT_OK(Unpack(
      {File(umlaut, "u"), File(latin, "l"), HardLink("hard-" + umlaut, umlaut),
       Symlink("soft", umlaut),
       File(std::string(200, 'x') + "/" + std::string(200, 'y'), "long")}));
  EXPECT_EQ(Read(umlaut), "u");
  EXPECT_EQ(Read(latin), "l");
  EXPECT_EQ(Read("hard-" + umlaut), "u");
  EXPECT_EQ(Read("soft"), "u");
  EXPECT_EQ(Read(std::string(200, 'x') + "/" + std::string(200, 'y')), "long");
}

TEST_F(UnpackTest, TurnsWhiteoutsIntoOverlayForm) {
  ASSERT_OK(Unpack({Dir("a"), File("a/.wh.gone", ""), Dir("b"),
                    File("b/.wh..wh..opq", ""), File("b/new", "n"),
                    File(".wh.top", ""), File(".wh..wh.plnk", "")}));
  EXPECT_TRUE(S_ISCHR(Stat("a/gone").st_mode));
  EXPECT_EQ(Stat("a/gone").st_rdev, makedev(0, 0));
  EXPECT_TRUE(S_ISCHR(Stat("top").st_mode));
  EXPECT_TRUE(IsOpaque("b"));
  EXPECT_FALSE(IsOpaque("a"));
  EXPECT_FALSE(runtime::Exists(dir_ / "root/.wh..wh.plnk"));
}

TEST_F(UnpackTest, AWhiteoutHidesOnlyLowerLayers) {
  // The spec: whiteouts apply to parents, not to entries of their own layer.
  ASSERT_OK(Unpack({File("kept", "k"), File(".wh.kept", ""), Dir("dir"),
                    File("dir/f", "f"), File(".wh.dir", ""),
                    File(".wh.again", ""), Dir("again")}));
  EXPECT_EQ(Read("kept"), "k");
  EXPECT_EQ(Read("dir/f"), "f");
  EXPECT_TRUE(IsOpaque("dir"));
  EXPECT_TRUE(S_ISDIR(Stat("again").st_mode));
  EXPECT_TRUE(IsOpaque("again"));
}

TEST_F(UnpackTest, LaterEntriesReplaceEarlierOnes) {
  ASSERT_OK(
      Unpack({File("x", "1"), File("x", "2"), Dir("d"), File("d/inner", ""),
              File("d", "file now"), Symlink("s", "x"), File("s", "own")}));
  EXPECT_EQ(Read("x"), "2");
  EXPECT_EQ(Read("d"), "file now");
  EXPECT_EQ(Read("s"), "own");
}

TEST_F(UnpackTest, MissingDirectoriesAreMadeAndReported) {
  ASSERT_OK_AND_ASSIGN(UnpackResult result,
                       Unpack({File("a/b/c", "x"), Dir("d"), File("d/e", "")}));
  EXPECT_THAT(result.implied, testing::ElementsAre("a", "a/b"));
  EXPECT_EQ(Stat("a/b").st_mode & 07777, 0755u);
}

TEST_F(UnpackTest, ReadsAnEmptyLayer) {
  EXPECT_OK(UnpackBytes(MakeTar({})));
  EXPECT_OK(UnpackBytes(std::string(1024, '\0')));
}

TEST_F(UnpackTest, DigestCoversWhatFollowsTheEndMark) {
  std::string tar = MakeTar({File("a", "b")}) + std::string(10240, '\0');
  ASSERT_OK_AND_ASSIGN(UnpackResult result, UnpackBytes(tar));
  EXPECT_EQ(result.diff_id, Sha256(tar));
}

TEST_F(UnpackTest, AnyPieceSizeOfInputWillDo) {
  std::string tar = MakeTar({File("a", std::string(50000, 'q')), Dir("b")});
  for (const std::string& blob : {Gzip(tar), Zstd(tar), tar}) {
    for (size_t piece : {size_t{1}, size_t{7}, size_t{4096}}) {
      ASSERT_OK_AND_ASSIGN(UnpackResult result, UnpackBytes(blob, {}, piece));
      EXPECT_EQ(result.diff_id, Sha256(tar));
      ASSERT_OK(runtime::RemoveTree(dir_ / "root"));
      ASSERT_OK(runtime::MakeDirs(dir_ / "root"));
    }
  }
}

TEST_F(UnpackTest, ReadsGzipMembersOneAfterAnother) {
  std::string tar = MakeTar({File("a", std::string(50000, 'q'))});
  std::string blob = Gzip(tar.substr(0, 3000)) + Gzip(tar.substr(3000, 1)) +
                     Gzip(tar.substr(3001));
  ASSERT_OK_AND_ASSIGN(UnpackResult result, UnpackBytes(blob));
  EXPECT_EQ(result.diff_id, Sha256(tar));
}

}  // namespace
}  // namespace cri::image
