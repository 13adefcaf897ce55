// SPDX-License-Identifier: Apache-2.0
// coracle image: the images of this host's store.
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "agent/command/command_line.h"
#include "agent/command/cri_view.h"
#include "agent/command/options.h"
#include "cri/image/inbox.h"
#include "cri/stats/layer_usage.h"
#include "runtime/base/status.h"

namespace agent::command {
namespace {

constexpr absl::Duration kImportTimeout = absl::Minutes(10);

struct Options {
  std::string cri_socket = kDefaultCriSocket;
  std::string root, path, name;
  std::string output = "table";
};

absl::Status Import(const Options& options) {
  std::string root = options.root;
  if (root.empty()) {
    ASSIGN_OR_RETURN(root, CriView(options.cri_socket).ImageDirectory());
    root = std::string(absl::StripSuffix(root, "/images"));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> ids,
                   ::cri::image::ImportThroughInbox(
                       root, options.path, options.name, kImportTimeout));
  std::printf("imported %s%s%s\n", absl::StrJoin(ids, ", ").c_str(),
              options.name.empty() ? "" : " as ", options.name.c_str());
  return absl::OkStatus();
}

absl::Status List(const Options& options) {
  ASSIGN_OR_RETURN(const std::vector<ImageRow> rows,
                   CriView(options.cri_socket).Images());
  size_t width = 5;
  for (const ImageRow& row : rows) width = std::max(width, row.name.size());
  std::printf("%-*s   %-12s   %s\n", static_cast<int>(width), "IMAGE", "ID",
              "SIZE");
  for (const ImageRow& row : rows) {
    const std::string id(absl::StripPrefix(row.id, "sha256:"));
    std::printf("%-*s   %-12s   %s\n", static_cast<int>(width),
                row.name.c_str(), id.substr(0, 12).c_str(),
                absl::StrFormat("%.1f MB", static_cast<double>(row.size) / 1e6)
                    .c_str());
  }
  return absl::OkStatus();
}

// MeasureTree of what is there.
absl::StatusOr<uint64_t> BytesBelow(const std::string& directory) {
  const auto usage = ::cri::stats::MeasureTree(directory);
  if (absl::IsNotFound(usage.status())) return 0;
  RETURN_IF_ERROR(usage.status());
  // Without the directory itself, which is always there.
  struct stat info {};
  if (stat(directory.c_str(), &info) != 0) {
    return runtime::ErrnoStatus("stat " + directory);
  }
  const uint64_t own = static_cast<uint64_t>(info.st_blocks) * 512;
  return usage->bytes - std::min(usage->bytes, own);  // it may have grown
}

// What is no image and no container.
absl::Status MeasureDisk(const std::string& images, ImageUsage* usage) {
  usage->directory = images;
  const std::string root(absl::StripSuffix(images, "/images"));
  ASSIGN_OR_RETURN(const uint64_t made, BytesBelow(images + "/tmp"));
  ASSIGN_OR_RETURN(const uint64_t imported, BytesBelow(images + "/import"));
  usage->temporary = made + imported;
  ASSIGN_OR_RETURN(const uint64_t layers, BytesBelow(images + "/trash"));
  ASSIGN_OR_RETURN(const uint64_t containers, BytesBelow(root + "/trash"));
  usage->trash = layers + containers;
  ASSIGN_OR_RETURN(usage->aside, BytesBelow(images + "/aside"));
  struct statvfs disk {};
  if (statvfs(images.c_str(), &disk) != 0) {
    return runtime::ErrnoStatus("statvfs " + images);
  }
  const auto bytes = [&](uint64_t blocks) { return blocks * disk.f_frsize; };
  usage->disk_bytes = bytes(disk.f_blocks);
  usage->disk_used = bytes(disk.f_blocks - disk.f_bfree);
  usage->disk_free = bytes(disk.f_bavail);
  return absl::OkStatus();
}

absl::Status Usage(const Options& options) {
  CriView view(options.cri_socket);
  ASSIGN_OR_RETURN(ImageUsage usage, view.Usage());
  ASSIGN_OR_RETURN(const std::string images, view.ImageDirectory());
  RETURN_IF_ERROR(MeasureDisk(images, &usage));
  const std::string text = options.output == "json"
                               ? runtime::DumpJson(ImageUsageJson(usage)) + "\n"
                               : FormatImageUsage(usage);
  std::fputs(text.c_str(), stdout);
  return absl::OkStatus();
}

absl::Status Pull(const Options& options) {
  ASSIGN_OR_RETURN(const std::string ref,
                   CriView(options.cri_socket).Pull(options.name));
  std::printf("pulled %s\n", ref.c_str());
  return absl::OkStatus();
}

}  // namespace

void AddImage(CLI::App& app, Action* action) {
  CLI::App* command = app.add_subcommand(
      "image", "List, pull and import images, and what holds the disk");
  command->require_subcommand(1);
  const auto options = std::make_shared<Options>();
  const auto add = [&](const char* name, const char* help,
                       absl::Status (*run)(const Options&)) {
    CLI::App* sub = command->add_subcommand(name, help);
    sub->add_option("--cri-socket", options->cri_socket, "CRI endpoint")
        ->capture_default_str();
    sub->callback([=] { *action = [=] { return run(*options); }; });
    return sub;
  };
  add("list", "Names, ids and sizes", List);
  add("usage", "What holds the disk space: images, containers, the rest", Usage)
      ->add_option("-o,--output", options->output, "table or json")
      ->check(CLI::IsMember({"table", "json"}));
  CLI::App* pull = add("pull", "Pull an image from its registry", Pull);
  pull->add_option("name", options->name, "Image name")->required();
  CLI::App* import = add(
      "import", "Import an OCI layout or docker archive into a running store",
      Import);
  import->add_option("path", options->path, "Directory or archive")->required();
  import->add_option("--name", options->name,
                     "Name to give it (default: what the archive says)");
  import->add_option("--root", options->root,
                     "The CRI server's root directory (default: asked for)");
  import->footer(
      "Example:\n  coracle image import web.tar --name example.com/web:1");
}

}  // namespace agent::command
