// SPDX-License-Identifier: Apache-2.0
// Layers, good and evil. Beside the layer's root stands a canary directory that
// nothing may change.
#include "cri/image/unpack.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "cri/image/digest.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/cri/image/image_builder.h"

namespace cri::image {
namespace {

using ::testing::HasSubstr;
using ::tests::StatusIs;

class UnpackTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (getuid() != 0) GTEST_SKIP() << "layers need root (owners, devices)";
    ASSERT_OK(runtime::MakeDirs(dir_ / "root"));
    ASSERT_OK(runtime::MakeDirs(dir_ / "canary"));
    ASSERT_OK(runtime::WriteFileAtomic(dir_ / "canary/file", "alive", 0600));
    ASSERT_EQ(lstat((dir_ / "canary/file").c_str(), &canary_), 0);
  }
  void TearDown() override {
    if (getuid() != 0) return;
    struct stat now;
    ASSERT_EQ(lstat((dir_ / "canary/file").c_str(), &now), 0)
        << "the layer removed a file outside of its root";
    EXPECT_EQ(now.st_ino, canary_.st_ino);
    EXPECT_EQ(now.st_mode, canary_.st_mode);
    EXPECT_EQ(now.st_uid, canary_.st_uid);
    EXPECT_EQ(now.st_nlink, canary_.st_nlink);
    EXPECT_EQ(now.st_mtim.tv_nsec, canary_.st_mtim.tv_nsec);
    auto names = runtime::ListDir(dir_ / "canary");
    EXPECT_EQ(names->size(), 1u) << "the layer made files outside of its root";
  }

  absl::StatusOr<UnpackResult> UnpackBytes(const std::string& data,
                                           const UnpackLimits& limits = {},
                                           size_t piece = 10000) {
    auto root = runtime::OpenFile(dir_ / "root", O_RDONLY | O_DIRECTORY);
    size_t at = 0;
    return UnpackLayer(
        [&]() -> absl::StatusOr<absl::string_view> {
          auto part = absl::string_view(data).substr(at, piece);
          at += part.size();
          return part;
        },
        *std::move(root), "sha256", limits);
  }
  absl::StatusOr<UnpackResult> Unpack(const std::vector<TarEntry>& entries) {
    return UnpackBytes(MakeTar(entries));
  }
  struct stat Stat(const std::string& path) {
    struct stat st {};
    EXPECT_EQ(lstat((dir_ / ("root/" + path)).c_str(), &st), 0) << path;
    return st;
  }
  std::string Read(const std::string& path) {
    auto text = runtime::ReadFile(dir_ / ("root/" + path));
    return text.ok() ? *text : std::string(text.status().message());
  }
  bool IsOpaque(const std::string& path) {
    char value[8];
    return getxattr((dir_ / ("root/" + path)).c_str(), "trusted.overlay.opaque",
                    value, sizeof value) == 1;
  }
  std::string Outside() { return dir_ / "canary"; }

  tests::TempDir dir_;
  struct stat canary_ {};
};

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

// ---- Evil layers ----------------------------------------------------------

TEST_F(UnpackTest, RejectsPathsThatLeaveTheLayer) {
  for (const char* path : {"../canary/x", "a/../../canary/x", "..", "a/.."}) {
    EXPECT_THAT(Unpack({File(path, "evil")}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("leaves its directory")))
        << path;
  }
}

TEST_F(UnpackTest, AbsolutePathsAreTakenInsideTheLayer) {
  ASSERT_OK(Unpack({File(Outside() + "/x", "inside")}));
  EXPECT_EQ(Read(Outside() + "/x"), "inside");
}

TEST_F(UnpackTest, WritesThroughSymlinksStayInside) {
  // The kernel resolves the link with the layer's root as "/".
  ASSERT_OK(Unpack({Symlink("out", "/"), File("out/x", "1"),
                    Symlink("up", "../../../.."), File("up/y", "2")}));
  EXPECT_EQ(Read("x"), "1");
  EXPECT_EQ(Read("y"), "2");
  absl::Status status =
      Unpack({Symlink("canary", Outside()), File("canary/file", "evil")})
          .status();
  EXPECT_FALSE(status.ok());
}

TEST_F(UnpackTest, Cve2025_47290_WritesNothingThroughAMount) {
  ASSERT_OK(runtime::MakeDirs(dir_ / "root/d"));
  // Seen by nobody else, and gone with this program at the latest.
  ASSERT_EQ(unshare(CLONE_NEWNS), 0);
  ASSERT_EQ(mount("", "/", "", MS_REC | MS_PRIVATE, nullptr), 0);
  const std::string point = dir_ / "root/d";
  ASSERT_EQ(mount(Outside().c_str(), point.c_str(), "", MS_BIND, nullptr), 0);
  EXPECT_FALSE(Unpack({File("d/x", "evil")}).ok());
  EXPECT_FALSE(Unpack({Symlink("l", "d"), File("l/x", "evil")}).ok());
  EXPECT_EQ(umount2(point.c_str(), MNT_DETACH), 0);
}

TEST_F(UnpackTest, RejectsHardLinksToTheOutside) {
  EXPECT_FALSE(Unpack({HardLink("a", "../canary/file")}).ok());
  EXPECT_FALSE(Unpack({HardLink("a", Outside() + "/file")}).ok());
  EXPECT_FALSE(Unpack({Symlink("l", Outside()), HardLink("a", "l/file")}).ok());
}

TEST_F(UnpackTest, AHardLinkToASymlinkDoesNotFollowIt) {
  ASSERT_OK(Unpack({Symlink("l", Outside() + "/file"), HardLink("a", "l"),
                    File("l", "own")}));
  EXPECT_TRUE(S_ISLNK(Stat("a").st_mode));
  EXPECT_EQ(Read("l"), "own");
}

TEST_F(UnpackTest, Cve2021_32760_ModesOwnersAndTimesDoNotFollowSymlinks) {
  TarEntry link = Symlink("l", Outside() + "/file");
  link.mode = 04777;
  link.uid = 1234;
  TarEntry hard = HardLink("h", "l");
  hard.mode = 04777;
  hard.uid = 1234;
  ASSERT_OK(Unpack({link, hard}));
  EXPECT_EQ(Stat("l").st_uid, 1234u);
}

TEST_F(UnpackTest, RejectsWhiteoutsThroughSymlinks) {
  EXPECT_FALSE(Unpack({Symlink("l", Outside()), File("l/.wh.file", "")}).ok());
  EXPECT_FALSE(
      Unpack({Dir("real"), Symlink("m", "real"), File("m/.wh.x", "")}).ok());
  EXPECT_FALSE(Unpack({Symlink("o", "real"), File("o/.wh..wh..opq", "")}).ok());
}

TEST_F(UnpackTest, RejectsWhiteoutsWithoutAName) {
  for (const char* name : {".wh.", ".wh..", ".wh..."}) {
    EXPECT_FALSE(Unpack({File(name, "")}).ok()) << name;
  }
}

TEST_F(UnpackTest, TheRootItselfCannotBeReplaced) {
  EXPECT_FALSE(Unpack({Symlink("/", Outside())}).ok());
  EXPECT_FALSE(Unpack({File("./", "x")}).ok());
  EXPECT_FALSE(Unpack({HardLink(".", "x")}).ok());
  TarEntry root = Dir("./", 0711);
  ASSERT_OK(Unpack({root}));
  EXPECT_EQ(Stat("").st_mode & 07777, 0711u);
}

TEST_F(UnpackTest, Cve2024_40635_OwnersThatDoNotFitAreRefused) {
  for (int64_t id : {int64_t{4294967295}, int64_t{4294967296}}) {
    TarEntry entry = File("x", "");
    entry.uid = id;
    EXPECT_THAT(Unpack({entry}), StatusIs(absl::StatusCode::kInvalidArgument,
                                          HasSubstr("out of range")))
        << id;
  }
}

TEST_F(UnpackTest, Cve2025_58183_HeadersAreCapped) {
  TarEntry entry = File("x", "");
  entry.xattrs = {{"user.big", std::string(800000, 'x')}};
  EXPECT_FALSE(Unpack({entry}).ok());
  // Zeros that pretend to be a sparse map.
  UnpackLimits limits;
  limits.max_header_bytes = 1 << 20;
  std::string map;
  for (int i = 0; i < 2000000; ++i) map += "1\n";
  // GNU.sparse 1.0: the map stands at the start of the file's data.
  std::string records;
  for (const std::string& record :
       {std::string("GNU.sparse.major=1\n"),
        std::string("GNU.sparse.minor=0\n"), std::string("GNU.sparse.name=s\n"),
        std::string("GNU.sparse.realsize=9\n")}) {
    std::string line = absl::StrCat(record.size() + 3, " ", record);
    records += line;
  }
  std::string sparse =
      MakeTar({File("head", records), File("s", "1000000\n" + map)});
  sparse[156] = 'x';  // the first entry is the second one's extended header
  // Type is part of the checksum.
  unsigned sum = 0;
  for (int i = 0; i < 512; ++i) {
    sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(sparse[i]);
  }
  snprintf(&sparse[148], 8, "%06o", sum);
  EXPECT_THAT(UnpackBytes(Gzip(sparse), limits),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("header is larger")));
}

TEST_F(UnpackTest, EntriesAreCounted) {
  UnpackLimits limits;
  limits.max_entries = 3;
  EXPECT_THAT(
      UnpackBytes(
          MakeTar({File("1", ""), File("2", ""), File("3", ""), File("4", "")}),
          limits),
      StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("more than 3")));
}

TEST_F(UnpackTest, BrokenDataIsSaidToBeBroken) {
  std::string tar = MakeTar({File("a", std::string(50000, 'q'))});
  std::string gzip = Gzip(tar), zstd = Zstd(tar);
  std::string flipped = gzip;
  flipped[flipped.size() - 6] ^= 1;  // the checksum
  for (const std::string& blob :
       {gzip.substr(0, gzip.size() / 2), gzip.substr(0, 3), gzip + "junk",
        flipped, zstd.substr(0, zstd.size() - 2), tar.substr(0, 3000),
        std::string("\x1f\x8b garbage"), std::string("no tar at all"),
        std::string(2000, 'x')}) {
    EXPECT_THAT(UnpackBytes(blob), StatusIs(absl::StatusCode::kDataLoss))
        << blob.size();
  }
}

TEST_F(UnpackTest, ABombIsStopped) {
  // One file of 110 MiB of zeros: gzip makes about 100 KiB of it.
  std::string head = MakeTar({File("zeros", "")});
  std::string header = head.substr(0, 512);
  snprintf(&header[124], 12, "%011o", 110u << 20);
  unsigned sum = 0;
  for (int i = 0; i < 512; ++i) {
    sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(header[i]);
  }
  snprintf(&header[148], 8, "%06o", sum);
  std::string blob = Gzip(header);
  const std::string member = Gzip(std::string(10 << 20, '\0'));
  for (int i = 0; i < 11; ++i) blob += member;
  UnpackLimits limits;
  limits.bomb_bytes = 64 << 20;
  EXPECT_THAT(UnpackBytes(blob, limits),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("times its size")));
}

}  // namespace
}  // namespace cri::image
