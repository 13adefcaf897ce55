// SPDX-License-Identifier: Apache-2.0
// The store through its public interface.
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "cri/image/digest.h"
#include "gmock/gmock.h"
#include "tests/unit/cri/image/store_fixture.h"

namespace cri::image {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;
using ::tests::StatusIs;

TEST_F(StoreTest, ImportsAnOciLayoutAndFindsItByEveryName) {
  ImageBuilder builder;
  builder.AddLayer({Dir("etc"), File("etc/passwd", "root:x:0:0::/:/bin/sh\n")})
      .AddLayer({File("etc/motd", "hello")}, ImageBuilder::kZstd);
  builder.Write(dir_ / "a", "busybox:1.37");
  ASSERT_OK_AND_ASSIGN(auto images, store_->Import(dir_ / "a", ""));
  ASSERT_EQ(images.size(), 1u);
  const Image& image = *images.front();
  EXPECT_EQ(image.id, builder.Id());
  EXPECT_THAT(image.repo_tags, ElementsAre("docker.io/library/busybox:1.37"));
  EXPECT_THAT(image.layer_dirs, SizeIs(2));
  for (const std::string& name :
       {std::string("busybox:1.37"), image.id, image.id.substr(7),
        image.id.substr(7, 12), image.id.substr(0, 15),
        absl::StrCat("busybox@", builder.ManifestDigest())}) {
    EXPECT_NE(store_->Find(name), nullptr) << name;
  }
  EXPECT_EQ(store_->Find("busybox"), nullptr);
  EXPECT_EQ(store_->Find(""), nullptr);
  EXPECT_EQ(store_->Find("sha256:"), nullptr);
  ASSERT_OK_AND_ASSIGN(auto text, store_->ReadFile(image, "/etc/motd", 100));
  EXPECT_EQ(text.value_or(""), "hello");
}

TEST_F(StoreTest, EverythingIsThereAfterReopening) {
  ImagePtr before = Import("app:1");
  const FsUsage usage = store_->Usage();
  Reopen();
  ImagePtr after = store_->Find("app:1");
  ASSERT_NE(after, nullptr);
  EXPECT_EQ(after->id, before->id);
  EXPECT_EQ(after->repo_digests, before->repo_digests);
  EXPECT_EQ(after->layer_dirs, before->layer_dirs);
  EXPECT_EQ(after->config_json, before->config_json);
  EXPECT_EQ(after->size_bytes, before->size_bytes);
  EXPECT_EQ(store_->Usage().used_bytes, usage.used_bytes);
  EXPECT_EQ(store_->Usage().inodes_used, usage.inodes_used);
}

TEST_F(StoreTest, ImportsArchivesOfEveryKind) {
  ImageBuilder builder;
  builder.AddLayer({File("a", "1")});
  builder.Write(dir_ / "a", "x:1");
  // An OCI layout as a tar.
  std::vector<TarEntry> entries;
  for (const char* file : {"oci-layout", "index.json"}) {
    entries.push_back(File(file, *runtime::ReadFile(dir_ / "a" + "/" + file)));
  }
  auto blobs = runtime::ListDir(dir_ / "a/blobs/sha256");
  for (const std::string& blob : *blobs) {
    entries.push_back(
        File("blobs/sha256/" + blob,
             *runtime::ReadFile(dir_ / ("a/blobs/sha256/" + blob))));
  }
  ASSERT_OK(
      runtime::WriteFileAtomic(dir_ / "a.tar.gz", Gzip(MakeTar(entries))));
  ASSERT_OK_AND_ASSIGN(auto images, store_->Import(dir_ / "a.tar.gz", "y:2"));
  EXPECT_EQ(images[0]->id, builder.Id());
  EXPECT_THAT(images[0]->repo_tags, ElementsAre("docker.io/library/y:2"));
  // What `docker save` writes; the second layer is a link to the first.
  const std::string tar = MakeTar({File("b", "2")});
  const std::string config =
      R"({"os":"linux","architecture":"amd64","rootfs":{"diff_ids":[")" +
      Sha256(tar) + R"("]}})";
  const std::string save =
      MakeTar({File("c.json", config), Dir("one"), File("one/data.tar", tar),
               Symlink("one/layer.tar", "data.tar"),
               File("manifest.json",
                    R"([{"Config":"c.json","RepoTags":["d:1","e.io/d:2"],)"
                    R"("Layers":["one/layer.tar"]}])")});
  ASSERT_OK(runtime::WriteFileAtomic(dir_ / "save.tar", save));
  ASSERT_OK_AND_ASSIGN(images, store_->Import(dir_ / "save.tar", ""));
  EXPECT_EQ(images[0]->id, Sha256(config));
  EXPECT_THAT(images[0]->repo_tags,
              UnorderedElementsAre("docker.io/library/d:1", "e.io/d:2"));
  EXPECT_THAT(Room("tmp"), IsEmpty());
}

TEST_F(StoreTest, ImportSaysWhatIsWrong) {
  ImageBuilder builder;
  builder.AddLayer({File("a", "1")});
  builder.Write(dir_ / "unnamed", "");
  EXPECT_THAT(store_->Import(dir_ / "unnamed", ""),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("carries no name")));
  EXPECT_THAT(store_->Import(dir_ / "none", ""),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/none")));
  ASSERT_OK(runtime::WriteFileAtomic(dir_ / "text", "hello"));
  EXPECT_THAT(store_->Import(dir_ / "text", "x"),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("/text")));
  ASSERT_OK(runtime::MakeDirs(dir_ / "empty"));
  EXPECT_THAT(store_->Import(dir_ / "empty", "x"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("not an image archive")));
  EXPECT_THAT(store_->Import(dir_ / "unnamed", "Bad Name"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("must be lower case")));
  // A layer whose content is not what the config promises.
  ImageBuilder liar;
  liar.AddLayer({File("a", "2")});
  liar.config["rootfs"] = {{"diff_ids", {"sha256:" + std::string(64, '0')}}};
  liar.Write(dir_ / "liar", "liar:1");
  EXPECT_THAT(store_->Import(dir_ / "liar", ""),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("has diff ID")));
  EXPECT_THAT(store_->List(), IsEmpty());
  for (const char* room : {"tmp", "layers", "index", "blobs"}) {
    EXPECT_THAT(Room(room), IsEmpty()) << room;
  }
}

TEST_F(StoreTest, ABlobBehindALinkToTheHostIsNotRead) {
  ImageBuilder builder;
  builder.AddLayer({File("a", "1")});
  builder.Write(dir_ / "evil", "x:1");
  const std::string config =
      dir_ / absl::StrCat("evil/blobs/sha256/", Hex(builder.Id()));
  ASSERT_OK_AND_ASSIGN(std::string text, runtime::ReadFile(config));
  ASSERT_OK(runtime::WriteFileAtomic(dir_ / "outside", text));
  ASSERT_EQ(unlink(config.c_str()), 0);
  ASSERT_EQ(symlink((dir_ / "outside").c_str(), config.c_str()), 0);
  EXPECT_FALSE(store_->Import(dir_ / "evil", "").ok());
}

TEST_F(StoreTest, RemovesByAnyNameAndSharedLayersStay) {
  ImagePtr one = Import("one:1"), two = Import("two:1");
  EXPECT_THAT(Room("layers"), SizeIs(3));
  const uint64_t both = store_->Usage().used_bytes;
  ASSERT_OK(store_->Remove(one->id.substr(7, 20)));
  EXPECT_EQ(store_->Find("one:1"), nullptr);
  EXPECT_THAT(Room("layers"), SizeIs(2));
  EXPECT_LT(store_->Usage().used_bytes, both);
  ASSERT_OK(store_->Remove("one:1"));
  ASSERT_OK(store_->Remove("no such thing"));
  ASSERT_OK(store_->Remove("two:1"));
  EXPECT_EQ(store_->Usage().used_bytes, 0u);
  EXPECT_EQ(store_->Usage().inodes_used, 0u);
  for (const char* room : {"layers", "index", "blobs"}) {
    EXPECT_THAT(Room(room), IsEmpty()) << room;
  }
}

TEST_F(StoreTest, AHeldImageKeepsItsLayersAcrossRestartUntilRelease) {
  ImagePtr image = Import("app:1");
  ASSERT_OK(store_->Hold(image->id, "container-1"));
  ASSERT_OK(store_->Hold(image->id, "container-1"));
  ASSERT_OK(store_->Hold(image->id, "container-2"));
  ASSERT_OK(store_->Remove("app:1"));
  EXPECT_EQ(store_->Find("app:1"), nullptr);
  EXPECT_TRUE(runtime::Exists(image->layer_dirs[0] + "/bin/sh"));
  Reopen();
  EXPECT_EQ(store_->Find("app:1"), nullptr);
  EXPECT_TRUE(runtime::Exists(image->layer_dirs[0] + "/bin/sh"));
  store_->Release("container-1");
  EXPECT_TRUE(runtime::Exists(image->layer_dirs[0] + "/bin/sh"));
  store_->Release("container-2");
  store_->Release("container-2");
  EXPECT_FALSE(runtime::Exists(image->layer_dirs[0]));
  EXPECT_THAT(Room("holds"), IsEmpty());
  EXPECT_THAT(store_->Hold(image->id, "container-3"),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(StoreTest, HolderNamesCannotLeaveTheirDirectory) {
  ImagePtr image = Import("app:1");
  for (const char* holder : {"", "..", "../x", "a/b", ".hidden", "a b"}) {
    EXPECT_THAT(store_->Hold(image->id, holder),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << holder;
  }
}

TEST_F(StoreTest, ReimportingTheSameNameMovesTheTag) {
  ImageBuilder other;
  other.AddLayer({File("other", "")});
  other.Write(dir_ / "other", "app:1");
  ImagePtr first = Import("app:1");
  ASSERT_OK(store_->Import(dir_ / "other", ""));
  EXPECT_EQ(store_->Find("app:1")->id, other.Id());
  EXPECT_THAT(store_->Find(first->id)->repo_tags, IsEmpty());
  Reopen();
  EXPECT_EQ(store_->Find("app:1")->id, other.Id());
  EXPECT_THAT(store_->Find(first->id)->repo_tags, IsEmpty());
}

TEST_F(StoreTest, OnlyOneProcessMayOpenIt) {
  EXPECT_THAT(OpenImageStore({dir_ / "root", "", 3}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("in use by another process")));
}

TEST_F(StoreTest, Cve2021_41103_DirectoriesAreClosedToOtherUsers) {
  Import("app:1");
  for (const char* room : {"", "layers", "index", "blobs", "tmp", "holds"}) {
    struct stat st;
    ASSERT_EQ(stat((dir_ / absl::StrCat("root/images/", room)).c_str(), &st),
              0);
    EXPECT_EQ(st.st_mode & 0777, 0700u) << room;
  }
}

TEST_F(StoreTest, Cve2026_53488_LabelsOfOurOwnNameSpaceHaveNoEffect) {
  ImageBuilder builder;
  builder.AddLayer({File("a", "1")});
  builder.config["config"]["Labels"] = {{"coracle.io/pinned", "true"},
                                        {"io.cri-containerd.pinned", "pinned"},
                                        {"containerd.io/restart.loguri", "x"}};
  builder.Write(dir_ / "a", "x:1");
  ASSERT_OK_AND_ASSIGN(auto images, store_->Import(dir_ / "a", ""));
  EXPECT_FALSE(images[0]->pinned);
  EXPECT_THAT(images[0]->labels, SizeIs(3));
}

}  // namespace
}  // namespace cri::image
