// SPDX-License-Identifier: Apache-2.0
// Tells the thread sanitizer of abseil's locks; part of every test program of
// the tsan preset. The distribution's libabsl is built without the sanitizer,
// so that whatever a Mutex guards would look like a race. Each function here
// takes the place of the library's and calls it: a lock acquires what an unlock
// before it released. Shared and exclusive locks count alike, so a write under
// a shared lock is not found, nor is a wrong order of locks.
#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

#include <cstring>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"

namespace absl {
namespace {

// The library's function behind the member of this file.
template <typename Function, typename Member>
Function Next(Member member) {
  void* own = nullptr;
  static_assert(sizeof(member) >= sizeof(own));
  std::memcpy(&own, &member, sizeof(own));
  Dl_info info;
  if (dladdr(own, &info) == 0 || info.dli_sname == nullptr) __builtin_trap();
  void* next = dlsym(RTLD_NEXT, info.dli_sname);
  if (next == nullptr || next == own) __builtin_trap();
  return reinterpret_cast<Function>(next);
}

// The mutex that this thread is about to leave. The library still evaluates the
// conditions of those who wait for it, which read what it guards.
thread_local const void* leaving = nullptr;

class Leave {
 public:
  explicit Leave(const void* mutex) : before_(leaving), mutex_(mutex) {
    leaving = mutex;
    __tsan_release(const_cast<void*>(mutex_));
  }
  ~Leave() { leaving = before_; }

 private:
  const void* const before_;
  const void* const mutex_;
};

void Acquire(const void* address) {
  __tsan_acquire(const_cast<void*>(address));
}
void Release(const void* address) {
  __tsan_release(const_cast<void*>(address));
}

}  // namespace

bool Condition::Eval() const {
  static const auto next = Next<bool (*)(const Condition*)>(&Condition::Eval);
  if (leaving != nullptr) Acquire(leaving);
  const bool result = next(this);
  if (leaving != nullptr) Release(leaving);
  return result;
}

void Mutex::Lock() {
  static const auto next = Next<void (*)(Mutex*)>(&Mutex::Lock);
  next(this);
  Acquire(this);
}

bool Mutex::TryLock() {
  static const auto next = Next<bool (*)(Mutex*)>(&Mutex::TryLock);
  const bool locked = next(this);
  if (locked) Acquire(this);
  return locked;
}

void Mutex::Unlock() {
  static const auto next = Next<void (*)(Mutex*)>(&Mutex::Unlock);
  const Leave leave(this);
  next(this);
}

void Mutex::ReaderLock() {
  static const auto next = Next<void (*)(Mutex*)>(&Mutex::ReaderLock);
  next(this);
  Acquire(this);
}

bool Mutex::ReaderTryLock() {
  static const auto next = Next<bool (*)(Mutex*)>(&Mutex::ReaderTryLock);
  const bool locked = next(this);
  if (locked) Acquire(this);
  return locked;
}

void Mutex::ReaderUnlock() {
  static const auto next = Next<void (*)(Mutex*)>(&Mutex::ReaderUnlock);
  const Leave leave(this);
  next(this);
}

void Mutex::LockWhen(const Condition& condition) {
  static const auto next =
      Next<void (*)(Mutex*, const Condition&)>(&Mutex::LockWhen);
  const Leave leave(this);
  next(this, condition);
  Acquire(this);
}

bool Mutex::LockWhenWithTimeout(const Condition& condition, Duration timeout) {
  static const auto next = Next<bool (*)(Mutex*, const Condition&, Duration)>(
      &Mutex::LockWhenWithTimeout);
  const Leave leave(this);
  const bool result = next(this, condition, timeout);
  Acquire(this);
  return result;
}

void Mutex::Await(const Condition& condition) {
  static const auto next =
      Next<void (*)(Mutex*, const Condition&)>(&Mutex::Await);
  const Leave leave(this);
  next(this, condition);
  Acquire(this);
}

bool Mutex::AwaitWithTimeout(const Condition& condition, Duration timeout) {
  static const auto next = Next<bool (*)(Mutex*, const Condition&, Duration)>(
      &Mutex::AwaitWithTimeout);
  const Leave leave(this);
  const bool result = next(this, condition, timeout);
  Acquire(this);
  return result;
}

bool Mutex::AwaitWithDeadline(const Condition& condition, Time deadline) {
  static const auto next =
      Next<bool (*)(Mutex*, const Condition&, Time)>(&Mutex::AwaitWithDeadline);
  const Leave leave(this);
  const bool result = next(this, condition, deadline);
  Acquire(this);
  return result;
}

void CondVar::Wait(Mutex* mutex) {
  static const auto next = Next<void (*)(CondVar*, Mutex*)>(&CondVar::Wait);
  const Leave leave(mutex);
  next(this, mutex);
  Acquire(mutex);
}

bool CondVar::WaitWithTimeout(Mutex* mutex, Duration timeout) {
  static const auto next =
      Next<bool (*)(CondVar*, Mutex*, Duration)>(&CondVar::WaitWithTimeout);
  const Leave leave(mutex);
  const bool result = next(this, mutex, timeout);
  Acquire(mutex);
  return result;
}

bool CondVar::WaitWithDeadline(Mutex* mutex, Time deadline) {
  static const auto next =
      Next<bool (*)(CondVar*, Mutex*, Time)>(&CondVar::WaitWithDeadline);
  const Leave leave(mutex);
  const bool result = next(this, mutex, deadline);
  Acquire(mutex);
  return result;
}

// HasBeenNotified is inline: it reads an atomic that stands behind the mutex.
void Notification::Notify() {
  static const auto next = Next<void (*)(Notification*)>(&Notification::Notify);
  Release(this);
  Release(&notified_yet_);
  next(this);
}

void Notification::WaitForNotification() const {
  static const auto next =
      Next<void (*)(const Notification*)>(&Notification::WaitForNotification);
  next(this);
  Acquire(this);
}

bool Notification::WaitForNotificationWithTimeout(Duration timeout) const {
  static const auto next = Next<bool (*)(const Notification*, Duration)>(
      &Notification::WaitForNotificationWithTimeout);
  const bool notified = next(this, timeout);
  if (notified) Acquire(this);
  return notified;
}

bool BlockingCounter::DecrementCount() {
  static const auto next =
      Next<bool (*)(BlockingCounter*)>(&BlockingCounter::DecrementCount);
  Release(this);
  const bool last = next(this);
  if (last) Acquire(this);
  return last;
}

void BlockingCounter::Wait() {
  static const auto next =
      Next<void (*)(BlockingCounter*)>(&BlockingCounter::Wait);
  next(this);
  Acquire(this);
}

}  // namespace absl
