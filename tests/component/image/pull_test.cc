// SPDX-License-Identifier: Apache-2.0
// Pulls from a real registry.
#include <sys/stat.h>

#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "runtime/base/file.h"
#include "tests/component/image/registry_fixture.h"
#include "tests/support/status_matchers.h"

namespace cri::image {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;
using ::tests::StatusIs;

// Layers, staged data and trash that are on disk.
size_t FilesIn(const std::string& path) {
  auto names = runtime::ListDir(path);
  return names.ok() ? names->size() : 0;
}

class PullTest : public RegistryTest {
 protected:
  void ExpectNothingLeft() {
    for (const char* room : {"layers", "tmp", "index", "blobs"}) {
      EXPECT_EQ(FilesIn(dir_ / absl::StrCat("root/images/", room)), 0u) << room;
    }
  }
};

ImageBuilder SmallImage(const std::string& marker) {
  ImageBuilder builder;
  builder.AddLayer({Dir("bin"), File("bin/sh", "#!", 0755)});
  builder.AddLayer({File("marker", marker)});
  return builder;
}

// Bytes that no compressor makes small.
std::string Noise(size_t size) {
  std::string data(size, '\0');
  uint64_t state = 88172645463325252u;
  for (char& c : data) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    c = static_cast<char>(state);
  }
  return data;
}

TEST_F(PullTest, PullsByTagAndByDigest) {
  ImageBuilder builder = SmallImage("one");
  Push(&builder, "app:1");
  ASSERT_OK_AND_ASSIGN(ImagePtr image, store_->Pull(Name("app:1"), {}));
  EXPECT_EQ(image->id, builder.Id());
  EXPECT_THAT(image->repo_tags, ElementsAre(Name("app:1")));
  const std::string digest =
      Name(absl::StrCat("app@", builder.ManifestDigest()));
  EXPECT_THAT(image->repo_digests, ElementsAre(digest));
  EXPECT_THAT(image->cmd, ElementsAre("sh"));
  struct stat st;
  ASSERT_EQ(stat((image->layer_dirs[0] + "/bin/sh").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0755u);
  ASSERT_OK_AND_ASSIGN(ImagePtr again, store_->Pull(digest, {}));
  EXPECT_EQ(again->id, image->id);
}

TEST_F(PullTest, PullsZstdAndPlainLayers) {
  ImageBuilder builder;
  builder.AddLayer({File("z", Noise(300000))}, ImageBuilder::kZstd)
      .AddLayer({File("p", "plain")}, ImageBuilder::kNone);
  Push(&builder, "zstd:1");
  ASSERT_OK_AND_ASSIGN(ImagePtr image, store_->Pull(Name("zstd:1"), {}));
  ASSERT_OK_AND_ASSIGN(auto z, store_->ReadFile(*image, "z", 1 << 20));
  EXPECT_EQ(z.value_or(""), Noise(300000));
  ASSERT_OK_AND_ASSIGN(auto p, store_->ReadFile(*image, "p", 1 << 20));
  EXPECT_EQ(p.value_or(""), "plain");
}

TEST_F(PullTest, KeepsASharedLayerOnce) {
  ImageBuilder one = SmallImage("one"), two = SmallImage("two");
  Push(&one, "one:1");
  Push(&two, "two:1");
  ASSERT_OK_AND_ASSIGN(ImagePtr a, store_->Pull(Name("one:1"), {}));
  ASSERT_OK_AND_ASSIGN(ImagePtr b, store_->Pull(Name("two:1"), {}));
  EXPECT_EQ(a->layer_dirs[0], b->layer_dirs[0]);
  EXPECT_NE(a->layer_dirs[1], b->layer_dirs[1]);
  EXPECT_EQ(FilesIn(dir_ / "root/images/layers"), 3u);
  ASSERT_OK(store_->Remove(Name("one:1")));
  EXPECT_EQ(store_->Find(Name("one:1")), nullptr);
  EXPECT_EQ(FilesIn(dir_ / "root/images/layers"), 2u);
  EXPECT_TRUE(runtime::Exists(b->layer_dirs[0] + "/bin/sh"));
}

TEST_F(PullTest, MirrorsOfSeveralRegistriesNameOneImage) {
  ImageBuilder builder = SmallImage("pause");
  Push(&builder, "pause:3.9");
  const std::string mirror =
      absl::StrCat("server = \"http://127.0.0.1:", port_, "\"\n");
  WriteHosts("registry.k8s.io", mirror);
  WriteHosts("k8s.gcr.io", mirror);
  ASSERT_OK_AND_ASSIGN(ImagePtr a,
                       store_->Pull("registry.k8s.io/pause:3.9", {}));
  ASSERT_OK_AND_ASSIGN(ImagePtr b, store_->Pull("k8s.gcr.io/pause:3.9", {}));
  EXPECT_EQ(a->id, b->id);
  EXPECT_THAT(b->repo_tags, UnorderedElementsAre("registry.k8s.io/pause:3.9",
                                                 "k8s.gcr.io/pause:3.9"));
  EXPECT_EQ(store_->List().size(), 1u);
  ASSERT_OK(store_->Remove("k8s.gcr.io/pause:3.9"));
  EXPECT_EQ(store_->Find("registry.k8s.io/pause:3.9"), nullptr);
  EXPECT_EQ(store_->Find(a->id), nullptr);
  ASSERT_OK(store_->Remove("k8s.gcr.io/pause:3.9"));
  ExpectNothingLeft();
}

TEST_F(PullTest, ATagThatMovedLeavesItsOldImage) {
  ImageBuilder old_image = SmallImage("old"), new_image = SmallImage("new");
  Push(&old_image, "app:latest");
  ASSERT_OK_AND_ASSIGN(ImagePtr before, store_->Pull(Name("app"), {}));
  Push(&new_image, "app:latest");
  ASSERT_OK_AND_ASSIGN(ImagePtr after, store_->Pull(Name("app"), {}));
  EXPECT_NE(before->id, after->id);
  EXPECT_EQ(store_->Find(Name("app"))->id, new_image.Id());
  ImagePtr dangling = store_->Find(old_image.Id());
  ASSERT_NE(dangling, nullptr);
  EXPECT_THAT(dangling->repo_tags, ElementsAre());
  EXPECT_EQ(dangling->repo_digests.size(), 1u);
  OpenStore();
  EXPECT_EQ(store_->Find(Name("app"))->id, new_image.Id());
}

TEST_F(PullTest, AnUnknownImageNamesUrlAndStatus) {
  WriteHosts("registry.k8s.io",
             absl::StrCat("server = \"http://127.0.0.1:", port_, "\"\n"));
  EXPECT_THAT(
      store_->Pull("registry.k8s.io/nope:1", {}),
      StatusIs(
          absl::StatusCode::kNotFound,
          absl::StrCat("pull registry.k8s.io/nope:1: http://127.0.0.1:", port_,
                       "/v2/nope/manifests/1: 404 Not "
                       "Found (manifest unknown)")));
  ExpectNothingLeft();
}

TEST_F(PullTest, AMirrorThatIsDownIsPassedOverAndNamedIfAllFail) {
  ImageBuilder builder = SmallImage("m");
  Push(&builder, "app:1");
  const int dead = FreePort();
  WriteHosts("example.com",
             absl::StrCat("server = \"http://127.0.0.1:", port_,
                          "\"\n[host.\"http://127.0.0.1:", dead,
                          "\"]\ncapabilities = [\"pull\", \"resolve\"]\n"));
  ASSERT_OK_AND_ASSIGN(ImagePtr image, store_->Pull("example.com/app:1", {}));
  EXPECT_THAT(image->repo_tags, ElementsAre("example.com/app:1"));
  absl::Status failed = store_->Pull("example.com/nope:1", {}).status();
  EXPECT_EQ(failed.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(failed.message()),
              HasSubstr(absl::StrCat("127.0.0.1:", dead, "/v2/nope")));
  EXPECT_THAT(std::string(failed.message()), HasSubstr("404 Not Found"));
  StopRegistry();
  EXPECT_THAT(store_->Pull("example.com/app:1", {}),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr(absl::StrCat("127.0.0.1:", port_))));
}

TEST_F(PullTest, ACorruptBlobIsAClearErrorAndLeavesNothing) {
  ImageBuilder builder;
  builder.AddLayer({File("data", Noise(500000))});
  Push(&builder, "broken:1");
  const std::string layer = builder.manifest["layers"][0]["digest"];
  ASSERT_OK_AND_ASSIGN(std::string blob, runtime::ReadFile(BlobFile(layer)));
  blob[blob.size() / 2] ^= 1;
  ASSERT_OK(runtime::WriteFileAtomic(BlobFile(layer), blob));
  EXPECT_THAT(store_->Pull(Name("broken:1"), {}),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr(absl::StrCat("layer ", layer,
                                              ": the blob's digest is"))));
  EXPECT_EQ(store_->Find(Name("broken:1")), nullptr);
  ExpectNothingLeft();
}

TEST_F(PullTest, ATruncatedBlobIsAClearErrorAndLeavesNothing) {
  ImageBuilder builder;
  builder.AddLayer({File("data", Noise(100000))});
  Push(&builder, "short:1");
  const std::string layer = builder.manifest["layers"][0]["digest"];
  ASSERT_OK_AND_ASSIGN(std::string blob, runtime::ReadFile(BlobFile(layer)));
  blob.resize(blob.size() / 2);
  ASSERT_OK(runtime::WriteFileAtomic(BlobFile(layer), blob));
  absl::Status status = store_->Pull(Name("short:1"), {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()),
              testing::AllOf(HasSubstr(absl::StrCat("layer ", layer)),
                             HasSubstr("the manifest says")));
  ExpectNothingLeft();
}

// Of the registry it is asked first; a fast one answers within a millisecond,
// so the deadline is one that has passed by then.
TEST_F(PullTest, AShortDeadlineFailsEvenIfTheImageIsHere) {
  ImageBuilder builder = SmallImage("d");
  Push(&builder, "app:1");
  ASSERT_OK(store_->Pull(Name("app:1"), {}));
  PullOptions options;
  options.deadline = absl::Now();
  EXPECT_THAT(store_->Pull(Name("app:1"), options),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
}

TEST_F(PullTest, ACancelledPullLeavesNothing) {
  ImageBuilder builder;
  builder.AddLayer({File("data", Noise(20 << 20))});
  Push(&builder, "big:1");
  std::atomic<bool> stop{false};
  PullOptions options;
  options.cancelled = [&] { return stop.load(); };
  options.on_progress = [&](const PullProgress& progress) {
    EXPECT_EQ(progress.layers_total, 1);
    stop = true;
  };
  EXPECT_THAT(store_->Pull(Name("big:1"), options),
              StatusIs(absl::StatusCode::kCancelled));
  store_.reset();  // waits for the layer job to see it
  ExpectNothingLeft();
}

TEST_F(PullTest, APullThatWaitsForItsBytesEndsWhenItIsCancelled) {
  ImageBuilder builder;
  builder.AddLayer({File("data", Noise(4 << 20))});
  Push(&builder, "big:1");
  StoreOptions limited{dir_ / "limited", dir_ / "certs.d"};
  limited.download_bytes_per_second = 65536;
  ASSERT_OK_AND_ASSIGN(auto store, OpenImageStore(limited));
  std::atomic<bool> stop{false};
  PullProgress last;
  PullOptions options;
  options.cancelled = [&] { return stop.load(); };
  options.on_progress = [&](const PullProgress& progress) {
    last = progress;
    if (progress.bytes_done > 0) stop = true;
  };
  EXPECT_THAT(store->Pull(Name("big:1"), options),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_GT(last.bytes_done, 0u);
  EXPECT_LT(last.bytes_done, last.bytes_total / 2);
  store.reset();  // waits for the layer job to see it
  EXPECT_EQ(FilesIn(dir_ / "limited/images/tmp"), 0u);
}

TEST_F(PullTest, ConcurrentPullsShareTheWork) {
  ImageBuilder builder;
  builder.AddLayer({File("data", Noise(4 << 20))});
  Push(&builder, "app:1");
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      auto image = store_->Pull(Name("app:1"), {});
      EXPECT_OK(image.status());
      if (image.ok() && (*image)->id == builder.Id()) ++good;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 8);
  EXPECT_EQ(FilesIn(dir_ / "root/images/layers"), 1u);
  EXPECT_EQ(FilesIn(dir_ / "root/images/tmp"), 0u);
}

TEST_F(PullTest, SelectsThePlatformOfAnIndex) {
  ImageBuilder mine = SmallImage("mine"), other;
  other.config["architecture"] = "riscv64";
  other.AddLayer({File("foreign", "")});
  Push(&mine, "multi:a");
  Push(&other, "multi:b");
  auto entry = [](const ImageBuilder& builder, const char* arch) {
    return runtime::Json{
        {"mediaType", "application/vnd.oci.image.manifest.v1+json"},
        {"digest", builder.ManifestDigest()},
        {"size", builder.ManifestText().size()},
        {"platform", {{"os", "linux"}, {"architecture", arch}}}};
  };
  runtime::Json index = {
      {"schemaVersion", 2},
      {"mediaType", "application/vnd.oci.image.index.v1+json"},
      {"manifests", {entry(other, "riscv64"), entry(mine, "amd64")}}};
  ASSERT_OK(runtime::WriteFileAtomic(dir_ / "index.json", index.dump()));
  ASSERT_TRUE(RunProgram(
      {"curl", "-sf", "-X", "PUT", "-H",
       "Content-Type: application/vnd.oci.image.index.v1+json", "--data-binary",
       absl::StrCat("@", dir_ / "index.json"),
       absl::StrCat("http://127.0.0.1:", port_, "/v2/multi/manifests/1")}));
  ASSERT_OK_AND_ASSIGN(ImagePtr image, store_->Pull(Name("multi:1"), {}));
  EXPECT_EQ(image->id, mine.Id());
  EXPECT_THAT(store_->Pull(Name("multi:b"), {}),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("the image is for linux/riscv64")));
}

}  // namespace
}  // namespace cri::image
