// SPDX-License-Identifier: Apache-2.0
#include "agent/cri/events.h"

#include <pthread.h>

#include <utility>

#include "absl/time/clock.h"
#include "runtime/base/log.h"

namespace agent::cri {
namespace log = ::runtime::log;

EventReader::EventReader(Client* client, EventReaderOptions options,
                         OnEvent on_event, std::function<void()> on_relist)
    : client_(client),
      options_(options),
      on_event_(std::move(on_event)),
      on_relist_(std::move(on_relist)) {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "cri-events");
    Run();
  });
}

EventReader::~EventReader() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    if (context_ != nullptr) context_->TryCancel();
  }
  thread_.join();
}

bool EventReader::Wait(absl::Duration duration) {
  absl::MutexLock lock(&mutex_);
  mutex_.AwaitWithTimeout(absl::Condition(&stopping_), duration);
  return !stopping_;
}

void EventReader::Run() {
  absl::Duration pause = absl::Milliseconds(100);
  while (Wait(absl::ZeroDuration())) {
    absl::Time begin = absl::Now();
    if (!ReadStream()) {
      log::Info("CRI server has no event stream: relisting every ",
                absl::FormatDuration(options_.relist_fallback));
      while (Wait(options_.relist_fallback)) on_relist_();
      return;
    }
    if (absl::Now() - begin > absl::Seconds(10)) {
      pause = absl::Milliseconds(100);
    }
    if (!Wait(pause)) return;
    pause = std::min(pause * 2, absl::Seconds(2));
    on_relist_();
  }
}

bool EventReader::ReadStream() {
  grpc::ClientContext context;
  // The deadline ends a quiet stream now and then: the relist that follows is
  // the safety net for lost events.
  context.set_deadline(absl::ToChronoTime(absl::Now() + options_.relist));
  {
    absl::MutexLock lock(&mutex_);
    if (stopping_) return true;
    context_ = &context;
  }
  auto reader =
      client_->runtime().GetContainerEvents(&context, v1::GetEventsRequest());
  v1::ContainerEventResponse event;
  while (reader->Read(&event)) {
    on_event_(std::move(event));
    event.Clear();
  }
  grpc::Status status = reader->Finish();
  absl::MutexLock lock(&mutex_);
  context_ = nullptr;
  return status.error_code() != grpc::StatusCode::UNIMPLEMENTED;
}

}  // namespace agent::cri
