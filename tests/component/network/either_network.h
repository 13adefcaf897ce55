// SPDX-License-Identifier: Apache-2.0
// Tests of what both networks have to do: the built-in one, and CNI with the
// plugins of a kindnet-like list in process.
#ifndef CORACLE_TESTS_COMPONENT_NETWORK_EITHER_NETWORK_H_
#define CORACLE_TESTS_COMPONENT_NETWORK_EITHER_NETWORK_H_

#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cri/network/cni/cni.h"
#include "tests/component/network/fixture.h"

namespace tests {

enum class Kind { kBuiltIn, kCni };

inline const auto kBothNetworks = testing::Values(Kind::kBuiltIn, Kind::kCni);

inline std::string NameOfKind(const testing::TestParamInfo<Kind>& info) {
  return info.param == Kind::kCni ? "Cni" : "BuiltIn";
}

class EitherNetworkTest : public NetworkTest,
                          public testing::WithParamInterface<Kind> {
 protected:
  void TearDown() override {
    network_.reset();
    // Names of pods that a test leaves attached.
    Shell("umount " + (dir_ / "netns/*") + " 2>/dev/null");
  }

  bool IsCni() const { return GetParam() == Kind::kCni; }
  void Start() {
    if (!IsCni()) return NetworkTest::Start();
    const cri::network::CniOptions cni = PrepareCni();
    // ptp leaves the kernel a second to look for others with its address.
    NodeShell("sysctl -qw net.ipv6.conf.default.accept_dad=0");
    OnNode([&] { network_ = cri::network::MakeCniNetwork(cni); });
  }
  // The node's link by which packets of the one pod come.
  std::string LinkToPods() {
    if (!IsCni()) return options_.bridge;
    const std::vector<std::string> words =
        absl::StrSplit(Veths(), absl::ByAnyChar(": @"), absl::SkipEmpty());
    return words.size() > 1 ? words[1] : "";
  }
  // As which a pod is seen by another behind a host port: portmap hides all
  // pods of the range.
  std::string Seen(const std::string& ip, const std::string& gateway) const {
    return IsCni() ? gateway : ip;
  }

 private:
  cri::network::CniOptions PrepareCni() const {
    cri::network::CniOptions cni;
    cni.state_dir = dir_.path();
    cni.owner = dir_ / "root";
    cni.conf_dir = dir_ / "conf";
    cni.bin_dirs = {dir_ / "bin"};  // nothing runs as a program
    cni.cache_dir = dir_ / "cache";
    cni.netns_dir = dir_ / "netns";
    EXPECT_THAT(runtime::MakeDirs(cni.conf_dir), IsOk());
    std::ofstream(dir_ / "conf/10-kindnet.conflist") << absl::StrCat(
        R"({"cniVersion": "0.3.1", "name": "kindnet", "plugins": [
          {"type": "ptp", "ipMasq": false, "ipam": {"type": "host-local",
           "dataDir": ")",
        dir_ / "leases",
        R"(", "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}],
           "ranges": [)",
        absl::StrJoin(absl::StrSplit(options_.pod_cidr, ','), ", ",
                      [](std::string* out, absl::string_view range) {
                        absl::StrAppend(out, "[{\"subnet\": \"", range, "\"}]");
                      }),
        R"(]}},
          {"type": "portmap", "capabilities": {"portMappings": true}}]})");
    return cni;
  }
};

}  // namespace tests

#endif  // CORACLE_TESTS_COMPONENT_NETWORK_EITHER_NETWORK_H_
