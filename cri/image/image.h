// SPDX-License-Identifier: Apache-2.0
// What the rest of the CRI server sees of images: ImageStore, its Image values
// and the requests to it. Thread safe; calls block (network, disk).
#ifndef CORACLE_CRI_IMAGE_IMAGE_H_
#define CORACLE_CRI_IMAGE_IMAGE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace cri::image {

// One image, keyed by the digest of its config (CRI Image.id).
struct Image {
  std::string id;                      // "sha256:<hex>" of the config
  std::vector<std::string> repo_tags;  // "docker.io/library/busybox:1.37"
  std::vector<std::string>
      repo_digests;  // "docker.io/library/busybox@sha256:…"
  uint64_t size_bytes = 0;
  bool pinned = false;
  std::vector<std::string> layer_dirs;  // extracted layers, lowest first
  std::string config_json;              // the OCI image config, verbatim
  // Taken from the config:
  std::string user;  // "", "1000", "www-data:1004", …
  std::vector<std::string> env, entrypoint, cmd;
  std::string working_dir;
  std::string stop_signal;
  std::vector<std::string> volumes;
  std::map<std::string, std::string> labels;
};
using ImagePtr = std::shared_ptr<const Image>;
// The name to show of an image: its first tag, else its first digest or its id.
std::string NameOf(const Image& image);

struct Auth {
  std::string username, password;
  std::string auth;  // base64 "user:password"
  std::string server_address;
  std::string identity_token, registry_token;
};

// How far a pull is, for progress bars and `coracle status`.
struct PullProgress {
  std::string reference;  // whole: "docker.io/library/busybox:latest"
  std::string requested;  // as Pull was asked
  int layers_total = 0, layers_done = 0;
  int layers_waiting = 0;  // for slots that other pulls have
  uint64_t bytes_total = 0, bytes_done = 0;
};

struct PullOptions {
  Auth auth;
  absl::Time deadline = absl::InfiniteFuture();
  std::function<bool()> cancelled;                       // polled; may be empty
  std::function<void(const PullProgress&)> on_progress;  // may be empty
};

struct FsUsage {
  std::string mountpoint;
  uint64_t used_bytes = 0;
  uint64_t inodes_used = 0;
};

// How much the store may keep of what nobody uses. Nothing goes that a
// container in whatever state has, by itself or as a volume, that is pinned, or
// that was pulled, used or asked for by name in the last kLeastAge.
struct Budget {
  uint64_t max_bytes = 0;     // of all images on disk; 0: as many as there are
  absl::Duration max_unused;  // 0: for ever
  bool IsSet() const {
    return max_bytes > 0 || max_unused > absl::ZeroDuration();
  }
};
// As the kubelet's imageMinimumGCAge: a pod's images come before its
// containers.
inline constexpr absl::Duration kLeastAge = absl::Minutes(2);

// What an image takes, and why it is there.
struct ImageUse {
  ImagePtr image;
  uint64_t own_bytes = 0;            // of what no other image has
  std::vector<std::string> holders;  // see Hold
  absl::Time used;                   // when it last was, if nobody holds it
};

// What holds the bytes of the store.
struct StoreUse {
  uint64_t bytes = 0;  // of all; what images share counts once
  std::vector<ImageUse> images;
  // Layers that no image has any more, by who still holds them.
  std::map<std::vector<std::string>, uint64_t> removed;
  Budget budget;
  // What would be left without all that the budget may remove now.
  uint64_t least_bytes = 0;
};

inline constexpr int kMostParallelDownloads = 64;

struct StoreOptions {
  std::string root;                 // <root>/images
  std::string registry_config_dir;  // certs.d with <host>/hosts.toml
  // Layers fetched at once, 1 to kMostParallelDownloads: of one image, and of
  // all.
  int parallel_downloads = 3;
  int max_downloads = 8;
  // From registries, of all pulls together; 0: no limit.
  int64_t download_bytes_per_second = 0;
  std::vector<std::string> pinned_images;  // see IsPinnedName
};

class ImageStore {
 public:
  virtual ~ImageStore() = default;

  // Pulls `reference` (normalised as docker does: docker.io/library, :latest)
  // and returns the image. Several pulls of one image share the work.
  // Errors ("pull NAME: URL: reason; URL: reason …"): INVALID_ARGUMENT for the
  // reference, hosts.toml or a document that is refused; NOT_FOUND if the
  // registry does not know it or has nothing for this platform;
  // PERMISSION_DENIED if it refuses; DATA_LOSS for wrong digests and broken
  // layers; CANCELLED, DEADLINE_EXCEEDED; UNAVAILABLE if no registry answers.
  // For the CRI edge: send UNAVAILABLE with code UNKNOWN and the message
  // "RegistryUnavailable: " + text, as the kubelet matches that prefix.
  virtual absl::StatusOr<ImagePtr> Pull(const std::string& reference,
                                        const PullOptions& options) = 0;
  // By tag, digest, id ("sha256:…" or bare) or unique id prefix; null if there
  // is none.
  virtual ImagePtr Find(const std::string& reference) = 0;
  virtual std::vector<ImagePtr> List() = 0;
  // Removes the whole image that `reference` names, with all its names. Layers
  // still used by a container (see Hold) go when it lets go. Unknown: OK.
  virtual absl::Status Remove(const std::string& reference) = 0;
  // Imports an OCI layout directory or an OCI/docker archive (tar) under the
  // given name, or the names that it carries if empty.
  virtual absl::StatusOr<std::vector<ImagePtr>> Import(
      const std::string& path, const std::string& name) = 0;
  virtual FsUsage Usage() = 0;
  virtual std::vector<PullProgress> ActivePulls() = 0;

  // Keeps the layers of `image_id` on disk for the user `holder` (a container
  // id) until Release; survives restart. Idempotent; one user may hold several
  // images.
  virtual absl::Status Hold(const std::string& image_id,
                            const std::string& holder) = 0;
  virtual void Release(const std::string& holder) = 0;
  // Who holds something now.
  virtual std::set<std::string> Holders() = 0;

  // A file of the image as a container would see it at start (topmost layer
  // wins, whiteouts hide), at most `max_bytes`, never following symlinks out of
  // the layers; nullopt if there is none. For /etc/passwd and /etc/group.
  virtual absl::StatusOr<std::optional<std::string>> ReadFile(
      const Image& image, const std::string& path, size_t max_bytes) = 0;

  // Somebody asked for the image and may be about to use it: no budget removes
  // it for a while. Unknown: nothing.
  virtual void Expect(const std::string& image_id) = 0;
  // From now on what is over the budget is removed in the background, the
  // longest unused first; each removal is logged with its reason.
  virtual void SetBudget(const Budget& budget) = 0;
  virtual StoreUse Explain() = 0;

  // Takes over all but the root, for what begins from now on.
  virtual void Configure(const StoreOptions& options) = 0;
};

// Opens (and after a crash sweeps) the store.
absl::StatusOr<std::unique_ptr<ImageStore>> OpenImageStore(
    const StoreOptions& options);

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_IMAGE_H_
