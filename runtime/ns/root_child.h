// SPDX-License-Identifier: Apache-2.0
#ifndef CORACLE_RUNTIME_NS_ROOT_CHILD_H_
#define CORACLE_RUNTIME_NS_ROOT_CHILD_H_

namespace runtime::ns {

// The raw side of BecomeRoot: 0 or an errno. Nobody may inspect the process
// afterwards until it execs.
int TakeRoot();

}  // namespace runtime::ns

#endif  // CORACLE_RUNTIME_NS_ROOT_CHILD_H_
