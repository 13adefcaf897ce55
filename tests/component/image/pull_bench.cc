// SPDX-License-Identifier: Apache-2.0
// Pulls one image into a store and prints how long it took in milliseconds.
// For tests/bench/image-pull:
//   image_pull_bench ROOT REFERENCE PARALLEL
#include <cstdio>

#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cri/image/image.h"

int main(int argc, char** argv) {
  int parallel = 0;
  if (argc != 4 || !absl::SimpleAtoi(argv[3], &parallel)) {
    fprintf(stderr, "usage: image_pull_bench ROOT REFERENCE PARALLEL\n");
    return 2;
  }
  auto store = cri::image::OpenImageStore({argv[1], "", parallel, parallel});
  if (!store.ok()) {
    fprintf(stderr, "%s\n", store.status().ToString().c_str());
    return 1;
  }
  const absl::Time start = absl::Now();
  auto image = (*store)->Pull(argv[2], {});
  const absl::Duration took = absl::Now() - start;
  if (!image.ok()) {
    fprintf(stderr, "%s\n", image.status().ToString().c_str());
    return 1;
  }
  printf("%.0f\n", absl::ToDoubleMilliseconds(took));
  return 0;
}
