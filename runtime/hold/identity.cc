// SPDX-License-Identifier: Apache-2.0
#include "runtime/hold/identity.h"

#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace runtime::hold {

absl::StatusOr<std::string> BinaryIdentity(const std::string& path) {
  struct stat st;
  if (stat(path.c_str(), &st) != 0) {
    return ErrnoStatus(absl::StrCat("stat ", path));
  }
  return absl::StrCat(CORACLE_VERSION, " ", st.st_dev, ":", st.st_ino, " ",
                      st.st_size, " ", st.st_mtim.tv_sec, ".",
                      st.st_mtim.tv_nsec);
}

}  // namespace runtime::hold
