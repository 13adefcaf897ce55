// SPDX-License-Identifier: Apache-2.0
// Load on a CRI server:
//   cri_load SOCKET IMAGE churn PODS AT_ONCE SEED
//   cri_load SOCKET IMAGE fill PODS
//   cri_load SOCKET IMAGE measure SAMPLES
//   cri_load SOCKET IMAGE drain
// SOCKET is a gRPC target (unix:///run/….sock).
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "tests/load/load.h"

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv, argv + argc);
  std::vector<int> numbers;
  for (size_t i = 4; i < words.size(); ++i) {
    int number = 0;
    if (!absl::SimpleAtoi(words[i], &number)) break;
    numbers.push_back(number);
  }
  const std::string what = words.size() > 3 ? words[3] : "";
  const size_t wanted = what == "churn"     ? 3
                        : what == "fill"    ? 1
                        : what == "measure" ? 1
                        : what == "drain"   ? 0
                                            : 99;
  if (numbers.size() != wanted || words.size() != 4 + wanted) {
    fprintf(stderr,
            "usage: cri_load SOCKET IMAGE churn PODS AT_ONCE SEED | fill PODS "
            "| measure SAMPLES | drain\n");
    return 2;
  }
  tests::load::Client client(words[1], words[2]);
  if (what == "churn") {
    tests::load::Churn(client, numbers[0], numbers[1],
                       static_cast<uint64_t>(numbers[2]));
  } else if (what == "fill") {
    tests::load::Fill(client, numbers[0]);
  } else if (what == "measure") {
    tests::load::Measure(client, numbers[0]);
  } else {
    tests::load::Drain(client);
  }
  return 0;
}
