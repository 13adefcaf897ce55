// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/conf_dir.h"

#include <sys/stat.h>

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace cri::network::cni {
namespace {

constexpr size_t kMaxConfBytes = 1 << 20;

bool IsConfName(const std::string& name) {
  return absl::EndsWith(name, ".conf") || absl::EndsWith(name, ".conflist") ||
         absl::EndsWith(name, ".json");
}

bool IsDirectory(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

// Sorted names in `dir` that `wanted` likes, directories left out.
absl::StatusOr<std::vector<std::string>> FilesOf(
    const std::string& dir, bool (*wanted)(const std::string&)) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, runtime::ListDir(dir));
  std::vector<std::string> files;
  for (const std::string& name : names) {
    const std::string path = absl::StrCat(dir, "/", name);
    if (wanted(name) && !IsDirectory(path)) files.push_back(path);
  }
  return files;
}

// Plugins of the network from files of their own.
absl::Status AddPluginFiles(const std::string& dir, NetworkConf& conf) {
  if (!IsDirectory(dir)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<std::string> files,
                   FilesOf(dir, [](const std::string& name) {
                     return absl::EndsWith(name, ".conf");
                   }));
  std::vector<PluginConf> plugins;
  for (const std::string& file : files) {
    ASSIGN_OR_RETURN(const std::string text,
                     runtime::ReadFile(file, kMaxConfBytes));
    ASSIGN_OR_RETURN(const runtime::Json json, runtime::ParseJson(text, file));
    absl::StatusOr<PluginConf> plugin = ParsePlugin(json);
    if (!plugin.ok()) return runtime::Annotate(plugin.status(), file);
    plugins.push_back(*std::move(plugin));
  }
  if (plugins.empty()) return absl::OkStatus();
  AppendPlugins(std::move(plugins), conf);
  // That is what will be kept, so it has to be readable.
  return runtime::Annotate(ParseConf(conf.text).status(), dir);
}

absl::StatusOr<NetworkConf> LoadFile(const std::string& dir,
                                     const std::string& file) {
  ASSIGN_OR_RETURN(const std::string text,
                   runtime::ReadFile(file, kMaxConfBytes));
  absl::StatusOr<NetworkConf> conf = ParseConf(text);
  if (!conf.ok()) return runtime::Annotate(conf.status(), file);
  if (!conf->only_inlined) {
    RETURN_IF_ERROR(AddPluginFiles(absl::StrCat(dir, "/", conf->name), *conf));
  }
  if (!conf->plugins.empty()) return conf;
  return absl::InvalidArgumentError(
      absl::StrCat(file, ": plugins: is missing, and there are none in ", dir,
                   "/", conf->name, " either"));
}

}  // namespace

absl::StatusOr<NetworkConf> LoadConfDir(const std::string& dir) {
  const absl::StatusOr<std::vector<std::string>> files =
      FilesOf(dir, IsConfName);
  if (!files.ok() && !absl::IsNotFound(files.status())) return files.status();
  if (files.ok() && !files->empty()) return LoadFile(dir, files->front());
  return absl::NotFoundError(absl::StrCat(
      "no CNI network is configured: ", dir,
      files.ok() ? " has no .conflist, .conf or .json file" : " does not exist",
      "; install a network add-on, or put a configuration there"));
}

}  // namespace cri::network::cni
