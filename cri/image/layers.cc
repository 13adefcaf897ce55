// SPDX-License-Identifier: Apache-2.0
#include "cri/image/layers.h"

#include <fcntl.h>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "cri/image/digest.h"
#include "cri/image/io_priority.h"
#include "cri/image/pipe.h"
#include "cri/image/unpack.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace cri::image {
namespace {

constexpr size_t kPipeBytes = 2 << 20;

}  // namespace

bool LayerJob::WaitFor(absl::Duration limit) {
  absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(&done_), limit);
}

absl::Status LayerJob::status() {
  absl::MutexLock lock(&mutex_);
  return status_;
}

std::shared_ptr<StagedLayer> LayerJob::staged() {
  absl::MutexLock lock(&mutex_);
  return staged_;
}

void LayerJob::Finish(const absl::Status& status,
                      std::shared_ptr<StagedLayer> staged) {
  absl::MutexLock lock(&mutex_);
  status_ = status;
  staged_ = std::move(staged);
  done_ = true;
}

LayerTicket::~LayerTicket() {
  if (job_ != nullptr) fetcher_->GiveUp(pull_, job_);
}

uint64_t LayerFetcher::NewPull() {
  absl::MutexLock lock(&mutex_);
  return ++pulls_;
}

std::vector<LayerTicket> LayerFetcher::Start(
    uint64_t pull, const std::shared_ptr<Source>& source,
    const std::vector<WantedLayer>& layers, bool alone) {
  std::vector<LayerTicket> tickets;
  {
    absl::MutexLock lock(&mutex_);
    for (const WantedLayer& layer : layers) {
      std::shared_ptr<LayerJob>& job =
          jobs_[{layer.descriptor.digest, layer.diff_id}];
      const bool joins = !alone && job != nullptr;
      if (joins) {
        queue_.Join(pull, job);
      } else {
        job =
            std::make_shared<LayerJob>(source, layer.descriptor, layer.diff_id);
        queue_.Add(pull, job);
      }
      ++job->wanted_by_;
      tickets.emplace_back(this, pull, job, joins);
    }
  }
  RunNext();
  return tickets;
}

void LayerFetcher::GiveUp(uint64_t pull, const std::shared_ptr<LayerJob>& job) {
  absl::MutexLock lock(&mutex_);
  queue_.Leave(pull, job);
  if (--job->wanted_by_ > 0) return;
  // Nobody may join a job that is about to be cancelled.
  auto it = jobs_.find({job->descriptor().digest, job->diff_id()});
  if (it != jobs_.end() && it->second == job) jobs_.erase(it);
}

int LayerFetcher::Waiting(uint64_t pull) {
  absl::MutexLock lock(&mutex_);
  return queue_.Waiting(pull);
}

void LayerFetcher::SetLimits(LayerLimits limits) {
  {
    absl::MutexLock lock(&mutex_);
    queue_.SetLimits(limits);
  }
  RunNext();
}

void LayerFetcher::RunNext() {
  while (true) {
    std::shared_ptr<LayerJob> job;
    {
      absl::MutexLock lock(&mutex_);
      job = queue_.Next();
    }
    if (job == nullptr) return;
    executor_->Post([this, job] { Run(job); });
  }
}

void LayerFetcher::Run(const std::shared_ptr<LayerJob>& job) {
  auto staged = Fetch(job);
  job->Finish(
      runtime::Annotate(staged.status(),
                        absl::StrCat("layer ", job->descriptor().digest)),
      staged.ok() ? *staged : nullptr);
  {
    absl::MutexLock lock(&mutex_);
    queue_.Done(job);
  }
  RunNext();
}

// On its own thread: the blob goes into the pipe, hashed on the way.
absl::Status LayerFetcher::Download(LayerJob* job, const Control& control,
                                    Pipe* pipe, bool* reader_left) {
  Hasher hasher(job->descriptor().digest);
  RETURN_IF_ERROR(job->source_->FetchBlob(
      job->descriptor(), control, [&](absl::string_view data) {
        hasher.Update(data);
        job->bytes_done_ += data.size();
        absl::Status written = pipe->Write(data);
        *reader_left = !written.ok();
        return written;
      }));
  const std::string actual = hasher.Finish();
  if (actual == job->descriptor().digest) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("the blob's digest is ", actual));
}

// This thread inflates and unpacks, a second one downloads.
absl::StatusOr<std::shared_ptr<StagedLayer>> LayerFetcher::Fetch(
    const std::shared_ptr<LayerJob>& job) {
  Control control;
  control.cancelled = [job] { return job->wanted_by_ == 0; };
  RETURN_IF_ERROR(control.Check());
  ASSIGN_OR_RETURN(std::shared_ptr<StagedLayer> staged, disk_->Stage());
  ASSIGN_OR_RETURN(runtime::UniqueFd root,
                   runtime::OpenFile(absl::StrCat(staged->path(), "/fs"),
                                     O_RDONLY | O_DIRECTORY));
  Pipe pipe(kPipeBytes);
  absl::Notification downloaded;
  absl::Status download;
  bool reader_left = false;
  executor_->Post([&] {
    const LowIoPriority low;
    download = Download(job.get(), control, &pipe, &reader_left);
    pipe.CloseWrite(download);
    downloaded.Notify();
  });
  // Not before: a thread that the executor starts has the priority of who
  // posts.
  const LowIoPriority low;
  auto unpacked =
      UnpackLayer([&] { return pipe.Read(); }, std::move(root), job->diff_id());
  // A blob that cannot be unpacked is still hashed to its end, for "corrupt on
  // the way" and "made wrong" are different news. Not for bombs.
  while (absl::IsDataLoss(unpacked.status())) {
    auto rest = pipe.Read();
    if (!rest.ok() || rest->empty()) break;
  }
  pipe.CloseRead();
  downloaded.WaitForNotification();
  if (!download.ok() && !reader_left) return download;
  RETURN_IF_ERROR(unpacked.status());
  if (unpacked->diff_id != job->diff_id()) {
    return absl::DataLossError(
        absl::StrCat("its content has diff ID ", unpacked->diff_id,
                     ", the image config says ", job->diff_id()));
  }
  staged->record = {job->diff_id(), unpacked->bytes, unpacked->inodes,
                    unpacked->implied};
  RETURN_IF_ERROR(disk_->FinishStaged(*staged));
  return staged;
}

}  // namespace cri::image
