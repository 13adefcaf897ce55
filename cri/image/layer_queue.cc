// SPDX-License-Identifier: Apache-2.0
#include "cri/image/layer_queue.h"

#include <algorithm>

namespace cri::image {
namespace {

constexpr int kTurnOfTheOldest = 4;

}  // namespace

void LayerQueue::Add(uint64_t pull, const Job& job) {
  pulls_[pull].push_back(job);
  waiting_.insert(job.get());
}

void LayerQueue::Join(uint64_t pull, const Job& job) {
  pulls_[pull].push_back(job);
}

void LayerQueue::Leave(uint64_t pull, const Job& job) {
  auto it = pulls_.find(pull);
  if (it == pulls_.end()) return;
  Jobs& jobs = it->second;
  jobs.erase(std::remove(jobs.begin(), jobs.end(), job), jobs.end());
  if (jobs.empty()) pulls_.erase(it);
  for (const auto& [other, wanted] : pulls_) {
    if (std::find(wanted.begin(), wanted.end(), job) != wanted.end()) return;
  }
  waiting_.erase(job.get());
}

LayerQueue::Job LayerQueue::FirstWaiting(const Jobs& jobs) const {
  for (const Job& job : jobs) {
    if (waiting_.count(job.get()) > 0) return job;
  }
  return nullptr;
}

int LayerQueue::Running(const Jobs& jobs) const {
  return static_cast<int>(std::count_if(
      jobs.begin(), jobs.end(),
      [this](const Job& job) { return running_.count(job.get()) > 0; }));
}

uint64_t LayerQueue::BytesLeft(const Jobs& jobs) const {
  uint64_t left = 0;
  for (const Job& job : jobs) {
    if (waiting_.count(job.get()) + running_.count(job.get()) == 0) continue;
    const uint64_t size = job->descriptor().size;
    left += size - std::min<uint64_t>(size, job->bytes_done());
  }
  return left;
}

LayerQueue::Job LayerQueue::Next() {
  if (static_cast<int>(running_.size()) >= limits_.total) return nullptr;
  Job oldest, smallest;
  uint64_t fewest = 0;
  int pulls = 0;
  for (const auto& [pull, jobs] : pulls_) {
    Job job = FirstWaiting(jobs);
    if (job == nullptr || Running(jobs) >= limits_.per_image) continue;
    const uint64_t left = BytesLeft(jobs);
    if (pulls++ == 0) oldest = job;
    if (smallest != nullptr && left >= fewest) continue;
    smallest = job;
    fewest = left;
  }
  if (smallest == nullptr) return nullptr;
  const bool turn = pulls > 1 && ++contested_ % kTurnOfTheOldest == 0;
  Job next = turn ? oldest : smallest;
  waiting_.erase(next.get());
  running_.insert(next.get());
  return next;
}

int LayerQueue::Waiting(uint64_t pull) const {
  auto it = pulls_.find(pull);
  if (it == pulls_.end()) return 0;
  if (static_cast<int>(running_.size()) < limits_.total) return 0;
  const Jobs& jobs = it->second;
  const auto waiting = static_cast<int>(std::count_if(
      jobs.begin(), jobs.end(),
      [this](const Job& job) { return waiting_.count(job.get()) > 0; }));
  return std::max(0, std::min(waiting, limits_.per_image - Running(jobs)));
}

}  // namespace cri::image
