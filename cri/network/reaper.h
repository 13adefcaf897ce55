// SPDX-License-Identifier: Apache-2.0
// LinkReaper sees to it that the links of stopped pods go away. Usually they
// go with the pod's namespace, for which the kernel needs no help; deleting
// one by hand costs 25 ms of waiting, so that is only done to those that stay.
#ifndef CORACLE_CRI_NETWORK_REAPER_H_
#define CORACLE_CRI_NETWORK_REAPER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace cri::network {

// Thread safe. One thread, asleep while there is nothing to see to; the
// destructor leaves what is unfinished. Works in the network namespace of the
// thread that made it.
class LinkReaper {
 public:
  static constexpr absl::Duration kPatience = absl::Seconds(2);
  static constexpr absl::Duration kInterval = absl::Milliseconds(100);
  static constexpr absl::Duration kAfterFailure = absl::Seconds(10);

  LinkReaper();
  ~LinkReaper();
  LinkReaper(const LinkReaper&) = delete;
  LinkReaper& operator=(const LinkReaper&) = delete;

  // Calls `on_gone` from the reaper's thread once no link `name` exists; it is
  // deleted if it still does after kPatience.
  void Expect(std::string name, std::function<void()> on_gone)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Deletes everything that is expected to go, without patience, and returns
  // when that was tried.
  void Flush() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Item {
    std::string name;
    std::function<void()> on_gone;
    absl::Time look;  // when to look next
    absl::Time due;   // when to delete
  };
  struct Batch {
    std::vector<Item> items;
    uint64_t flush = 0;  // the Flush it serves
    bool now = false;    // without patience
  };

  void Loop() ABSL_LOCKS_EXCLUDED(mutex_);
  // Waits for work; false at the end.
  bool Take(Batch& batch) ABSL_LOCKS_EXCLUDED(mutex_);
  void PutBack(Batch& batch) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Time NextLook() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::Mutex mutex_;
  absl::CondVar changed_;
  std::vector<Item> items_ ABSL_GUARDED_BY(mutex_);
  uint64_t flush_wanted_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t flush_done_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace cri::network

#endif  // CORACLE_CRI_NETWORK_REAPER_H_
