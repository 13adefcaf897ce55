// SPDX-License-Identifier: Apache-2.0
// coracle-oci with the stand-in for runtime/launch.
#include "runtime/hold/launcher.h"

int main(int argc, char** argv) {
  return runtime::hold::LaunchMain(argc, argv);
}
