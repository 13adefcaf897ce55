// SPDX-License-Identifier: Apache-2.0
// Load on a CRI server:
//   cri_load SOCKET IMAGE churn PODS AT_ONCE SEED HANDLER
//   cri_load SOCKET IMAGE fill PODS
//   cri_load SOCKET IMAGE live PODS
//   cri_load SOCKET IMAGE measure SAMPLES OTHER_IMAGE
//   cri_load SOCKET IMAGE compare
//   cri_load SOCKET IMAGE drain
// SOCKET is a gRPC target (unix:///run/….sock).
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "tests/load/load.h"

namespace {

int Usage() {
  fprintf(stderr,
          "usage: cri_load SOCKET IMAGE churn PODS AT_ONCE SEED HANDLER | "
          "fill PODS | live PODS | measure SAMPLES OTHER_IMAGE | compare | "
          "drain\n");
  return 2;
}

// The numbers that `words` begin with.
std::vector<int> Numbers(const std::vector<std::string>& words) {
  std::vector<int> numbers;
  int number = 0;
  for (const std::string& word : words) {
    if (!absl::SimpleAtoi(word, &number)) break;
    numbers.push_back(number);
  }
  return numbers;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return Usage();
  const std::string what = argv[3];
  const std::vector<std::string> rest(argv + 4, argv + argc);
  const std::vector<int> numbers = Numbers(rest);
  const auto is = [&](const char* command, size_t count, size_t others = 0) {
    return what == command && numbers.size() == count &&
           rest.size() == count + others;
  };
  tests::load::Client client(argv[1], argv[2]);
  if (is("churn", 3, 1)) {
    tests::load::Churn(client, numbers[0], numbers[1],
                       static_cast<uint64_t>(numbers[2]), rest[3]);
  } else if (is("fill", 1)) {
    tests::load::Fill(client, numbers[0]);
  } else if (is("live", 1)) {
    tests::load::Live(client, numbers[0]);
  } else if (is("measure", 1, 1)) {
    tests::load::Measure(client, numbers[0], rest[1]);
  } else if (is("compare", 0)) {
    tests::load::CompareAnswers(client);
  } else if (is("drain", 0)) {
    tests::load::Drain(client);
  } else {
    return Usage();
  }
  return 0;
}
