// SPDX-License-Identifier: Apache-2.0
// A real registry (Debian's docker-registry) on a free loopback port with its
// storage in a temporary directory, filled by skopeo.
#ifndef CORACLE_TESTS_COMPONENT_IMAGE_REGISTRY_FIXTURE_H_
#define CORACLE_TESTS_COMPONENT_IMAGE_REGISTRY_FIXTURE_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "cri/image/image.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/cri/image/image_builder.h"

namespace cri::image {

// A TCP port that nobody listens on at the moment.
int FreePort();

// Runs a program to its end; true if it exits with 0.
bool RunProgram(const std::vector<std::string>& args);

class RegistryTest : public ::testing::Test {
 protected:
  // Programs that are missing make the test skip with their names.
  void SetUp() override;
  void TearDown() override;

  // "127.0.0.1:PORT/" + name
  std::string Name(const std::string& name) const;
  // Pushes the image as `name` ("app:1").
  void Push(ImageBuilder* builder, const std::string& name);
  // Writes certs.d/<host>/hosts.toml.
  void WriteHosts(const std::string& host, const std::string& text);
  void OpenStore(int parallel = 3);
  // The registry's file of a blob, to break it.
  std::string BlobFile(const std::string& digest) const;
  void StopRegistry();

  tests::TempDir dir_;
  int port_ = 0;
  pid_t registry_ = 0;
  int pushed_ = 0;
  std::unique_ptr<ImageStore> store_;
};

}  // namespace cri::image

#endif  // CORACLE_TESTS_COMPONENT_IMAGE_REGISTRY_FIXTURE_H_
