// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/plugin/lease_store.h"

#include <fstream>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace cri::network::cni {
namespace {

using testing::ElementsAre;

class LeaseStoreTest : public testing::Test {
 protected:
  LeaseStore Open() {
    Call call;
    call.deadline = absl::InfiniteFuture();
    absl::StatusOr<LeaseStore> store =
        LeaseStore::Open(dir_.path(), "net", call);
    EXPECT_OK(store.status());
    return *std::move(store);
  }

  tests::TempDir dir_;
  const Ip ip_ = *ParseIp("10.9.8.2");
};

TEST_F(LeaseStoreTest, LeaseOfAnotherIsNotGivenAway) {
  LeaseStore store = Open();
  EXPECT_TRUE(*store.Reserve({"a", "eth0"}, ip_, 0));
  EXPECT_FALSE(*store.Reserve({"b", "eth0"}, ip_, 0));
  ASSERT_OK(store.Release({"a", "eth0"}));
  EXPECT_TRUE(*store.Reserve({"b", "eth0"}, ip_, 0));
}

TEST_F(LeaseStoreTest, LeaseThatAPowerLossEmptiedIsTakenOver) {
  for (const std::string& rest : {std::string(), std::string(9, '\0')}) {
    LeaseStore store = Open();
    std::ofstream(dir_ / "net/10.9.8.2") << rest;
    EXPECT_TRUE(*store.Reserve({"a", "eth0"}, ip_, 0));
    EXPECT_THAT(*store.Find({"a", "eth0"}), ElementsAre(ip_));
    EXPECT_FALSE(*store.Reserve({"b", "eth0"}, ip_, 0));
    ASSERT_OK(store.Release({"a", "eth0"}));
  }
}

TEST_F(LeaseStoreTest, LeaseThatAPowerLossEmptiedIsSweptByGc) {
  LeaseStore store = Open();
  std::ofstream(dir_ / "net/10.9.8.2") << "";
  ASSERT_OK(store.Sweep(
      [](const LeaseStore::Owner& owner) { return !owner.container.empty(); }));
  EXPECT_FALSE(runtime::Exists(dir_ / "net/10.9.8.2"));
}

}  // namespace
}  // namespace cri::network::cni
