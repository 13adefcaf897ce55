// SPDX-License-Identifier: Apache-2.0
#include "cri/image/manifest.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "cri/image/digest.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace cri::image {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;
using ::tests::StatusIs;

constexpr char kOciManifest[] = "application/vnd.oci.image.manifest.v1+json";
constexpr char kOciIndex[] = "application/vnd.oci.image.index.v1+json";

// $D is a digest.
std::string Doc(const std::string& text) {
  return absl::StrReplaceAll(
      text,
      {{"$D", "sha256:" + std::string(64, 'a')},
       {"$CONFIG", R"({"mediaType":"application/vnd.oci.image.config.v1+json",)"
                   R"("digest":"sha256:)" +
                       std::string(64, 'b') + R"(","size":7})"},
       {"$LAYER", "application/vnd.oci.image.layer.v1.tar"}});
}

TEST(ManifestTest, ReadsAManifest) {
  ASSERT_OK_AND_ASSIGN(
      Manifest manifest,
      ParseManifest(Doc(R"({"schemaVersion":2,"config":$CONFIG,"layers":[
        {"mediaType":"$LAYER+gzip","digest":"$D","size":3}]})"),
                    absl::StrCat(kOciManifest, "; charset=utf-8"), "m"));
  EXPECT_FALSE(manifest.is_index);
  EXPECT_EQ(manifest.config.size, 7u);
  ASSERT_EQ(manifest.layers.size(), 1u);
  EXPECT_EQ(manifest.layers[0].size, 3u);
}

struct Bad {
  std::string name, type, body, reason;
};
class ManifestBadTest : public ::testing::TestWithParam<Bad> {};

TEST_P(ManifestBadTest, IsRefusedWithItsReason) {
  EXPECT_THAT(
      ParseManifest(Doc(GetParam().body), GetParam().type, "manifest x"),
      StatusIs(absl::StatusCode::kInvalidArgument,
               AllOf(HasSubstr("manifest x"), HasSubstr(GetParam().reason))));
}

INSTANTIATE_TEST_SUITE_P(
    Table, ManifestBadTest,
    ::testing::Values(
        Bad{"NotJson", "", "{", "not valid JSON"},
        Bad{"NotAnObject", "", "[]", "not a JSON object"},
        Bad{"Empty", "", "{}", "neither an index nor a manifest"},
        // GHSA-5j5w-g665-5m35: one digest, two meanings.
        Bad{"BothKinds", "", R"({"config":$CONFIG,"layers":[],"manifests":[]})",
            "both an index and a manifest"},
        Bad{"RepeatedKey", "", R"({"config":$CONFIG,"layers":[],"layers":[]})",
            "twice"},
        Bad{"KeyInTwoCases", "",
            R"({"config":$CONFIG,"layers":[],"Manifests":[],"manifests":[]})",
            "twice"},
        Bad{"IndexCalledManifest", kOciManifest, R"({"manifests":[]})",
            "but it is an index"},
        Bad{"ManifestCalledIndex", kOciIndex,
            R"({"config":$CONFIG,"layers":[]})", "but it is a manifest"},
        Bad{"BodyAndTransportDiffer", kOciManifest,
            R"({"mediaType":"application/vnd.docker.distribution.manifest.v2+json","config":$CONFIG,"layers":[]})",
            "calls itself"},
        Bad{"UnknownType", "text/html", R"({"config":$CONFIG,"layers":[]})",
            "not supported"},
        Bad{"SchemaOne", "", R"({"schemaVersion":1,"fsLayers":[]})",
            "schema 1"},
        Bad{"Artifact", "",
            R"({"config":{"mediaType":"application/vnd.cncf.helm.config.v1+json","digest":"$D","size":1},"layers":[]})",
            "not a container image"},
        Bad{"BadDigest", "",
            R"({"config":$CONFIG,"layers":[{"mediaType":"$LAYER","digest":"sha256:../../etc","size":1}]})",
            "not a sha256"},
        Bad{"NegativeSize", "",
            R"({"config":$CONFIG,"layers":[{"mediaType":"$LAYER","digest":"$D","size":-1}]})",
            "no valid size"},
        Bad{"ForeignLayer", "",
            R"({"config":$CONFIG,"layers":[{"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip","digest":"$D","size":1}]})",
            "foreign layers"},
        Bad{"ErofsLayer", "",
            R"({"config":$CONFIG,"layers":[{"mediaType":"application/vnd.erofs.layer.v1","digest":"$D","size":1}]})",
            "file system layers"}),
    [](const auto& row) { return row.param.name; });

TEST(ManifestTest, Cve2023_25153_CountsAndSizesAreCapped) {
  std::string layer = Doc(R"({"mediaType":"$LAYER","digest":"$D","size":1})");
  std::string many = layer;
  for (size_t i = 0; i < kMaxLayers; ++i) absl::StrAppend(&many, ",", layer);
  EXPECT_THAT(
      ParseManifest(Doc(R"({"config":$CONFIG,"layers":[)") + many + "]}", "",
                    "m"),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("more than 500 layers")));
  EXPECT_THAT(
      ParseManifest(std::string(kMaxManifestBytes + 1, ' '), "", "m"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("larger than")));
  std::string deep(100000, '[');
  EXPECT_FALSE(ParseManifest(deep, "", "m").ok());
  EXPECT_THAT(
      ParseManifest(
          Doc(R"({"layers":[],"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"$D","size":999999999}})"),
          "", "m"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("config larger")));
}

Descriptor Entry(const std::string& digest, const Platform& platform) {
  Descriptor descriptor;
  descriptor.media_type = kOciManifest;
  descriptor.digest = digest;
  descriptor.platform = platform;
  return descriptor;
}

TEST(ManifestTest, SelectsThePlatform) {
  Manifest index;
  index.is_index = true;
  index.manifests = {Entry("unknown", {"unknown", "unknown", ""}),
                     Entry("arm", {"linux", "arm64", "v8"}),
                     Entry("v3", {"linux", "amd64", "v3"}),
                     Entry("amd", {"linux", "amd64", ""}),
                     Entry("later", {"linux", "amd64", ""})};
  auto digest = [&](const Platform& platform) {
    auto found = SelectPlatform(index, platform, "i");
    return found.ok() ? found->digest : std::string(found.status().message());
  };
  EXPECT_EQ(digest({"linux", "amd64", ""}), "amd");
  EXPECT_EQ(digest({"linux", "arm64", ""}), "arm");
  EXPECT_EQ(digest({"linux", "s390x", ""}),
            "i: no image for linux/s390x (the index has unknown/unknown, "
            "linux/arm64/v8, linux/amd64/v3, linux/amd64, linux/amd64)");
  index.manifests.push_back(Entry("plain", {}));
  EXPECT_EQ(digest({"linux", "s390x", ""}), "plain");
}

TEST(ConfigTest, ReadsWhatAContainerNeeds) {
  ASSERT_OK_AND_ASSIGN(ImageConfig config,
                       ParseConfig(Doc(R"({"os":"linux","architecture":"amd64",
        "rootfs":{"diff_ids":["$D"]},"config":{"User":"1:2","Env":["A=b"],
        "Entrypoint":["/e"],"Cmd":null,"WorkingDir":"/w","StopSignal":"SIGINT",
        "Volumes":{"/v":{}},"Labels":{"k":"v","K":"w"}}})"),
                                   "c"));
  EXPECT_EQ(config.diff_ids.size(), 1u);
  EXPECT_EQ(config.user, "1:2");
  EXPECT_THAT(config.env, ElementsAre("A=b"));
  EXPECT_THAT(config.entrypoint, ElementsAre("/e"));
  EXPECT_THAT(config.volumes, ElementsAre("/v"));
  EXPECT_EQ(config.stop_signal, "SIGINT");
  EXPECT_EQ(config.labels.size(), 2u);
}

TEST(ConfigTest, Cve2022_23648_EvilVolumesAreKeptAsWordsOnly) {
  ASSERT_OK_AND_ASSIGN(ImageConfig config,
                       ParseConfig(Doc(R"({"rootfs":{"diff_ids":["$D"]},
        "config":{"Volumes":{"/../../etc":{},"":{},"/proc":{}}}})"),
                                   "c"));
  EXPECT_THAT(config.volumes, UnorderedElementsAre("/../../etc", "", "/proc"));
}

TEST(ConfigTest, Cve2024_40635_UserIdsThatDoNotFitAreRefused) {
  for (const char* user :
       {"4294967296", "2147483648", "0:4294967296", "99999999999999999999"}) {
    EXPECT_THAT(
        ParseConfig(absl::StrCat(R"({"config":{"User":")", user, R"("}})"),
                    "c"),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 HasSubstr("0 to 2147483647")))
        << user;
  }
  EXPECT_OK(ParseConfig(R"({"config":{"User":"2147483647"}})", "c"));
  EXPECT_OK(ParseConfig(R"({"config":{"User":"www-data"}})", "c"));
}

TEST(ConfigTest, LayersAndPlatformMustFit) {
  Manifest manifest;
  ImageConfig config;
  config.platform = {"linux", "amd64", ""};
  EXPECT_OK(CheckImage(manifest, config, {"linux", "amd64", ""}, "c"));
  config.diff_ids.push_back("x");
  EXPECT_THAT(CheckImage(manifest, config, {"linux", "amd64", ""}, "c"),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

// The second and third were computed with another program.
TEST(ManifestTest, ChainIdNamesAllLayersTogether) {
  std::vector<std::string> layers;
  EXPECT_EQ(ChainId(layers), "");
  const std::pair<char, std::string> expected[] = {
      {'a', std::string(64, 'a')},
      {'b', "ccd722928bd92476ba1745586fed6e45a102504185ad88cd89e01ff116fd146c"},
      {'c', "c1377126441fb2f5ec2c21ae2a60255331d639e830f0ee1b40a36e52d4c40588"},
  };
  for (const auto& [digit, chain] : expected) {
    layers.push_back("sha256:" + std::string(64, digit));
    EXPECT_EQ(ChainId(layers), "sha256:" + chain);
  }
}

}  // namespace
}  // namespace cri::image
