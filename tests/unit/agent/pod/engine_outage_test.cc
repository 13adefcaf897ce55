// SPDX-License-Identifier: Apache-2.0
// What the API server did, or did not know, while it was not to be reached.
#include "tests/unit/agent/pod/engine_fixture.h"

namespace agent::pod {
namespace {

TEST_F(EngineTest, PodThatTheNodeControllerGaveUpIsReadyAgain) {
  Begin();
  cluster_.Set(Pod("p", "u1"));
  ASSERT_TRUE(cluster_.WaitFor("p", IsReady));
  cluster_.MarkNotReady("p");
  EXPECT_TRUE(cluster_.WaitFor("p", IsReady));
}

TEST_F(EngineTest, MirrorPodThatTheNodeControllerGaveUpIsReadyAgain) {
  ASSERT_THAT(runtime::MakeDirs(dir_.path() + "/manifests"), IsOk());
  ASSERT_THAT(runtime::WriteFileAtomic(
                  dir_.path() + "/manifests/web.yaml",
                  "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n"
                  "spec: {containers: [{name: c, image: 'img:1'}]}\n"),
              IsOk());
  Begin(/*cluster=*/true, /*manifests=*/true);
  ASSERT_TRUE(cluster_.WaitFor("web-node1", IsReady));
  cluster_.MarkNotReady("web-node1");
  EXPECT_TRUE(cluster_.WaitFor("web-node1", IsReady));
}

TEST_F(EngineTest, OldListAfterARestartEndsNothing) {
  Begin();
  cluster_.Set(Pod("p", "u1"));
  ASSERT_TRUE(WaitForPhase("p", "Running"));
  Stop();
  cluster_.ServeOldLists();
  Begin();
  cluster_.Set(Pod("q", "u2"));
  ASSERT_TRUE(WaitForPhase("q", "Running"));
  World world = cri_.Look();
  EXPECT_EQ(world.Running(), 2);
  EXPECT_FALSE(world.Called("StopContainer c 30"));
}

}  // namespace
}  // namespace agent::pod
