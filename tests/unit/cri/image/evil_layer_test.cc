// SPDX-License-Identifier: Apache-2.0
// Layers that try to reach beyond their root, or to eat up the host.
#include <sched.h>
#include <sys/mount.h>

#include "absl/strings/str_cat.h"
#include "tests/unit/cri/image/unpack_fixture.h"

namespace cri::image {
namespace {

using ::testing::HasSubstr;
using ::tests::StatusIs;

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
