// SPDX-License-Identifier: Apache-2.0
// Containers of tests, made by the real coracle-oci from a busybox bundle.
// Needs root. Everything is removed by the destructor, also on failure.
#ifndef CORACLE_TESTS_SUPPORT_OCI_H_
#define CORACLE_TESTS_SUPPORT_OCI_H_

#include <string>
#include <vector>

#include "runtime/base/json.h"
#include "tests/support/temp_dir.h"

namespace tests {

struct Output {
  int code = -1;  // exit code, 128 + N for signal N
  std::string out, err;
};

// Runs a program to its end; `input` is its standard input.
Output RunProgram(const std::vector<std::string>& args,
                  const std::string& input = "");

// One bundle and the containers made from it. Not thread safe.
class Oci {
 public:
  Oci();
  ~Oci();

  // "" or why these tests cannot run here, as a sentence for GTEST_SKIP.
  static std::string Missing();

  // The config as it will be written: an ordinary unprivileged container whose
  // command is `sh -c script` after Script.
  runtime::Json config;
  void Script(const std::string& script);

  const std::string& id() const { return id_; }
  const std::string& cgroup() const { return cgroup_; }
  std::string rootfs() const { return dir_ / "bundle/rootfs"; }
  std::string bundle() const { return dir_ / "bundle"; }
  // A directory of the host, outside of the bundle.
  std::string host() const { return dir_ / "host"; }

  // coracle-oci with the test's own --root.
  Output Call(std::vector<std::string> args);
  // Writes the config and runs the container in the foreground.
  Output Run();
  // create and start in the background.
  Output Start();
  Output Exec(const std::string& script, std::vector<std::string> flags = {});
  // The container's state, as `state` says.
  std::string Status();
  void WriteConfig();
  // Adds a mount to the config.
  void Mount(const std::string& destination, const std::string& type,
             const std::string& source, std::vector<std::string> options);
  // First line of a file of the container's cgroup ("memory", "…limit…").
  std::string CgroupFile(const std::string& controller,
                         const std::string& file);

 private:
  TempDir dir_;
  std::string id_;
  std::string cgroup_;
};

// `text` without trailing newlines.
std::string Trim(std::string text);

}  // namespace tests

#endif  // CORACLE_TESTS_SUPPORT_OCI_H_
