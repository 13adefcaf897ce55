// SPDX-License-Identifier: Apache-2.0
#include "agent/probe/transfer_loop.h"

#include <curl/curl.h>
#include <pthread.h>

#include <utility>

#include "runtime/base/thread.h"

namespace agent::probe {
namespace {

// curl wakes up by itself for the end of a timeout; this bounds nothing.
constexpr int kPollMs = 60000;

}  // namespace

TransferLoop::TransferLoop() : multi_(curl_multi_init()) {}

TransferLoop::~TransferLoop() {
  Stop();
  curl_multi_cleanup(multi_);
}

void TransferLoop::Add(void* easy, Done done) {
  int refused = CURLE_ABORTED_BY_CALLBACK;
  {
    absl::MutexLock lock(&mutex_);
    if (!stopped_ && HasThread()) {
      added_.emplace_back(easy, std::move(done));
      curl_multi_wakeup(multi_);
      return;
    }
    if (!stopped_) refused = CURLE_OUT_OF_MEMORY;
  }
  done(refused);
}

bool TransferLoop::HasThread() {
  if (thread_.joinable()) return true;
  absl::StatusOr<std::thread> thread = runtime::StartThread([this] {
    pthread_setname_np(pthread_self(), "probe-net");
    Run();
  });
  if (thread.ok()) thread_ = *std::move(thread);
  return thread.ok();
}

void TransferLoop::Stop() {
  std::thread thread;
  {
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
    thread.swap(thread_);
    curl_multi_wakeup(multi_);
  }
  if (thread.joinable()) thread.join();
}

bool TransferLoop::TakeNew() {
  std::vector<std::pair<void*, Done>> added;
  bool stopped = false;
  {
    absl::MutexLock lock(&mutex_);
    added.swap(added_);
    stopped = stopped_;
  }
  for (auto& [easy, done] : added) {
    active_.emplace(easy, std::move(done));
    if (curl_multi_add_handle(multi_, easy) != CURLM_OK) {
      Finish(easy, CURLE_FAILED_INIT);
    }
  }
  return !stopped;
}

void TransferLoop::Finish(void* easy, int code) {
  curl_multi_remove_handle(multi_, easy);
  auto node = active_.extract(easy);
  if (!node.empty()) node.mapped()(code);
}

void TransferLoop::Run() {
  while (TakeNew()) {
    int running = 0, left = 0;
    curl_multi_perform(multi_, &running);
    while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      // Removing the handle ends the life of `message`.
      const CURLcode code = message->data.result;
      Finish(message->easy_handle, code);
    }
    curl_multi_poll(multi_, nullptr, 0, kPollMs, nullptr);
  }
  while (!active_.empty()) {
    Finish(active_.begin()->first, CURLE_ABORTED_BY_CALLBACK);
  }
}

}  // namespace agent::probe
