// SPDX-License-Identifier: Apache-2.0
#include "agent/volume/host_path.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace agent::volume {
namespace {

using runtime::ErrnoStatus;
using runtime::StringAt;

struct Type {
  absl::string_view name;
  mode_t kind;  // S_IFMT bits; 0: anything
  enum { kMustExist, kMakeDirectory, kMakeFile } missing;
  absl::string_view noun;
};

constexpr Type kTypes[] = {
    {"", 0, Type::kMakeDirectory, ""},
    {"DirectoryOrCreate", S_IFDIR, Type::kMakeDirectory, "a directory"},
    {"Directory", S_IFDIR, Type::kMustExist, "a directory"},
    {"FileOrCreate", S_IFREG, Type::kMakeFile, "a file"},
    {"File", S_IFREG, Type::kMustExist, "a file"},
    {"Socket", S_IFSOCK, Type::kMustExist, "a socket file"},
    {"CharDevice", S_IFCHR, Type::kMustExist, "a character device"},
    {"BlockDevice", S_IFBLK, Type::kMustExist, "a block device"},
};

absl::Status WrongKind(const std::string& path, absl::string_view noun) {
  return absl::FailedPreconditionError(
      absl::StrCat("hostPath type check failed: ", path, " is not ", noun));
}

absl::Status MakeMissing(const Type& type, const std::string& path) {
  switch (type.missing) {
    case Type::kMakeDirectory:
      return runtime::MakeDirs(path, 0755);
    case Type::kMakeFile:
      return runtime::OpenFile(path, O_WRONLY | O_CREAT, 0644).status();
    case Type::kMustExist:
      break;
  }
  return WrongKind(path, type.noun);
}

}  // namespace

absl::StatusOr<std::string> PrepareHostPath(const runtime::Json& source) {
  std::string path = StringAt(source, "path");
  std::string type_name = StringAt(source, "type");
  if (path.empty() || path[0] != '/') {
    return absl::InvalidArgumentError(
        absl::StrCat("hostPath \"", path, "\" is not an absolute path"));
  }
  for (absl::string_view part : absl::StrSplit(path, '/')) {
    if (part == "..") {
      return absl::InvalidArgumentError(
          absl::StrCat("hostPath \"", path, "\" must not contain '..'"));
    }
  }
  for (const Type& type : kTypes) {
    if (type.name != type_name) continue;
    struct stat st;
    if (stat(path.c_str(), &st) != 0) {
      if (errno != ENOENT) return ErrnoStatus(absl::StrCat("stat ", path));
      RETURN_IF_ERROR(MakeMissing(type, path));
      return path;
    }
    if (type.kind != 0 && (st.st_mode & S_IFMT) != type.kind) {
      return WrongKind(path, type.noun);
    }
    return path;
  }
  return absl::InvalidArgumentError(
      absl::StrCat(type_name, " is an invalid volume type"));
}

}  // namespace agent::volume
