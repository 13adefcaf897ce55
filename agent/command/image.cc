// SPDX-License-Identifier: Apache-2.0
// coracle image: the images of this host's store.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "agent/command/command_line.h"
#include "agent/command/cri_view.h"
#include "agent/command/options.h"
#include "cri/image/inbox.h"
#include "runtime/base/status.h"

namespace agent::command {
namespace {

constexpr absl::Duration kImportTimeout = absl::Minutes(10);

struct Options {
  std::string cri_socket = kDefaultCriSocket;
  std::string root, path, name;
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

absl::Status Pull(const Options& options) {
  ASSIGN_OR_RETURN(const std::string ref,
                   CriView(options.cri_socket).Pull(options.name));
  std::printf("pulled %s\n", ref.c_str());
  return absl::OkStatus();
}

}  // namespace

void AddImage(CLI::App& app, Action* action) {
  CLI::App* command =
      app.add_subcommand("image", "List, pull and import images");
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
