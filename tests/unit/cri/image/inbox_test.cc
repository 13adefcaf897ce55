// SPDX-License-Identifier: Apache-2.0
#include "cri/image/inbox.h"

#include <thread>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "tests/unit/cri/image/store_fixture.h"

namespace cri::image {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::tests::StatusIs;

class InboxTest : public StoreTest {};

TEST_F(InboxTest, TheInboxImportsForOtherProcesses) {
  ImageBuilder builder;
  builder.AddLayer({File("a", "1")});
  builder.Write(dir_ / "a", "");
  auto inbox = StartInbox(store_.get(), dir_ / "root");
  ASSERT_OK_AND_ASSIGN(auto ids, ImportThroughInbox(dir_ / "root", dir_ / "a",
                                                    "in:1", absl::Seconds(20)));
  EXPECT_THAT(ids, ElementsAre(builder.Id()));
  EXPECT_NE(store_->Find("in:1"), nullptr);
  EXPECT_THAT(
      ImportThroughInbox(dir_ / "root", dir_ / "a", "", absl::Seconds(20)),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("carries no name")));
  EXPECT_THAT(Room("import"), IsEmpty());
  inbox.reset();
  EXPECT_THAT(ImportThroughInbox(dir_ / "root", dir_ / "a", "in:2",
                                 absl::Milliseconds(100)),
              StatusIs(absl::StatusCode::kDeadlineExceeded,
                       HasSubstr("no answer from the daemon")));
  EXPECT_THAT(Room("import"), IsEmpty());
}

TEST_F(InboxTest, WhatCameBeforeTheDaemonIsImported) {
  ImageBuilder builder;
  builder.AddLayer({File("a", "1")});
  builder.Write(dir_ / "a", "");
  absl::StatusOr<std::vector<std::string>> ids;
  std::thread command([&] {
    ids = ImportThroughInbox(dir_ / "root", dir_ / "a", "in:1",
                             absl::Seconds(20));
  });
  while (!absl::c_any_of(Room("import"), [](const std::string& name) {
    return absl::EndsWith(name, ".image") && !absl::StartsWith(name, ".");
  })) {
    std::this_thread::yield();
  }
  auto inbox = StartInbox(store_.get(), dir_ / "root");
  command.join();
  ASSERT_OK(ids.status());
  EXPECT_THAT(*ids, ElementsAre(builder.Id()));
}

}  // namespace
}  // namespace cri::image
