// SPDX-License-Identifier: Apache-2.0
// What a CRI server and its pods take up on a host that is theirs alone (a box
// of tests/lib/box.sh): for comparing before and after.
#ifndef CORACLE_TESTS_KILL_SNAPSHOT_H_
#define CORACLE_TESTS_KILL_SNAPSHOT_H_

#include <set>
#include <string>

namespace tests::kill {

// One line a thing: the files of the directories (of images only their names),
// mounts, cgroups, links and processes.
using Snapshot = std::multiset<std::string>;
Snapshot Take(const std::string& root, const std::string& state);

// Waits until the host is as it was; otherwise the difference, a line each.
std::string AwaitSame(const Snapshot& before, const std::string& root,
                      const std::string& state);

}  // namespace tests::kill

#endif  // CORACLE_TESTS_KILL_SNAPSHOT_H_
