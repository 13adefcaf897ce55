// SPDX-License-Identifier: Apache-2.0
#include "cri/image/registry.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cri/image/digest.h"
#include "cri/image/errors.h"
#include "runtime/base/status.h"

namespace cri::image {
namespace {

constexpr int kAttempts = 5;
constexpr absl::Duration kFirstPause = absl::Milliseconds(200);

// The registry or the way to it may be well again soon.
bool IsTransient(const absl::Status& status) {
  return absl::IsUnavailable(status);
}

absl::Status Pause(int attempt, const Control& control) {
  absl::Time until = absl::Now() + kFirstPause * (1 << attempt);
  while (absl::Now() < until) {
    RETURN_IF_ERROR(control.Check());
    absl::SleepFor(std::min(absl::Milliseconds(50), until - absl::Now()));
  }
  return control.Check();
}

bool EndsPull(const absl::Status& status) {
  return absl::IsCancelled(status) || absl::IsDeadlineExceeded(status);
}

std::string Scope(const Reference& reference) {
  return absl::StrCat("repository:", reference.repository, ":pull");
}

}  // namespace

struct Registry::Progress {
  uint64_t done = 0;         // bytes that reached the sink
  absl::Status sink_status;  // the sink's own error: never retried
};

Registry::Registry(Reference reference, std::vector<Endpoint> endpoints,
                   Auth auth, ByteBudget* budget)
    : reference_(std::move(reference)),
      endpoints_(std::move(endpoints)),
      budget_(budget),
      authorizer_(&http_, std::move(auth), reference_.host, Scope(reference_)) {
}

std::string Registry::Url(const Endpoint& endpoint, absl::string_view kind,
                          absl::string_view selector) const {
  return absl::StrCat(endpoint.base, "/", reference_.repository, "/", kind, "/",
                      selector);
}

HttpRequest Registry::Request(const Endpoint& endpoint, absl::string_view kind,
                              absl::string_view selector) const {
  HttpRequest request;
  request.url = Url(endpoint, kind, selector);
  if (endpoint.add_namespace) {
    absl::StrAppend(&request.url, "?ns=", reference_.host);
  }
  request.private_headers = endpoint.headers;
  request.tls = endpoint.tls;
  return request;
}

absl::StatusOr<HttpResponse> Registry::Send(const Endpoint& endpoint,
                                            HttpRequest request,
                                            const Control& control) {
  const auto fixed = request.private_headers;
  for (bool answered = false;; answered = true) {
    request.private_headers = fixed;
    if (auto header = authorizer_.HeaderFor(endpoint); !header.empty()) {
      request.private_headers.push_back(header);
    }
    ASSIGN_OR_RETURN(HttpResponse response, http_.Send(request, control));
    if (response.status != 401 || answered) return response;
    ASSIGN_OR_RETURN(bool again,
                     authorizer_.Answer(endpoint, response, control));
    if (!again) return response;
  }
}

absl::StatusOr<Resolved> Registry::GetManifest(const Endpoint& endpoint,
                                               const std::string& selector,
                                               bool head_only,
                                               const Control& control) {
  HttpRequest request = Request(endpoint, "manifests", selector);
  if (head_only) request.method = "HEAD";
  request.headers.push_back(absl::StrCat("Accept: ", kManifestAccept));
  request.max_body = kMaxManifestBytes;
  ASSIGN_OR_RETURN(HttpResponse response, Send(endpoint, request, control));
  if (response.status != 200) {
    return RegistryError(response.status, response.body,
                         response.Header("www-authenticate"));
  }
  Resolved resolved;
  resolved.media_type = response.Header("content-type");
  resolved.body = std::move(response.body);
  const std::string announced = response.Header("docker-content-digest");
  if (head_only) {
    if (IsDigest(announced)) resolved.digest = announced;
    return resolved;
  }
  if (IsDigest(selector)) {
    RETURN_IF_ERROR(VerifyDigest(resolved.body, selector, "manifest"));
    resolved.digest = selector;
    return resolved;
  }
  if (IsDigest(announced)) {
    RETURN_IF_ERROR(VerifyDigest(resolved.body, announced, "manifest"));
    resolved.digest = announced;
  } else {
    resolved.digest = Sha256(resolved.body);
  }
  return resolved;
}

absl::StatusOr<Resolved> Registry::Resolve(bool head_only,
                                           const Control& control) {
  std::vector<Attempt> attempts;
  const std::string& selector = reference_.Selector();
  for (size_t i = 0; i < endpoints_.size(); ++i) {
    const Endpoint& endpoint = endpoints_[i];
    if (!endpoint.resolve && !IsDigest(selector)) continue;
    auto resolved = GetManifest(endpoint, selector, head_only, control);
    if (resolved.ok()) {
      resolved_by_ = i;
      return resolved;
    }
    attempts.emplace_back(Url(endpoint, "manifests", selector),
                          resolved.status());
    if (EndsPull(resolved.status())) break;
  }
  if (attempts.empty()) {
    return absl::UnavailableError(
        absl::StrCat("no endpoint of ", reference_.host, " may resolve tags"));
  }
  return AllFailed(attempts);
}

// The endpoint that answered for the manifest is asked first.
std::vector<const Endpoint*> Registry::PullOrder() const {
  std::vector<const Endpoint*> order;
  const size_t first = resolved_by_;
  for (size_t i = 0; i < endpoints_.size(); ++i) {
    const Endpoint& endpoint = endpoints_[(first + i) % endpoints_.size()];
    if (endpoint.pull) order.push_back(&endpoint);
  }
  return order;
}

absl::StatusOr<std::string> Registry::FetchManifest(
    const Descriptor& descriptor, const Control& control,
    std::string* media_type) {
  std::vector<Attempt> attempts;
  for (const Endpoint* endpoint : PullOrder()) {
    auto got = GetManifest(*endpoint, descriptor.digest, false, control);
    if (got.ok()) {
      *media_type = got->media_type;
      return std::move(got->body);
    }
    attempts.emplace_back(Url(*endpoint, "manifests", descriptor.digest),
                          got.status());
    if (EndsPull(got.status())) break;
  }
  return AllFailed(attempts);
}

// One request for what is missing from `progress->done` on.
absl::Status Registry::FetchRest(const Endpoint& endpoint,
                                 const Descriptor& descriptor,
                                 const Control& control, const Sink& sink,
                                 Progress* progress) {
  HttpRequest request = Request(endpoint, "blobs", descriptor.digest);
  const uint64_t start = progress->done;
  if (start > 0) {
    request.headers.push_back(absl::StrCat("Range: bytes=", start, "-"));
  }
  uint64_t skip = 0;
  bool first = true;
  request.sink = [&](int status, absl::string_view data) {
    progress->sink_status = budget_->Take(data.size(), control);
    RETURN_IF_ERROR(progress->sink_status);
    // A server may ignore the range and send all of it again.
    if (std::exchange(first, false) && status == 200) skip = start;
    const uint64_t skipped = std::min<uint64_t>(skip, data.size());
    skip -= skipped;
    data.remove_prefix(skipped);
    if (data.empty()) return absl::OkStatus();
    if (progress->done + data.size() > descriptor.size) {
      progress->sink_status = absl::DataLossError(
          absl::StrCat("blob ", descriptor.digest, ": longer than the ",
                       descriptor.size, " bytes of the manifest"));
    } else {
      progress->sink_status = sink(data);
    }
    if (progress->sink_status.ok()) progress->done += data.size();
    return progress->sink_status;
  };
  ASSIGN_OR_RETURN(HttpResponse response, Send(endpoint, request, control));
  if (response.status != 200 && response.status != 206) {
    return RegistryError(response.status, response.body,
                         response.Header("www-authenticate"));
  }
  // A broken connection is another matter: libcurl reports that itself.
  if (progress->done < descriptor.size) {
    return absl::DataLossError(absl::StrCat("the blob has ", progress->done,
                                            " bytes, the manifest says ",
                                            descriptor.size));
  }
  return absl::OkStatus();
}

absl::Status Registry::FetchBlob(const Descriptor& descriptor,
                                 const Control& control, const Sink& sink) {
  Progress progress;
  std::vector<Attempt> attempts;
  if (descriptor.size == 0) return absl::OkStatus();
  for (const Endpoint* endpoint : PullOrder()) {
    absl::Status status;
    for (int i = 0; i < kAttempts; ++i) {
      const uint64_t before = progress.done;
      status = FetchRest(*endpoint, descriptor, control, sink, &progress);
      if (status.ok() || !progress.sink_status.ok() || !IsTransient(status)) {
        break;
      }
      // As long as bytes come, the way is worth trying.
      if (progress.done > before) i = 0;
      if (absl::Status pause = Pause(i, control); !pause.ok()) {
        status = pause;
        break;
      }
    }
    if (status.ok() || !progress.sink_status.ok()) return status;
    attempts.emplace_back(Url(*endpoint, "blobs", descriptor.digest), status);
    if (EndsPull(status)) break;
  }
  return AllFailed(attempts);
}

}  // namespace cri::image
