// SPDX-License-Identifier: Apache-2.0
// What pods cost as they become many. Prints; the figures are for people.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/component/network/fixture.h"

namespace cri::network {
namespace {

using tests::NetNs;
using tests::Pod;

constexpr size_t kPods = 500;
constexpr size_t kSample = 100;  // at either end

class GrowthTest : public tests::NetworkTest {
 protected:
  using Times = std::vector<double>;  // milliseconds

  template <typename Body>
  static void Timed(Times& times, Body body) {
    const absl::Time begin = absl::Now();
    body();
    times.push_back(absl::ToDoubleMilliseconds(absl::Now() - begin));
  }
  // On a loaded machine the fastest tenth says most about the code.
  static std::string Spread(Times::const_iterator begin,
                            Times::const_iterator end) {
    Times sorted(begin, end);
    std::sort(sorted.begin(), sorted.end());
    return absl::StrFormat("p10 %.2f p50 %.2f ms", sorted[sorted.size() / 10],
                           sorted[sorted.size() / 2]);
  }
  static void Print(const char* what, const Times& times) {
    std::printf("%-9s first %zu pods: %s; last: %s\n", what, kSample,
                Spread(times.begin(), times.begin() + kSample).c_str(),
                Spread(times.end() - kSample, times.end()).c_str());
  }
  static PodNetwork Numbered(size_t number, int netns_fd = -1) {
    PodNetwork pod = Pod(absl::StrCat("p", number), netns_fd);
    pod.ports.push_back(
        {Protocol::kTcp, 80, static_cast<uint16_t>(20000 + number), ""});
    return pod;
  }
};

TEST_F(GrowthTest, PrintsWhatFiveHundredPodsTake) {
  options_.pod_cidr = "10.123.0.0/21,fd00:123:7::/64";
  Start();
  std::vector<NetNs> pods(kPods);
  Times up, down;
  OnNode([&] {
    for (size_t i = 0; i < pods.size(); ++i) {
      Timed(up, [&] { EXPECT_OK(network_->Setup(Numbered(i, pods[i].fd()))); });
    }
    for (size_t i = pods.size(); i-- > 0;) {
      Timed(down, [&] { EXPECT_OK(network_->Teardown(Numbered(i))); });
    }
  });
  std::reverse(down.begin(), down.end());
  Print("Setup", up);
  Print("Teardown", down);
  pods.clear();
  EXPECT_TRUE(tests::Eventually([this] { return Veths().empty(); }));
}

}  // namespace
}  // namespace cri::network
