// SPDX-License-Identifier: Apache-2.0
// A directory of a test's own, removed with all that is in it.
#ifndef CORACLE_TESTS_SUPPORT_TEMP_DIR_H_
#define CORACLE_TESTS_SUPPORT_TEMP_DIR_H_

#include <cstdlib>
#include <string>

#include "gtest/gtest.h"
#include "runtime/base/file.h"

namespace tests {

class TempDir {
 public:
  TempDir() : path_(testing::TempDir() + "coracle-test-XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) {
      ADD_FAILURE() << "cannot make " << path_;
    }
  }
  ~TempDir() {
    const absl::Status removed = runtime::RemoveTree(path_);
    EXPECT_TRUE(removed.ok()) << removed;
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  // Path of `name` in it.
  std::string operator/(const std::string& name) const {
    return path_ + "/" + name;
  }

 private:
  std::string path_;
};

}  // namespace tests

#endif  // CORACLE_TESTS_SUPPORT_TEMP_DIR_H_
