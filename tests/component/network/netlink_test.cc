// SPDX-License-Identifier: Apache-2.0
// Lists of the kernel that change while it tells them.
#include "cri/network/netlink.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <fstream>
#include <set>

#include "gmock/gmock.h"
#include "tests/support/netns.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace cri::network {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using tests::NetNs;
using tests::Shell;
using tests::StatusIs;

// So many that they do not fit in what the kernel prepares ahead.
constexpr int kBlocks = 20;

class DumpTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!node_.ok()) {
      GTEST_SKIP() << "Network namespaces need root (CAP_SYS_ADMIN).";
    }
    std::ofstream batch(dir_ / "batch");
    for (int block = 0; block < kBlocks; ++block) {
      for (int i = 0; i < 250; ++i) {
        batch << "addr add 10.1." << block << "." << i << "/32 dev lo\n";
      }
    }
    batch.close();
    node_.Run([this] {
      ASSERT_TRUE(Shell("ip link set lo up; ip -batch " + (dir_ / "batch")).ok);
    });
  }

  // Lists the addresses; `meanwhile` is called when the first of try n has
  // come.
  absl::Status List(const std::function<void(int)>& meanwhile) {
    absl::StatusOr<Socket> rtnl = Socket::Open(NETLINK_ROUTE);
    if (!rtnl.ok()) return rtnl.status();
    Message message("list addresses", RTM_GETADDR, 0);
    message.Header<ifaddrmsg>()->ifa_family = AF_INET;
    const auto begin = [this] {
      ++tries_;
      found_.clear();
    };
    return rtnl->Dump(message, begin, [&](const nlmsghdr* reply) {
      if (found_.empty()) meanwhile(tries_);
      ForEachAttribute(reply, sizeof(ifaddrmsg), [&](const nlattr* attribute) {
        if (mnl_attr_get_type(attribute) == IFA_LOCAL) {
          found_.insert(IpOf(attribute).ToString());
        }
      });
    });
  }

  static void Change(bool there) {
    const std::string verb = there ? "add" : "del";
    EXPECT_TRUE(Shell("ip addr " + verb + " 10.2.0.1/32 dev lo").ok);
  }

  tests::TempDir dir_;
  NetNs node_;
  int tries_ = 0;
  std::set<std::string> found_;
};

TEST_F(DumpTest, OneThatAChangeInterruptsIsRepeated) {
  node_.Run([this] {
    EXPECT_OK(List([](int number) {
      if (number <= 2) Change(number == 1);
    }));
  });
  EXPECT_EQ(tries_, 3);
  EXPECT_THAT(found_, Not(Contains("10.2.0.1")));
  EXPECT_GE(found_.size(), static_cast<size_t>(kBlocks * 250));
}

TEST_F(DumpTest, OneThatIsNeverWholeIsAnError) {
  node_.Run([this] {
    EXPECT_THAT(List([](int number) { Change(number % 2 == 1); }),
                StatusIs(absl::StatusCode::kUnavailable,
                         HasSubstr("list addresses: the list changed")));
  });
  EXPECT_EQ(tries_, Socket::kMostDumps);
}

}  // namespace
}  // namespace cri::network
