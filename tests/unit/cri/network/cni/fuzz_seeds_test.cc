// SPDX-License-Identifier: Apache-2.0
// The fuzz target that this program is linked with, on the seeds and on damaged
// copies of them: the same on each run.
#include <cstdint>
#include <random>
#include <string>

#include "gtest/gtest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

constexpr const char* kSeeds[] = {
    R"({"cniVersion":"0.3.1","name":"kindnet","plugins":[{"type":"ptp",
    "ipMasq":false,"ipam":{"type":"host-local","dataDir":"/d","routes":[
    {"dst":"0.0.0.0/0"}],"ranges":[[{"subnet":"10.244.7.0/24"}]]},"mtu":1450},
    {"type":"portmap","capabilities":{"portMappings":true}}]})",
    R"({"cniVersion":"1.1.0","interfaces":[{"name":"v0","mac":"m","mtu":1},
    {"name":"eth0","sandbox":"/n"}],"ips":[{"address":"fd00::7/64",
    "gateway":"fd00::1","interface":1}],"routes":[{"dst":"::/0","gw":"fd00::1",
    "table":7}],"dns":{"nameservers":["10.0.0.1"],"search":["a"]}})",
    R"({"cniVersion":"1.0.0","code":11,"msg":"busy","details":"later"})",
};

void Feed(const std::string& text) {
  EXPECT_EQ(LLVMFuzzerTestOneInput(
                reinterpret_cast<const uint8_t*>(text.data()), text.size()),
            0);
}

TEST(FuzzSeedsTest, DamagedInputDoesNoHarm) {
  std::mt19937 random(20206);
  for (const std::string seed : kSeeds) {
    Feed(seed);
    for (int i = 0; i < 3000; ++i) {
      std::string damaged = seed;
      for (unsigned hits = 1 + random() % 4; hits-- > 0;) {
        const size_t at = random() % damaged.size();
        switch (random() % 3) {
          case 0:
            damaged[at] = static_cast<char>(random());
            break;
          case 1:
            damaged.erase(at, 1 + random() % 20);
            break;
          default:
            damaged.insert(at, damaged, random() % damaged.size(), 20);
            break;
        }
        if (damaged.empty()) break;
      }
      Feed(damaged);
    }
  }
  Feed("");
}

}  // namespace
