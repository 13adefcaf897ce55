// SPDX-License-Identifier: Apache-2.0
#include "cri/image/archive.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cri/image/digest.h"
#include "cri/image/reference.h"
#include "cri/image/tree.h"
#include "cri/image/unpack.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace cri::image {
namespace {

using runtime::ErrnoStatus;
using runtime::Json;
using runtime::UniqueFd;

constexpr size_t kPiece = 256 << 10;

// Reads a file piece by piece.
class FileReader {
 public:
  explicit FileReader(int fd) : fd_(fd), buffer_(new char[kPiece]) {}
  absl::StatusOr<absl::string_view> Next() {
    ssize_t size;
    do {
      size = read(fd_, buffer_.get(), kPiece);
    } while (size < 0 && errno == EINTR);
    if (size < 0) return ErrnoStatus("read");
    return absl::string_view(buffer_.get(), static_cast<size_t>(size));
  }

 private:
  const int fd_;
  std::unique_ptr<char[]> buffer_;
};

std::string BlobPath(absl::string_view digest) {
  return absl::StrCat("blobs/", digest.substr(0, digest.find(':')), "/",
                      Hex(digest));
}

// One name in normal form. A digest cannot be given, only computed.
absl::StatusOr<Reference> ParseName(absl::string_view name) {
  ASSIGN_OR_RETURN(Reference reference, ParseReference(name));
  if (reference.digest.empty()) return reference;
  return absl::InvalidArgumentError(absl::StrCat(
      "image name \"", name, "\": an import needs a tag, not a digest"));
}

// The names that a descriptor carries. The reference name is often no more
// than a tag: then it does not name an image.
std::vector<std::string> CarriedNames(const Descriptor& descriptor) {
  std::vector<std::string> names;
  for (const char* key :
       {"io.containerd.image.name", "org.opencontainers.image.ref.name"}) {
    auto it = descriptor.annotations.find(key);
    if (it != descriptor.annotations.end() &&
        it->second.find_first_of(":/") != std::string::npos) {
      names.push_back(it->second);
      break;
    }
  }
  return names;
}

absl::Status NoName() {
  return absl::InvalidArgumentError(
      "an image in it carries no name: give it one");
}

}  // namespace

Layout::~Layout() {
  if (scratch_.empty()) return;
  if (auto status = runtime::RemoveTree(scratch_); !status.ok()) {
    runtime::log::Warning("image store: ", status.message());
  }
}

absl::StatusOr<std::unique_ptr<Layout>> Layout::Open(
    const std::string& path, const std::string& scratch) {
  std::unique_ptr<Layout> layout(new Layout());
  struct stat st;
  if (stat(path.c_str(), &st) != 0) return ErrnoStatus("open");
  if (S_ISDIR(st.st_mode)) {
    ASSIGN_OR_RETURN(layout->root_,
                     runtime::OpenFile(path, O_RDONLY | O_DIRECTORY));
  } else if (S_ISREG(st.st_mode)) {
    RETURN_IF_ERROR(layout->Extract(path, scratch));
  } else {
    return absl::InvalidArgumentError("neither a directory nor an archive");
  }
  return layout;
}

absl::Status Layout::Extract(const std::string& path,
                             const std::string& scratch) {
  ASSIGN_OR_RETURN(UniqueFd archive, runtime::OpenFile(path, O_RDONLY));
  RETURN_IF_ERROR(runtime::MakeDirs(scratch, 0700));
  scratch_ = scratch;
  ASSIGN_OR_RETURN(UniqueFd target,
                   runtime::OpenFile(scratch, O_RDONLY | O_DIRECTORY));
  FileReader reader(archive.get());
  auto unpacked =
      UnpackLayer([&] { return reader.Next(); }, std::move(target), "sha256");
  RETURN_IF_ERROR(unpacked.status());
  ASSIGN_OR_RETURN(root_, runtime::OpenFile(scratch, O_RDONLY | O_DIRECTORY));
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> Layout::OpenRegular(const std::string& path) {
  ASSIGN_OR_RETURN(std::string clean, CleanPath(path));
  ASSIGN_OR_RETURN(UniqueFd fd,
                   OpenInRoot(root_.get(), clean, O_RDONLY | O_NONBLOCK));
  struct stat st;
  if (fstat(fd.get(), &st) != 0) return ErrnoStatus("stat " + path);
  if (!S_ISREG(st.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": not a regular file"));
  }
  return fd;
}

absl::StatusOr<std::string> Layout::ReadSmall(const std::string& path,
                                              size_t max) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenRegular(path));
  return runtime::ReadFd(fd.get(), path, max);
}

absl::StatusOr<std::vector<LayoutImage>> Layout::Images(
    const std::string& name) {
  auto index = ReadSmall("index.json", kMaxManifestBytes);
  if (index.ok()) return OciImages(*index, name);
  if (!absl::IsNotFound(index.status())) return index.status();
  auto manifest = ReadSmall("manifest.json", kMaxManifestBytes);
  if (manifest.ok()) return DockerImages(*manifest, name);
  if (!absl::IsNotFound(manifest.status())) return manifest.status();
  return absl::InvalidArgumentError(
      "neither index.json nor manifest.json is in it: not an image archive");
}

absl::StatusOr<std::vector<LayoutImage>> Layout::OciImages(
    const std::string& text, const std::string& name) {
  ASSIGN_OR_RETURN(Manifest index, ParseManifest(text, "", "index.json"));
  if (!index.is_index || index.manifests.empty()) {
    return absl::InvalidArgumentError("index.json: lists no image");
  }
  std::vector<std::pair<Descriptor, std::vector<std::string>>> entries;
  for (const Descriptor& descriptor : index.manifests) {
    auto names = CarriedNames(descriptor);
    if (!names.empty()) entries.emplace_back(descriptor, std::move(names));
  }
  if (entries.empty()) {
    // Entries without names are the platforms of one image.
    if (name.empty()) return NoName();
    Descriptor only = index.manifests[0];
    if (index.manifests.size() > 1) {
      ASSIGN_OR_RETURN(only,
                       SelectPlatform(index, NodePlatform(), "index.json"));
    }
    entries.emplace_back(only, std::vector<std::string>());
  }
  if (!name.empty()) {
    if (entries.size() > 1) {
      return absl::InvalidArgumentError(absl::StrCat(
          "it holds ", entries.size(), " images: one name does not fit them"));
    }
    entries[0].second = {name};
  }
  std::vector<LayoutImage> images;
  for (const auto& [descriptor, names] : entries) {
    LayoutImage image;
    image.descriptor = descriptor;
    for (const std::string& text_name : names) {
      ASSIGN_OR_RETURN(Reference reference, ParseName(text_name));
      image.names.tags.push_back(reference.ToString());
      image.names.digests.push_back(
          absl::StrCat(reference.Name(), "@", descriptor.digest));
    }
    std::string unused;
    ASSIGN_OR_RETURN(image.manifest,
                     FetchManifest(descriptor, Control(), &unused));
    RETURN_IF_ERROR(
        VerifyDigest(image.manifest, descriptor.digest, "manifest"));
    images.push_back(std::move(image));
  }
  return images;
}

absl::StatusOr<std::vector<LayoutImage>> Layout::DockerImages(
    const std::string& text, const std::string& name) {
  ASSIGN_OR_RETURN(Json entries, runtime::ParseJson(text, "manifest.json"));
  if (!entries.is_array() || entries.empty()) {
    return absl::InvalidArgumentError("manifest.json: lists no image");
  }
  if (!name.empty() && entries.size() > 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "it holds ", entries.size(), " images: one name does not fit them"));
  }
  std::vector<LayoutImage> images;
  for (const Json& entry : entries) {
    LayoutImage image;
    image.docker = true;
    image.config_path = runtime::StringAt(entry, "Config");
    const Json& layers = runtime::ArrayAt(entry, "Layers");
    if (layers.size() > kMaxLayers) {
      return absl::InvalidArgumentError("manifest.json: too many layers");
    }
    for (const Json& layer : layers) {
      if (!layer.is_string()) {
        return absl::InvalidArgumentError(
            "manifest.json: Layers: expected strings");
      }
      image.layer_paths.push_back(layer.get_ref<const std::string&>());
    }
    std::vector<std::string> names;
    for (const Json& tag : runtime::ArrayAt(entry, "RepoTags")) {
      if (tag.is_string()) names.push_back(tag.get_ref<const std::string&>());
    }
    if (!name.empty()) names = {name};
    if (names.empty()) return NoName();
    for (const std::string& tag : names) {
      ASSIGN_OR_RETURN(Reference reference, ParseName(tag));
      image.names.tags.push_back(reference.ToString());
    }
    images.push_back(std::move(image));
  }
  return images;
}

absl::StatusOr<Plan> Layout::DockerPlan(const LayoutImage& image) {
  Plan plan;
  ASSIGN_OR_RETURN(plan.config_json,
                   ReadSmall(image.config_path, kMaxConfigBytes));
  plan.id = Sha256(plan.config_json);
  ASSIGN_OR_RETURN(plan.config,
                   ParseConfig(plan.config_json, image.config_path));
  for (const std::string& path : image.layer_paths) {
    ASSIGN_OR_RETURN(UniqueFd fd, OpenRegular(path));
    FileReader reader(fd.get());
    Hasher hasher;
    Descriptor layer;
    while (true) {
      ASSIGN_OR_RETURN(absl::string_view piece, reader.Next());
      if (piece.empty()) break;
      hasher.Update(piece);
      layer.size += piece.size();
    }
    layer.digest = hasher.Finish();
    paths_[layer.digest] = path;
    plan.manifest.layers.push_back(std::move(layer));
  }
  RETURN_IF_ERROR(CheckImage(plan.manifest, plan.config, NodePlatform(),
                             image.config_path));
  return plan;
}

absl::StatusOr<std::string> Layout::FetchManifest(const Descriptor& descriptor,
                                                  const Control& control,
                                                  std::string* media_type) {
  RETURN_IF_ERROR(control.Check());
  *media_type = descriptor.media_type;
  return ReadSmall(BlobPath(descriptor.digest), kMaxManifestBytes);
}

absl::Status Layout::FetchBlob(const Descriptor& descriptor,
                               const Control& control, const Sink& sink) {
  auto own = paths_.find(descriptor.digest);
  ASSIGN_OR_RETURN(UniqueFd fd, OpenRegular(own != paths_.end()
                                                ? own->second
                                                : BlobPath(descriptor.digest)));
  FileReader reader(fd.get());
  while (true) {
    RETURN_IF_ERROR(control.Check());
    ASSIGN_OR_RETURN(absl::string_view piece, reader.Next());
    if (piece.empty()) return absl::OkStatus();
    RETURN_IF_ERROR(sink(piece));
  }
}

}  // namespace cri::image
