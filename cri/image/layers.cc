// SPDX-License-Identifier: Apache-2.0
#include "cri/image/layers.h"

#include <fcntl.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "cri/image/digest.h"
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
  if (job_ != nullptr) fetcher_->GiveUp(job_);
}

LayerTicket LayerFetcher::Start(const std::shared_ptr<Source>& source,
                                const Descriptor& descriptor,
                                const std::string& diff_id, bool alone) {
  std::shared_ptr<LayerJob> job;
  {
    absl::MutexLock lock(&mutex_);
    const Key key(descriptor.digest, diff_id);
    auto running = jobs_.find(key);
    if (!alone && running != jobs_.end()) {
      ++running->second->wanted_by_;
      return LayerTicket(this, running->second, true);
    }
    job = std::make_shared<LayerJob>(source, descriptor, diff_id);
    job->wanted_by_ = 1;
    jobs_[key] = job;
    waiting_.push_back(job);
  }
  RunNext();
  return LayerTicket(this, job, false);
}

void LayerFetcher::GiveUp(const std::shared_ptr<LayerJob>& job) {
  absl::MutexLock lock(&mutex_);
  if (--job->wanted_by_ > 0) return;
  // Nobody may join a job that is about to be cancelled.
  auto it = jobs_.find({job->descriptor().digest, job->diff_id()});
  if (it != jobs_.end() && it->second == job) jobs_.erase(it);
}

void LayerFetcher::SetParallel(int parallel) {
  {
    absl::MutexLock lock(&mutex_);
    parallel_ = parallel;
  }
  for (int i = 0; i < parallel; ++i) RunNext();
}

void LayerFetcher::RunNext() {
  std::shared_ptr<LayerJob> job;
  {
    absl::MutexLock lock(&mutex_);
    if (running_ >= parallel_ || waiting_.empty()) return;
    ++running_;
    job = std::move(waiting_.front());
    waiting_.pop_front();
  }
  executor_->Post([this, job] { Run(job); });
}

void LayerFetcher::Run(const std::shared_ptr<LayerJob>& job) {
  auto staged = Fetch(job);
  job->Finish(
      runtime::Annotate(staged.status(),
                        absl::StrCat("layer ", job->descriptor().digest)),
      staged.ok() ? *staged : nullptr);
  {
    absl::MutexLock lock(&mutex_);
    --running_;
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
    download = Download(job.get(), control, &pipe, &reader_left);
    pipe.CloseWrite(download);
    downloaded.Notify();
  });
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
