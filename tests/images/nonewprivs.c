// SPDX-License-Identifier: Apache-2.0
// Installed with the set-user-ID bit: says whether that bit was honoured.
#include <stdio.h>
#include <unistd.h>

int main(void) {
  printf("Effective uid: %d\n", (int)geteuid());
  return 0;
}
