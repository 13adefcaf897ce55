// SPDX-License-Identifier: Apache-2.0
#include "agent/pod/images.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "agent/pod/image_auth.h"
#include "agent/status/spec.h"
#include "runtime/base/log.h"

namespace agent::pod {
namespace {

namespace log = runtime::log;

constexpr absl::Duration kLongestReportPause = absl::Minutes(10);

bool IsNameChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

bool ValidPath(absl::string_view name) {
  std::vector<absl::string_view> parts = absl::StrSplit(name, '/');
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].empty()) return false;
    bool host = i == 0 && parts.size() > 1;
    for (char c : parts[i]) {
      bool ok = IsNameChar(c) || (host && (c == ':' || (c >= 'A' && c <= 'Z') ||
                                           c == '[' || c == ']'));
      if (!ok) return false;
    }
  }
  return true;
}

bool ValidTag(absl::string_view tag) {
  if (tag.empty() || tag.size() > 128 || tag[0] == '.' || tag[0] == '-') {
    return false;
  }
  for (char c : tag) {
    if (!IsNameChar(c) && !(c >= 'A' && c <= 'Z')) return false;
  }
  return true;
}

// Server messages that kubelet knows by prefix name their own reason.
std::string PullReason(const absl::Status& status) {
  for (const char* reason :
       {"RegistryUnavailable", "SignatureValidationFailed"}) {
    if (absl::StartsWith(status.message(), reason)) return reason;
  }
  return "ErrImagePull";
}

}  // namespace

absl::StatusOr<std::string> NormalizeImage(const std::string& image) {
  absl::string_view rest = image;
  auto bad = [&image] {
    return absl::InvalidArgumentError(absl::StrCat(
        "couldn't parse image name \"", image, "\": invalid reference format"));
  };
  size_t at = rest.find('@');
  if (at != absl::string_view::npos) {
    if (!absl::StrContains(rest.substr(at), ':')) return bad();
    rest = rest.substr(0, at);
  }
  size_t slash = rest.rfind('/');
  size_t colon = rest.rfind(':');
  bool tag = colon != absl::string_view::npos &&
             (slash == absl::string_view::npos || colon > slash);
  if (tag && !ValidTag(rest.substr(colon + 1))) return bad();
  if (!ValidPath(tag ? rest.substr(0, colon) : rest)) return bad();
  if (tag || at != absl::string_view::npos) return image;
  return absl::StrCat(image, ":latest");
}

std::string PullPolicy(const Json& container) {
  std::string policy = runtime::StringAt(container, "imagePullPolicy");
  if (!policy.empty()) return policy;
  auto image = NormalizeImage(runtime::StringAt(container, "image"));
  return image.ok() && absl::EndsWith(*image, ":latest") ? "Always"
                                                         : "IfNotPresent";
}

std::vector<Json> WantedImages(const Json& pod, const Json& container) {
  std::vector<Json> wanted = {
      Json{{"image", runtime::StringAt(container, "image")},
           {"imagePullPolicy", PullPolicy(container)}}};
  std::set<std::string> mounted;
  for (const Json& mount : runtime::ArrayAt(container, "volumeMounts")) {
    mounted.insert(runtime::StringAt(mount, "name"));
  }
  const Json& spec = runtime::At(pod, "spec");
  for (const Json& volume : runtime::ArrayAt(spec, "volumes")) {
    const std::string name = runtime::StringAt(volume, "name");
    const Json& source = runtime::At(volume, "image");
    if (!source.is_object() || mounted.count(name) == 0) continue;
    Json image{{"image", runtime::StringAt(source, "reference")},
               {"volume", name}};
    const std::string policy = runtime::StringAt(source, "pullPolicy");
    image["imagePullPolicy"] = policy.empty() ? PullPolicy(image) : policy;
    wanted.push_back(std::move(image));
  }
  return wanted;
}

struct Images::Pull {
  std::shared_ptr<const Json> pod;
  v1::PullImageRequest request;
  std::string shown;  // the image as the spec writes it
  std::vector<v1::AuthConfig> auths;
  size_t next_auth = 0;
  std::string auth_problem;
  Listener listener;
  Done done;
  absl::Time queued = absl::Now(), begun;
};

Images::Images(cri::Client* client, object::Source* objects,
               runtime::Executor* executor, int max_parallel,
               absl::Duration first_report)
    : client_(client),
      objects_(objects),
      executor_(executor),
      max_parallel_(max_parallel),
      first_report_(first_report) {}

void Images::Ensure(std::shared_ptr<const Json> pod, const Json& container,
                    const v1::PodSandboxConfig& sandbox, Listener listener,
                    Done done) {
  std::string shown = runtime::StringAt(container, "image");
  ImageOutcome outcome;
  auto image = NormalizeImage(shown);
  if (!image.ok()) {
    outcome.failure = {"InvalidImageName",
                       absl::StrCat("Failed to apply default image tag \"",
                                    shown, "\": ", image.status().message())};
    return done(std::move(outcome));
  }
  auto pull = std::make_shared<Pull>();
  pull->pod = std::move(pod);
  pull->request.mutable_image()->set_image(*image);
  pull->request.mutable_image()->set_user_specified_image(shown);
  *pull->request.mutable_sandbox_config() = sandbox;
  pull->shown = shown;
  pull->listener = std::move(listener);
  pull->done = std::move(done);
  std::string policy = PullPolicy(container);
  if (policy == "Always") return Enqueue(std::move(pull));
  client_->ImageStatus(
      pull->request.image(),
      [this, pull, policy](absl::StatusOr<v1::Image> found) {
        ImageOutcome result;
        if (found.ok()) {
          result.image = *std::move(found);
        } else if (!absl::IsNotFound(found.status())) {
          result.failure = {
              "ImageInspectError",
              absl::StrCat("Failed to inspect image \"", pull->shown,
                           "\": ", found.status().message())};
        } else if (policy == "Never") {
          result.failure = {
              "ErrImageNeverPull",
              absl::StrCat("Container image \"", pull->shown,
                           "\" is not present with pull policy of Never")};
        } else {
          return Enqueue(pull);
        }
        pull->done(std::move(result));
      });
}

void Images::Enqueue(std::shared_ptr<Pull> pull) {
  {
    absl::MutexLock lock(&mutex_);
    if (running_ >= max_parallel_) {
      waiting_.push_back(std::move(pull));
      return;
    }
    ++running_;
  }
  executor_->Post([this, pull = std::move(pull)] { Begin(pull); });
}

void Images::Next() {
  std::shared_ptr<Pull> pull;
  {
    absl::MutexLock lock(&mutex_);
    if (waiting_.empty()) {
      --running_;
      return;
    }
    pull = std::move(waiting_.front());
    waiting_.pop_front();
  }
  executor_->Post([this, pull = std::move(pull)] { Begin(pull); });
}

// Reads the secrets, which may ask the API server.
void Images::Begin(std::shared_ptr<Pull> pull) {
  pull->begun = absl::Now();
  pull->listener.on_begin();
  ReportAfter(first_report_, pull);
  const Json& spec = runtime::At(*pull->pod, "spec");
  for (const Json& ref : runtime::ArrayAt(spec, "imagePullSecrets")) {
    std::string name = runtime::StringAt(ref, "name");
    if (name.empty() || objects_ == nullptr) continue;
    auto secret = objects_->Secret(status::Namespace(*pull->pod), name);
    if (!secret.ok()) {
      // A missing pull secret is no error: the image may be public.
      pull->auth_problem =
          absl::StrCat("secret \"", name, "\": ", secret.status().message());
      continue;
    }
    for (auto& auth : Credentials(**secret, pull->request.image().image(),
                                  &pull->auth_problem)) {
      pull->auths.push_back(std::move(auth));
    }
  }
  Try(pull);
}

void Images::ReportAfter(absl::Duration pause,
                         const std::weak_ptr<Pull>& pull) {
  executor_->PostAfter(pause, [this, pause, pull] {
    if (pull.expired()) return;  // it has ended
    const auto pulls = client_->Pulls();
    if (absl::IsUnimplemented(pulls.status())) return;
    Report(pull, pulls);
    ReportAfter(std::min(2 * pause, kLongestReportPause), pull);
  });
}

void Images::Report(
    const std::weak_ptr<Pull>& weak,
    const absl::StatusOr<std::vector<cri::PullProgress>>& pulls) {
  const std::shared_ptr<Pull> pull = weak.lock();
  if (pull == nullptr) return;
  if (!pulls.ok()) {
    return log::Warning("pull ", pull->shown,
                        ": ask how far it is: ", pulls.status().message());
  }
  const std::string& image = pull->request.image().image();
  const auto found = std::find_if(
      pulls->begin(), pulls->end(),
      [&](const cri::PullProgress& one) { return one.image == image; });
  if (found != pulls->end()) pull->listener.on_progress(*found);
}

void Images::Try(std::shared_ptr<Pull> pull) {
  if (pull->next_auth < pull->auths.size()) {
    *pull->request.mutable_auth() = pull->auths[pull->next_auth++];
  }
  client_->PullImage(
      pull->request,
      [this, pull](absl::StatusOr<v1::PullImageResponse> response) {
        if (!response.ok()) {
          if (pull->next_auth < pull->auths.size()) return Try(pull);
          return Finish(pull, response.status());
        }
        v1::ImageSpec spec = pull->request.image();
        spec.set_image(response->image_ref());
        client_->ImageStatus(spec, [this, pull](absl::StatusOr<v1::Image> i) {
          if (!i.ok()) return Finish(pull, i.status());
          ImageOutcome outcome;
          outcome.image = *std::move(i);
          outcome.pulled = true;
          outcome.took = absl::Now() - pull->begun;
          outcome.waited = absl::Now() - pull->queued;
          Next();
          pull->done(std::move(outcome));
        });
      });
}

void Images::Finish(std::shared_ptr<Pull> pull, absl::Status status) {
  ImageOutcome outcome;
  std::string message(status.message());
  if (!pull->auth_problem.empty() && pull->auths.empty()) {
    absl::StrAppend(&message, " (imagePullSecrets: ", pull->auth_problem, ")");
  }
  outcome.failure = {PullReason(status), message};
  Next();
  pull->done(std::move(outcome));
}

}  // namespace agent::pod
