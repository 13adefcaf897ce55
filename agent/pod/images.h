// SPDX-License-Identifier: Apache-2.0
// Images makes sure that a container's image is on the node, by its pull
// policy. Back-off between tries is the worker's. Thread safe.
#ifndef CORACLE_AGENT_POD_IMAGES_H_
#define CORACLE_AGENT_POD_IMAGES_H_

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "agent/cri/client.h"
#include "agent/object/source.h"
#include "runtime/base/executor.h"
#include "runtime/base/json.h"

namespace agent::pod {

using runtime::Json;
namespace v1 = ::runtime::v1;

// What a container waits with if its image is not there: a reason of
// kubelet.md §1.4 and the text of the status and the event.
struct ImageFailure {
  std::string reason, message;
};

struct ImageOutcome {
  v1::Image image;  // if `failure` is empty
  bool pulled = false;
  absl::Duration took, waited;
  ImageFailure failure;
  bool ok() const { return failure.reason.empty(); }
};

// The reference with ":latest" where it has neither tag nor digest;
// INVALID_ARGUMENT if it is not a reference at all.
absl::StatusOr<std::string> NormalizeImage(const std::string& image);

// imagePullPolicy of the container, or its default by tag.
std::string PullPolicy(const Json& container);

// What Ensure has to be asked before `container` can be made, in this order:
// its own image, then those of the image volumes that it mounts, each once.
// Objects with "image", "imagePullPolicy" and, of a volume, its name as
// "volume".
std::vector<Json> WantedImages(const Json& pod, const Json& container);

class Images {
 public:
  using Done = std::function<void(ImageOutcome)>;
  // What a pod's events say of its pull: when it begins, and of one that takes
  // long how far it is.
  struct Listener {
    std::function<void()> on_begin;
    std::function<void(const cri::PullProgress&)> on_progress;
  };

  // Progress is told after `first_report`, and then after ever longer times.
  Images(cri::Client* client, object::Source* objects,
         runtime::Executor* executor, int max_parallel,
         absl::Duration first_report);

  // What is called runs on the executor or a gRPC thread and must not block.
  // `sandbox` goes along with the pull.
  void Ensure(std::shared_ptr<const Json> pod, const Json& container,
              const v1::PodSandboxConfig& sandbox, Listener listener,
              Done done);

 private:
  struct Pull;
  void Enqueue(std::shared_ptr<Pull> pull) ABSL_LOCKS_EXCLUDED(mutex_);
  void Begin(std::shared_ptr<Pull> pull);
  void Try(std::shared_ptr<Pull> pull);
  void ReportAfter(absl::Duration pause, const std::weak_ptr<Pull>& pull);
  void Report(const std::weak_ptr<Pull>& weak,
              const absl::StatusOr<std::vector<cri::PullProgress>>& pulls);
  void Finish(std::shared_ptr<Pull> pull, absl::Status status);
  void Next() ABSL_LOCKS_EXCLUDED(mutex_);

  cri::Client* const client_;
  object::Source* const objects_;
  runtime::Executor* const executor_;
  const int max_parallel_;
  const absl::Duration first_report_;
  absl::Mutex mutex_;
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<std::shared_ptr<Pull>> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace agent::pod

#endif  // CORACLE_AGENT_POD_IMAGES_H_
