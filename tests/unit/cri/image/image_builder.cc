// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/cri/image/image_builder.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

#include "absl/strings/str_cat.h"
#include "cri/image/digest.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"

namespace cri::image {
namespace {

using runtime::Json;

void MustWrite(const std::string& path, const std::string& data) {
  auto status = runtime::WriteFileAtomic(path, data, 0644);
  ASSERT_TRUE(status.ok()) << status;
}

la_ssize_t Append(archive*, void* out, const void* data, size_t size) {
  static_cast<std::string*>(out)->append(static_cast<const char*>(data), size);
  return static_cast<la_ssize_t>(size);
}

}  // namespace

TarEntry File(const std::string& path, const std::string& content,
              unsigned mode) {
  TarEntry entry;
  entry.path = path;
  entry.content = content;
  entry.mode = mode;
  return entry;
}

TarEntry Dir(const std::string& path, unsigned mode) {
  TarEntry entry;
  entry.path = path;
  entry.type = S_IFDIR;
  entry.mode = mode;
  return entry;
}

TarEntry Symlink(const std::string& path, const std::string& target) {
  TarEntry entry;
  entry.path = path;
  entry.type = S_IFLNK;
  entry.link = target;
  entry.mode = 0777;
  return entry;
}

TarEntry HardLink(const std::string& path, const std::string& target) {
  TarEntry entry;
  entry.path = path;
  entry.hardlink = target;
  return entry;
}

std::string MakeTar(const std::vector<TarEntry>& entries) {
  std::string out;
  archive* a = archive_write_new();
  archive_write_set_format_pax(a);
  archive_write_set_bytes_per_block(a, 0);
  archive_write_open(a, &out, nullptr, &Append, nullptr);
  for (const TarEntry& entry : entries) {
    archive_entry* e = archive_entry_new();
    archive_entry_set_pathname(e, entry.path.c_str());
    archive_entry_set_filetype(e, entry.type);
    archive_entry_set_perm(e, entry.mode);
    archive_entry_set_uid(e, entry.uid);
    archive_entry_set_gid(e, entry.gid);
    archive_entry_set_mtime(e, entry.mtime, 0);
    archive_entry_set_rdevmajor(e, entry.dev_major);
    archive_entry_set_rdevminor(e, entry.dev_minor);
    if (!entry.link.empty()) archive_entry_set_symlink(e, entry.link.c_str());
    if (!entry.hardlink.empty()) {
      archive_entry_set_hardlink(e, entry.hardlink.c_str());
    }
    if (entry.type == S_IFREG && entry.hardlink.empty()) {
      archive_entry_set_size(e, static_cast<int64_t>(entry.content.size()));
    }
    for (const auto& [key, value] : entry.xattrs) {
      archive_entry_xattr_add_entry(e, key.c_str(), value.data(), value.size());
    }
    EXPECT_GE(archive_write_header(a, e), ARCHIVE_WARN)
        << archive_error_string(a);
    archive_write_data(a, entry.content.data(), entry.content.size());
    archive_entry_free(e);
  }
  archive_write_close(a);
  archive_write_free(a);
  return out;
}

std::string Gzip(const std::string& data) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, data.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string Zstd(const std::string& data) {
  std::string out(ZSTD_compressBound(data.size()), '\0');
  out.resize(
      ZSTD_compress(out.data(), out.size(), data.data(), data.size(), 3));
  return out;
}

ImageBuilder::ImageBuilder() {
  config = {{"os", "linux"},
            {"architecture", "amd64"},
            {"config", {{"Cmd", {"sh"}}, {"Env", {"PATH=/bin"}}}}};
  manifest = {{"schemaVersion", 2},
              {"mediaType", "application/vnd.oci.image.manifest.v1+json"},
              {"layers", Json::array()}};
}

ImageBuilder& ImageBuilder::AddLayer(const std::vector<TarEntry>& entries,
                                     Compression compression) {
  std::string tar = MakeTar(entries);
  if (compression == kGzip) return AddRawLayer(Gzip(tar), tar);
  AddRawLayer(compression == kZstd ? Zstd(tar) : tar, tar);
  manifest["layers"].back()["mediaType"] =
      compression == kZstd ? "application/vnd.oci.image.layer.v1.tar+zstd"
                           : "application/vnd.oci.image.layer.v1.tar";
  return *this;
}

ImageBuilder& ImageBuilder::AddRawLayer(const std::string& blob,
                                        const std::string& tar) {
  diff_ids.push_back(Sha256(tar));
  manifest["layers"].push_back(
      {{"mediaType", "application/vnd.oci.image.layer.v1.tar+gzip"},
       {"digest", Sha256(blob)},
       {"size", blob.size()}});
  blobs_.push_back(blob);
  return *this;
}

std::string ImageBuilder::ConfigText() const {
  Json full = config;
  if (!full.contains("rootfs")) {
    full["rootfs"] = {{"type", "layers"}, {"diff_ids", diff_ids}};
  }
  return full.dump();
}

std::string ImageBuilder::ManifestText() const {
  Json full = manifest;
  if (!full.contains("config")) {
    const std::string text = ConfigText();
    full["config"] = {{"mediaType", "application/vnd.oci.image.config.v1+json"},
                      {"digest", Sha256(text)},
                      {"size", text.size()}};
  }
  return full.dump();
}

std::string ImageBuilder::Id() const { return Sha256(ConfigText()); }
std::string ImageBuilder::ManifestDigest() const {
  return Sha256(ManifestText());
}

void ImageBuilder::Write(const std::string& dir, const std::string& ref_name) {
  const std::string blobs = dir + "/blobs/sha256/";
  ASSERT_TRUE(runtime::MakeDirs(blobs).ok());
  for (const std::string& blob : blobs_) {
    MustWrite(blobs + std::string(Hex(Sha256(blob))), blob);
  }
  MustWrite(blobs + std::string(Hex(Id())), ConfigText());
  const std::string text = ManifestText();
  MustWrite(blobs + std::string(Hex(Sha256(text))), text);
  MustWrite(dir + "/oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
  Json index = {{"schemaVersion", 2}, {"manifests", Json::array()}};
  auto old = runtime::ReadFile(dir + "/index.json");
  if (old.ok()) index = Json::parse(*old, nullptr, false);
  Json entry = {{"mediaType", runtime::StringAt(manifest, "mediaType")},
                {"digest", Sha256(text)},
                {"size", text.size()},
                {"platform", {{"os", "linux"}, {"architecture", "amd64"}}}};
  if (!ref_name.empty()) {
    entry["annotations"] = {{"org.opencontainers.image.ref.name", ref_name}};
  }
  index["manifests"].push_back(entry);
  MustWrite(dir + "/index.json", index.dump());
}

}  // namespace cri::image
