// SPDX-License-Identifier: Apache-2.0
#include "cri/network/pool.h"

#include <unistd.h>

#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace cri::network {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using tests::IsOk;
using tests::StatusIs;

std::string ToString(const std::vector<Ip>& ips) {
  return absl::StrJoin(ips, ",", [](std::string* out, Ip ip) {
    absl::StrAppend(out, ip.ToString());
  });
}

class AddressPoolTest : public testing::Test {
 protected:
  // A pool as a daemon has it after a start.
  std::unique_ptr<AddressPool> Start(const std::string& cidr) {
    auto pool = std::make_unique<AddressPool>(dir_ / "leases", dir_ / "aside");
    EXPECT_OK(pool->Load());
    EXPECT_OK(pool->SetCidrs(*ParsePodCidrs(cidr)));
    return pool;
  }
  std::vector<std::string> Leases() {
    return *runtime::ListDir(dir_ / "leases");
  }
  std::vector<std::string> SetAside() {
    if (!runtime::Exists(dir_ / "aside")) return {};
    return *runtime::ListDir(dir_ / "aside");
  }
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(dir_ / ("leases/" + name)) << text;
  }
  static std::string Acquire(AddressPool& pool, const std::string& id) {
    const absl::StatusOr<AddressPool::Lease> lease = pool.Acquire(id);
    EXPECT_THAT(lease, IsOk());
    return lease.ok() ? ToString(lease->ips) : "";
  }
  static void Free(AddressPool& pool, const std::string& id) {
    const absl::StatusOr<std::vector<Ip>> ips = pool.Release(id);
    ASSERT_THAT(ips, IsOk());
    ASSERT_FALSE(ips->empty());
    pool.Reuse(*ips);
  }

  tests::TempDir dir_;
};

TEST_F(AddressPoolTest, GivesEachSandboxOneAddress) {
  auto pool = Start("10.1.2.0/24");
  EXPECT_EQ(Acquire(*pool, "a"), "10.1.2.2");
  EXPECT_EQ(Acquire(*pool, "b"), "10.1.2.3");
  EXPECT_THAT(Leases(), ElementsAre("10.1.2.2", "10.1.2.3"));
}

TEST_F(AddressPoolTest, RepeatedCallGivesTheSameAddress) {
  auto pool = Start("10.1.2.0/24");
  ASSERT_OK_AND_ASSIGN(const AddressPool::Lease first, pool->Acquire("a"));
  ASSERT_OK_AND_ASSIGN(const AddressPool::Lease again, pool->Acquire("a"));
  EXPECT_TRUE(first.fresh);
  EXPECT_FALSE(again.fresh);
  EXPECT_EQ(first.ips, again.ips);
}

TEST_F(AddressPoolTest, LeasesOutliveTheDaemon) {
  Acquire(*Start("10.1.2.0/24"), "a");
  auto pool = Start("10.1.2.0/24");
  EXPECT_EQ(ToString(pool->Find("a")), "10.1.2.2");
  EXPECT_EQ(Acquire(*pool, "a"), "10.1.2.2");
  EXPECT_EQ(Acquire(*pool, "b"), "10.1.2.3");
  EXPECT_THAT(pool->Sandboxes(), ElementsAre("a", "b"));
}

TEST_F(AddressPoolTest, FreedAddressComesLast) {
  auto pool = Start("10.1.2.0/29");  // .2 to .6
  EXPECT_EQ(Acquire(*pool, "a"), "10.1.2.2");
  Free(*pool, "a");
  EXPECT_EQ(Acquire(*pool, "b"), "10.1.2.3");
  EXPECT_EQ(Acquire(*pool, "c"), "10.1.2.4");
  EXPECT_EQ(Acquire(*pool, "d"), "10.1.2.5");
  EXPECT_EQ(Acquire(*pool, "e"), "10.1.2.6");
  EXPECT_EQ(Acquire(*pool, "f"), "10.1.2.2");
}

TEST_F(AddressPoolTest, ReleasedAddressStaysUnusedUntilItsLinkIsGone) {
  auto pool = Start("10.1.2.4/30");  // .6 only
  Acquire(*pool, "a");
  ASSERT_OK_AND_ASSIGN(const std::vector<Ip> ips, pool->Release("a"));
  EXPECT_THAT(Leases(), IsEmpty());
  EXPECT_THAT(pool->Acquire("b"),
              StatusIs(absl::StatusCode::kResourceExhausted));
  pool->Reuse(ips);
  EXPECT_EQ(Acquire(*pool, "b"), "10.1.2.6");
}

TEST_F(AddressPoolTest, ExhaustionNamesTheRange) {
  auto pool = Start("10.1.2.0/29");
  for (int i = 0; i < 5; ++i) Acquire(*pool, absl::StrCat("pod", i));
  EXPECT_THAT(pool->Acquire("one more"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(pool->Acquire("more"),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("10.1.2.0/29: all 5 are in use")));
  EXPECT_EQ(Leases().size(), 5u);
}

TEST_F(AddressPoolTest, ReleaseOfUnknownSandboxDoesNothing) {
  auto pool = Start("10.1.2.0/24");
  ASSERT_OK_AND_ASSIGN(const std::vector<Ip> ips, pool->Release("a"));
  EXPECT_THAT(ips, IsEmpty());
}

TEST_F(AddressPoolTest, RangeCannotMoveAwayUnderALease) {
  auto pool = Start("10.1.2.0/24");
  Acquire(*pool, "a");
  EXPECT_THAT(pool->SetCidrs(*ParsePodCidrs("10.1.3.0/24")),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("sandbox a has address 10.1.2.2")));
  EXPECT_OK(pool->SetCidrs(*ParsePodCidrs("10.1.0.0/16")));
  Free(*pool, "a");
  EXPECT_OK(pool->SetCidrs(*ParsePodCidrs("10.1.3.0/24")));
  EXPECT_EQ(Acquire(*pool, "b"), "10.1.3.2");
}

TEST_F(AddressPoolTest, GivesOneOfEachFamilyOrNone) {
  auto pool = Start("10.1.2.0/24,fd00::4/126");  // one IPv6 address
  EXPECT_EQ(Acquire(*pool, "a"), "10.1.2.2,fd00::6");
  EXPECT_THAT(pool->Acquire("b"),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("fd00::4/126: all 1 are in use")));
  EXPECT_THAT(Leases(), ElementsAre("10.1.2.2", "fd00::6"));
  Free(*pool, "a");
  EXPECT_EQ(Acquire(*pool, "b"), "10.1.2.3,fd00::6");
}

TEST_F(AddressPoolTest, CompletesALeaseThatACrashCutInHalf) {
  Acquire(*Start("10.1.2.0/24,fd00::/64"), "a");
  unlink((dir_ / "leases/fd00::2").c_str());
  auto pool = Start("10.1.2.0/24,fd00::/64");
  EXPECT_EQ(Acquire(*pool, "a"), "10.1.2.2,fd00::2");
}

TEST_F(AddressPoolTest, SetsGarbageAside) {
  Acquire(*Start("10.1.2.0/24"), "good");
  const std::string good = *runtime::ReadFile(dir_ / "leases/10.1.2.2");
  Write("10.1.2.9", "");                                     // zero bytes
  Write("10.1.2.10", good);                                  // another address
  Write("10.1.2.11", "1 10.1.2.11 pod 0000000000000000\n");  // checksum
  Write("10.1.2.12", std::string(100000, 'x'));              // too large
  Write("10.1.2.013", good);                                 // not canonical
  Write("notes.txt", "hello");
  ASSERT_OK(runtime::MakeDirs(dir_ / "leases/10.1.2.14/deep"));
  auto pool = Start("10.1.2.0/24");
  EXPECT_THAT(Leases(), ElementsAre("10.1.2.2"));
  EXPECT_EQ(SetAside().size(), 7u);
  EXPECT_THAT(pool->Sandboxes(), ElementsAre("good"));
  EXPECT_EQ(Acquire(*pool, "next"), "10.1.2.3");
}

TEST_F(AddressPoolTest, ForgetsAnUnfinishedLease) {
  Acquire(*Start("10.1.2.0/24"), "a");
  Write(".10.1.2.3.tmp", "1 10.1");
  auto pool = Start("10.1.2.0/24");
  EXPECT_THAT(Leases(), ElementsAre("10.1.2.2"));
  EXPECT_THAT(SetAside(), IsEmpty());
}

TEST_F(AddressPoolTest, LeaseThatCannotBeWrittenIsNotGiven) {
  auto pool = Start("10.1.2.4/30");
  ASSERT_OK(runtime::RemoveTree(dir_ / "leases"));
  EXPECT_THAT(pool->Acquire("a"), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_OK(runtime::MakeDirs(dir_ / "leases"));
  EXPECT_EQ(Acquire(*pool, "a"), "10.1.2.6");
}

TEST_F(AddressPoolTest, ThreadsNeverGetTheSameAddress) {
  auto pool = Start("10.1.0.0/16");
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&pool, t] {
      for (int i = 0; i < 50; ++i) {
        Acquire(*pool, absl::StrCat("pod-", t, "-", i));
        if (i % 3 == 0) Free(*pool, absl::StrCat("pod-", t, "-", i));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<Ip> seen;
  for (const std::string& id : pool->Sandboxes()) {
    EXPECT_TRUE(seen.insert(pool->Find(id).front()).second) << id;
  }
  EXPECT_EQ(seen.size(), 8u * 33);
  EXPECT_EQ(Leases().size(), seen.size());
}

}  // namespace
}  // namespace cri::network
