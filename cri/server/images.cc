// SPDX-License-Identifier: Apache-2.0
// ImageService.
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cri/container/user.h"
#include "cri/image/auth.h"
#include "cri/image/digest.h"
#include "cri/image/manifest.h"
#include "cri/image/reference.h"
#include "cri/server/errors.h"
#include "cri/server/rpc.h"
#include "runtime/base/json.h"
#include "runtime/base/status.h"

namespace cri::server {
namespace {

using runtime::Json;
namespace v1 = ::runtime::v1;

// USER of the image config as uid or name, never both; the group is dropped.
void SetUser(const std::string& text, v1::Image& out) {
  std::string user = text.substr(0, text.find(':'));
  if (user.empty()) return;
  if (std::optional<uint32_t> uid = container::ParseId(user)) {
    out.mutable_uid()->set_value(*uid);
  } else {
    out.set_username(user);
  }
}

v1::Image ToApi(const image::Image& image) {
  v1::Image out;
  out.set_id(image.id);
  for (const std::string& tag : image.repo_tags) out.add_repo_tags(tag);
  for (const std::string& digest : image.repo_digests) {
    out.add_repo_digests(digest);
  }
  // Clients take size 0 for a broken answer.
  out.set_size(image.size_bytes == 0 ? 1 : image.size_bytes);
  SetUser(image.user, out);
  out.mutable_spec()->set_image(image::NameOf(image));
  out.set_pinned(image.pinned);
  return out;
}

absl::StatusOr<std::string> NameIn(const v1::ImageSpec& spec) {
  if (spec.image().empty()) {
    return absl::InvalidArgumentError("image.image: is empty");
  }
  return spec.image();
}

std::string VerboseInfo(const image::Image& image) {
  Json info{{"chainLayers", image.layer_dirs.size()}};
  absl::StatusOr<image::ImageConfig> parsed =
      image::ParseConfig(image.config_json, "image config");
  if (parsed.ok()) info["chainID"] = image::ChainId(parsed->diff_ids);
  absl::StatusOr<Json> config =
      runtime::ParseJson(image.config_json, "image config");
  if (config.ok()) info["imageSpec"] = *std::move(config);
  return runtime::DumpJson(info);
}

absl::Status CheckText(absl::string_view field, absl::string_view text,
                       absl::string_view allowed = "") {
  for (const char c : text) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c)) &&
        allowed.find(c) == absl::string_view::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("auth.", field, ": has a control character"));
    }
  }
  return absl::OkStatus();
}

// Tokens become parts of HTTP headers as they are. Logins do not, but RFC 7617
// has no control characters in them either; yet the password of "_json_key" is
// a file of several lines.
absl::Status CheckAuth(const v1::AuthConfig& auth) {
  constexpr char kInFiles[] = "\t\n\r";
  RETURN_IF_ERROR(CheckText("identity_token", auth.identity_token()));
  RETURN_IF_ERROR(CheckText("registry_token", auth.registry_token()));
  RETURN_IF_ERROR(CheckText("username", auth.username()));
  RETURN_IF_ERROR(CheckText("password", auth.password(), kInFiles));
  // With a user name it is not looked at.
  if (auth.auth().empty() || !auth.username().empty()) return absl::OkStatus();
  const absl::StatusOr<image::Login> login = image::LoginIn(auth.auth());
  if (!login.ok()) return runtime::Annotate(login.status(), "auth.auth");
  RETURN_IF_ERROR(CheckText("auth", login->first));
  return CheckText("auth", login->second, kInFiles);
}

image::Auth ToAuth(const v1::AuthConfig& from) {
  image::Auth auth;
  auth.username = from.username();
  auth.password = from.password();
  auth.auth = from.auth();
  auth.server_address = from.server_address();
  auth.identity_token = from.identity_token();
  auth.registry_token = from.registry_token();
  return auth;
}

}  // namespace

CORACLE_LIST_RPC(ListImages, Image) {
  image::ImageStore& store = *context.engine.images;
  const std::string& name = request.filter().image().image();
  if (!name.empty()) {
    image::ImagePtr image = store.Find(name);
    if (image != nullptr) add(ToApi(*image));
    return absl::OkStatus();
  }
  for (const image::ImagePtr& image : store.List()) add(ToApi(*image));
  return absl::OkStatus();
}

absl::StatusOr<v1::ImageStatusResponse> ImageStatus(
    Context& context, const v1::ImageStatusRequest& request) {
  ASSIGN_OR_RETURN(std::string name, NameIn(request.image()));
  v1::ImageStatusResponse response;
  image::ImagePtr image = context.engine.images->Find(name);
  if (image == nullptr) return response;
  // A kubelet asks before it makes a container.
  context.engine.images->Expect(image->id);
  *response.mutable_image() = ToApi(*image);
  if (request.verbose()) {
    (*response.mutable_info())["info"] = VerboseInfo(*image);
  }
  return response;
}

absl::StatusOr<v1::PullImageResponse> PullImage(
    Context& context, const v1::PullImageRequest& request) {
  RETURN_IF_ERROR(
      CheckHandler(context.engine, request.image().runtime_handler()));
  ASSIGN_OR_RETURN(std::string name, NameIn(request.image()));
  RETURN_IF_ERROR(
      runtime::Annotate(image::ParseReference(name).status(), "image.image"));
  image::PullOptions options;
  RETURN_IF_ERROR(CheckAuth(request.auth()));
  options.auth = ToAuth(request.auth());
  options.deadline = context.deadline;
  options.cancelled = [&context] { return context.cancellation.IsCancelled(); };
  absl::StatusOr<image::ImagePtr> image =
      context.engine.images->Pull(name, options);
  if (!image.ok()) return PullFailed(image.status());
  v1::PullImageResponse response;
  response.set_image_ref((*image)->id);
  return response;
}

absl::StatusOr<v1::RemoveImageResponse> RemoveImage(
    Context& context, const v1::RemoveImageRequest& request) {
  ASSIGN_OR_RETURN(std::string name, NameIn(request.image()));
  RETURN_IF_ERROR(context.engine.images->Remove(name));
  return v1::RemoveImageResponse();
}

absl::StatusOr<v1::ImageFsInfoResponse> ImageFsInfo(
    Context& context, const v1::ImageFsInfoRequest&) {
  image::FsUsage usage = context.engine.images->Usage();
  v1::FilesystemUsage filesystem;
  filesystem.set_timestamp(absl::ToUnixNanos(absl::Now()));
  filesystem.mutable_fs_id()->set_mountpoint(usage.mountpoint);
  filesystem.mutable_used_bytes()->set_value(usage.used_bytes);
  filesystem.mutable_inodes_used()->set_value(usage.inodes_used);
  v1::ImageFsInfoResponse response;
  *response.add_image_filesystems() = filesystem;
  // Writable layers lie under the same root. What they use is not known without
  // a walk through all of them; ContainerStats tells it of each.
  v1::FilesystemUsage& layers = *response.add_container_filesystems();
  layers.set_timestamp(filesystem.timestamp());
  *layers.mutable_fs_id() = filesystem.fs_id();
  return response;
}

}  // namespace cri::server
