// SPDX-License-Identifier: Apache-2.0
// Directories that look like cgroups to those who read and write their files.
#ifndef CORACLE_TESTS_UNIT_RUNTIME_CGROUP_FAKE_FILES_H_
#define CORACLE_TESTS_UNIT_RUNTIME_CGROUP_FAKE_FILES_H_

#include <string>
#include <vector>

#include "runtime/base/file.h"
#include "runtime/cgroup/layout.h"
#include "tests/support/temp_dir.h"

namespace runtime::cgroup {

class FakeFiles {
 public:
  void Write(const std::string& file, const std::string& text) {
    std::string path = dir_ / file;
    MakeDirs(path.substr(0, path.rfind('/'))).IgnoreError();
    WriteFileAtomic(path, text, 0644).IgnoreError();
  }
  std::string Content(const std::string& file) const {
    return ReadFile(dir_ / file).value_or("(missing)");
  }
  std::string Path(const std::string& file) const { return dir_ / file; }

  // v1 with one hierarchy per controller; with `unified` also v2's.
  Layout V1(const std::vector<std::string>& controllers,
            bool unified = false) const {
    Layout layout;
    for (const std::string& name : controllers) {
      layout.hierarchies.push_back({name, dir_ / name, {name}, false});
    }
    if (unified) {
      layout.hierarchies.push_back({"unified", dir_ / "unified", {}, true});
    }
    return layout;
  }
  Layout V2() const {
    Layout layout;
    layout.v2 = true;
    layout.hierarchies.push_back({"", dir_.path(), {}, true});
    return layout;
  }

 private:
  tests::TempDir dir_;
};

}  // namespace runtime::cgroup

#endif  // CORACLE_TESTS_UNIT_RUNTIME_CGROUP_FAKE_FILES_H_
