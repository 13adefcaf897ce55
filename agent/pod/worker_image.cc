// SPDX-License-Identifier: Apache-2.0
// A container's images on its way to the next attempt, and the back-off of
// pulls.
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/pod/worker.h"

namespace agent::pod {
namespace {

using status::EventType;

// "1.234s", as Go prints a duration of this size.
std::string Seconds(absl::Duration d) {
  return absl::FormatDuration(absl::Trunc(d, absl::Milliseconds(1)));
}

}  // namespace

void Worker::EnsureImage(const status::ContainerSpec& spec, Op& op) {
  if (!plan_.has_value()) {
    auto plan =
        PlanSandbox(deps_->options, *pod_, deps_->cgroups->PodPath(*pod_), 0);
    if (plan.ok()) plan_ = *std::move(plan);
  }
  op.stage = Stage::kImage;
  op.wanted = WantedImages(*pod_, *spec.json);
  op.next_wanted = 0;
  op.volume_images.clear();
  EnsureNextImage(spec.name, op);
}

void Worker::EnsureNextImage(const std::string& name, Op& op) {
  const Json& wanted = op.wanted[op.next_wanted];
  std::string image = runtime::StringAt(wanted, "image");
  auto weak = weak_from_this();
  const auto tell = [weak, name, image](EventType type,
                                        const std::string& how_far) {
    if (auto self = weak.lock()) {
      self->Post([name, image, type, how_far](Worker& w) {
        w.Event(name, type, "Pulling",
                absl::StrCat("Pulling image \"", image, "\"", how_far));
      });
    }
  };
  deps_->images->Ensure(
      pod_, wanted, plan_.has_value() ? plan_->config : v1::PodSandboxConfig(),
      {[tell] { tell(EventType::kNormal, ""); },
       [tell](const cri::PullProgress& pull) {
         tell(EventType::kProgress, absl::StrCat(": ", cri::Describe(pull)));
       }},
      [weak, name](ImageOutcome outcome) {
        if (auto self = weak.lock()) {
          self->Post([name, outcome = std::move(outcome)](Worker& w) {
            w.OnImage(name, outcome);
          });
        }
      });
}

void Worker::OnImage(const std::string& name, ImageOutcome outcome) {
  Op& op = OpOf(name);
  std::string image = runtime::StringAt(op.wanted[op.next_wanted], "image");
  if (outcome.ok()) {
    op.pull.Reset();
    Event(name, EventType::kNormal, "Pulled",
          outcome.pulled ? absl::StrCat("Successfully pulled image \"", image,
                                        "\" in ", Seconds(outcome.took), " (",
                                        Seconds(outcome.waited),
                                        " including waiting). Image size: ",
                                        outcome.image.size(), " bytes.")
                         : absl::StrCat("Container image \"", image,
                                        "\" already present on machine"));
    std::string volume = runtime::StringAt(op.wanted[op.next_wanted], "volume");
    if (volume.empty()) {
      op.image = std::move(outcome);
    } else {
      op.volume_images[volume] = std::move(outcome.image);
    }
    if (++op.next_wanted < op.wanted.size() && state_ == State::kSync) {
      return EnsureNextImage(name, op);
    }
    op.stage = Stage::kReady;
    return Sync();
  }
  ImageFailed(name, image, outcome.failure, op);
  WakeAt(op.retry_at);
  Sync();
}

void Worker::ImageFailed(const std::string& name, const std::string& image,
                         const ImageFailure& failure, Op& op) {
  op.stage = Stage::kIdle;
  op.reason = failure.reason;
  op.message = failure.message;
  bool pull = op.reason == "ErrImagePull" ||
              op.reason == "RegistryUnavailable" ||
              op.reason == "SignatureValidationFailed";
  if (state_ == State::kSync) {
    Event(name, EventType::kWarning,
          op.reason == "ErrImageNeverPull"   ? "ErrImageNeverPull"
          : op.reason == "ImageInspectError" ? "InspectFailed"
          : op.reason == "InvalidImageName"  ? "InspectFailed"
                                             : "Failed",
          pull ? absl::StrCat("Failed to pull image \"", image,
                              "\": ", op.message)
               : op.message);
    Event(name, EventType::kWarning, "Failed",
          absl::StrCat("Error: ", op.reason));
  }
  absl::Time now = absl::Now();
  if (!pull) {
    op.retry_at = now + absl::Seconds(10);
    return;
  }
  op.pull.Next(now, now);
  op.retry_at = now + op.pull.delay();
  // The error is shown for a moment, then the back-off with it as the cause.
  deps_->executor->PostAfter(absl::Seconds(1), [weak = weak_from_this(), name,
                                                image] {
    if (auto self = weak.lock()) {
      self->Post([name, image](Worker& w) { w.ShowPullBackoff(name, image); });
    }
  });
}

void Worker::ShowPullBackoff(const std::string& name,
                             const std::string& image) {
  Op& op = OpOf(name);
  if (op.stage != Stage::kIdle || state_ != State::kSync || op.reason.empty() ||
      op.reason == "ImagePullBackOff") {
    return;
  }
  std::string text = absl::StrCat("Back-off pulling image \"", image, "\"");
  op.message = absl::StrCat(text, ": ", op.reason, ": ", op.message);
  op.reason = "ImagePullBackOff";
  Event(name, EventType::kNormal, "BackOff", text);
  Event(name, EventType::kWarning, "Failed", "Error: ImagePullBackOff");
  Sync();
}

}  // namespace agent::pod
