// SPDX-License-Identifier: Apache-2.0
#include "cri/image/pinned.h"

#include "gtest/gtest.h"

namespace cri::image {
namespace {

TEST(PinnedNamesTest, NamesAreTakenAsUsersWriteThem) {
  const PinnedNames names({"busybox", "registry.k8s.io/pause:3.10", "a/b@x",
                           "[fd00::1]:5000/pause:3"});
  EXPECT_TRUE(names.Has("[fd00::1]:5000/pause:3"));
  EXPECT_TRUE(names.Has("docker.io/library/busybox:latest"));
  EXPECT_TRUE(names.Has("registry.k8s.io/pause:3.10"));
  for (const char* other :
       {"docker.io/library/busybox:1.37", "registry.k8s.io/pause:3.101",
        "x/registry.k8s.io/pause:3.10", "docker.io/a/b:latest", ""}) {
    EXPECT_FALSE(names.Has(other)) << other;
  }
  EXPECT_FALSE(PinnedNames().Has("docker.io/library/busybox:latest"));
}

TEST(PinnedNamesTest, AStarStandsForAnyText) {
  const PinnedNames names({"registry.k8s.io/*", "*/pause:*", "*@sha256:ab*"});
  for (const char* pinned : {"registry.k8s.io/a/b:1", "example.org/x/pause:3",
                             "host:5/pause:", "h.x/x@sha256:abc"}) {
    EXPECT_TRUE(names.Has(pinned)) << pinned;
  }
  for (const char* other :
       {"registry.k8s.io.example.org/a:1", "example.org/pauser:3",
        "h.x/x@sha256:bab", "registry.k8s.io/a/b@sha256:12"}) {
    EXPECT_FALSE(names.Has(other)) << other;
  }
}

TEST(PinnedNamesTest, WhatIsNoNameIsRefused) {
  for (const char* good :
       {"busybox", "h:5/a:1", "*", "*/pause:*", "h.x/*", "localhost/*"}) {
    EXPECT_TRUE(IsPinnedName(good)) << good;
  }
  for (const char* bad : {"", "A B", "h.x/[a]*", "h.x/a?*", "*\\", "a/B:1",
                          "*\n", "busybox:*", "library/*", "x*"}) {
    EXPECT_FALSE(IsPinnedName(bad)) << bad;
  }
}

}  // namespace
}  // namespace cri::image
