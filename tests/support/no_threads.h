// SPDX-License-Identifier: Apache-2.0
// A system that gives no more threads.
#ifndef CORACLE_TESTS_SUPPORT_NO_THREADS_H_
#define CORACLE_TESTS_SUPPORT_NO_THREADS_H_

#include <pthread.h>

#include <cstddef>

namespace tests {

// While it lives this process cannot make threads: their stacks are larger
// than any address space.
class NoThreads {
 public:
  NoThreads() {
    pthread_getattr_default_np(&before_);
    pthread_attr_t huge;
    pthread_attr_init(&huge);
    pthread_attr_setstacksize(&huge, size_t{1} << 47);
    pthread_setattr_default_np(&huge);
    pthread_attr_destroy(&huge);
  }
  ~NoThreads() {
    pthread_setattr_default_np(&before_);
    pthread_attr_destroy(&before_);
  }
  NoThreads(const NoThreads&) = delete;
  NoThreads& operator=(const NoThreads&) = delete;

 private:
  pthread_attr_t before_;
};

}  // namespace tests

#endif  // CORACLE_TESTS_SUPPORT_NO_THREADS_H_
