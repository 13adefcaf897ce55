// SPDX-License-Identifier: Apache-2.0
#include "cri/container/check.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace cri::container {
namespace {

namespace v1 = ::runtime::v1;
using ::testing::HasSubstr;
using ::tests::StatusIs;

void MapIds(v1::IDMapping* map) {
  map->set_host_id(65536);
  map->set_length(65536);
}

class CheckInSandboxTest : public ::testing::Test {
 protected:
  v1::NamespaceOption& PodNamespaces() {
    return *sandbox_.config.mutable_linux()
                ->mutable_security_context()
                ->mutable_namespace_options();
  }
  void GiveUserNamespace() {
    v1::UserNamespace& user = *PodNamespaces().mutable_userns_options();
    user.set_mode(v1::POD);
    MapIds(user.add_uids());
    MapIds(user.add_gids());
  }
  v1::Mount& Mount() {
    v1::Mount& mount = *config_.add_mounts();
    mount.set_container_path("/data");
    mount.set_host_path("/tmp");
    return mount;
  }
  absl::Status Check() { return CheckInSandbox(config_, sandbox_); }

  sandbox::Sandbox sandbox_{nullptr};
  v1::ContainerConfig config_;
};

TEST_F(CheckInSandboxTest, IdMappedMountNeedsTheUserNamespaceOfThePod) {
  v1::Mount& mount = Mount();
  MapIds(mount.add_uidmappings());
  MapIds(mount.add_gidmappings());
  EXPECT_THAT(Check(), StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("mount /data: uidMappings")));
  GiveUserNamespace();
  EXPECT_OK(Check());
}

TEST_F(CheckInSandboxTest, UserNamespaceDoesNotMountOnTheHost) {
  Mount().set_propagation(v1::PROPAGATION_BIDIRECTIONAL);
  EXPECT_OK(Check());
  GiveUserNamespace();
  EXPECT_THAT(Check(), StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("mount /data: bidirectional")));
}

TEST_F(CheckInSandboxTest, NamespaceOfTheHostNeedsAPodThatHasIt) {
  v1::NamespaceOption& asked = *config_.mutable_linux()
                                    ->mutable_security_context()
                                    ->mutable_namespace_options();
  for (const char* field : {"network", "ipc", "pid"}) {
    auto set = [field](v1::NamespaceOption& options) {
      options.GetReflection()->SetEnumValue(
          &options, options.GetDescriptor()->FindFieldByName(field), v1::NODE);
    };
    set(asked);
    EXPECT_THAT(Check(),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(field)));
    set(PodNamespaces());
    EXPECT_OK(Check());
  }
}

}  // namespace
}  // namespace cri::container
