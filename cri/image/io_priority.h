// SPDX-License-Identifier: Apache-2.0
// A lower weight of one thread's disk use (ioprio_set(2)). The I/O schedulers
// that know weights obey it (bfq; mq-deadline knows classes only); with others
// it has no effect. It counts for what the thread reads and for the writing
// that it begins itself, not for what the kernel writes back on its own.
#ifndef CORACLE_CRI_IMAGE_IO_PRIORITY_H_
#define CORACLE_CRI_IMAGE_IO_PRIORITY_H_

namespace cri::image {

// The calling thread has the lowest best-effort priority until the scope ends
// in that thread; then it has the one from before.
class LowIoPriority {
 public:
  LowIoPriority();
  ~LowIoPriority();
  LowIoPriority(const LowIoPriority&) = delete;
  LowIoPriority& operator=(const LowIoPriority&) = delete;

  // That of a thread as the kernel keeps it, or -1; 0 is the calling thread.
  static int Of(int thread);
  // Best effort, level 7 of 0 to 7.
  static constexpr int kLow = 2 << 13 | 7;

 private:
  int before_;  // -1: nothing to restore
};

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_IO_PRIORITY_H_
