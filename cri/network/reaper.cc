// SPDX-License-Identifier: Apache-2.0
#include "cri/network/reaper.h"

#include <linux/netlink.h>
#include <pthread.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "cri/network/link.h"
#include "cri/network/netlink.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace cri::network {
namespace {

// Whether link `name` is gone: by itself, or by us with `remove`.
absl::StatusOr<bool> Gone(const std::string& name, bool remove) {
  ASSIGN_OR_RETURN(Socket rtnl, Socket::Open(NETLINK_ROUTE));
  ASSIGN_OR_RETURN(const std::optional<Link> link, FindLink(rtnl, name));
  if (!link.has_value()) return true;
  if (!remove) return false;
  RETURN_IF_ERROR(DeleteLink(rtnl, name));
  return true;
}

}  // namespace

LinkReaper::LinkReaper() : thread_([this] { Loop(); }) {
  pthread_setname_np(thread_.native_handle(), "link-reaper");
}

LinkReaper::~LinkReaper() {
  {
    absl::MutexLock lock(&mutex_);
    stop_ = true;
    changed_.SignalAll();
  }
  thread_.join();
}

void LinkReaper::Expect(std::string name, std::function<void()> on_gone) {
  const absl::Time now = absl::Now();
  absl::MutexLock lock(&mutex_);
  items_.push_back(
      {std::move(name), std::move(on_gone), now + kInterval, now + kPatience});
  changed_.SignalAll();
}

void LinkReaper::Flush() {
  absl::MutexLock lock(&mutex_);
  const uint64_t mine = ++flush_wanted_;
  changed_.SignalAll();
  while (flush_done_ < mine && !stop_) changed_.Wait(&mutex_);
}

absl::Time LinkReaper::NextLook() {
  absl::Time next = absl::InfiniteFuture();
  for (const Item& item : items_) next = std::min(next, item.look);
  return next;
}

bool LinkReaper::Take(Batch& batch) {
  absl::MutexLock lock(&mutex_);
  while (!stop_ && flush_wanted_ == flush_done_ && absl::Now() < NextLook()) {
    changed_.WaitWithDeadline(&mutex_, NextLook());
  }
  batch.flush = flush_wanted_;
  batch.now = flush_wanted_ > flush_done_;
  batch.items = std::exchange(items_, {});
  return !stop_;
}

void LinkReaper::PutBack(Batch& batch) {
  absl::MutexLock lock(&mutex_);
  std::move(batch.items.begin(), batch.items.end(), std::back_inserter(items_));
  flush_done_ = batch.flush;
  changed_.SignalAll();
}

void LinkReaper::Loop() {
  for (Batch batch; Take(batch); PutBack(batch)) {
    std::vector<Item> left;
    for (Item& item : batch.items) {
      const absl::Time now = absl::Now();
      const absl::StatusOr<bool> gone =
          Gone(item.name, batch.now || now >= item.due);
      if (gone.ok() && *gone) {
        item.on_gone();
        continue;
      }
      if (!gone.ok()) {  // its address stays out of use until then
        runtime::log::Warning("network: link ", item.name,
                              " of a stopped pod: ", gone.status().message());
      }
      item.look = now + (gone.ok() ? kInterval : kAfterFailure);
      left.push_back(std::move(item));
    }
    batch.items = std::move(left);
  }
}

}  // namespace cri::network
