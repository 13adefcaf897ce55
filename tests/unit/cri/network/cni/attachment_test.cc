// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/attachment.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"

namespace cri::network::cni {
namespace {

using testing::ElementsAre;

std::vector<std::string> Lost(const std::vector<std::string>& unreadable,
                              const std::set<std::string>& living) {
  std::vector<Attachment> valid;
  AddLost("net", "eth0", unreadable, living, &valid);
  std::vector<std::string> texts;
  for (const Attachment& attachment : valid) {
    EXPECT_EQ(attachment.network, "net");
    texts.push_back(
        absl::StrCat(attachment.container_id, " ", attachment.ifname));
  }
  return texts;
}

TEST(AddLostTest, NamesWithDashesCountInEachWayTheyCanBeRead) {
  EXPECT_THAT(Lost({"net-a1-net-0"}, {}), ElementsAre("a1 net-0", "a1-net 0"));
  EXPECT_THAT(Lost({"net-a-1-eth0", "other-a1-eth0"}, {}),
              ElementsAre("a 1-eth0", "a-1 eth0"));
}

TEST(AddLostTest, TheLivingWithoutARecordCount) {
  EXPECT_THAT(Lost({"net-a1-net-0"}, {"a1", "b2"}),
              ElementsAre("a1 net-0", "a1-net 0", "b2 eth0"));
}

TEST(ContainerOfTest, IsThePartThatIsASandboxId) {
  const std::string id(64, 'f');
  EXPECT_EQ(ContainerOf("my-net-" + id + "-eth-0"), id);
  EXPECT_EQ(ContainerOf("net-a1-eth0"), "");
}

}  // namespace
}  // namespace cri::network::cni
