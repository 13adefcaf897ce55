// SPDX-License-Identifier: Apache-2.0
// The client of a registry (distribution API v2) for one repository: endpoints
// in order, authentication, retries that resume. One per pull.
#ifndef CORACLE_CRI_IMAGE_REGISTRY_H_
#define CORACLE_CRI_IMAGE_REGISTRY_H_

#include <atomic>
#include <string>
#include <vector>

#include "cri/image/auth.h"
#include "cri/image/byte_budget.h"
#include "cri/image/hosts.h"
#include "cri/image/http.h"
#include "cri/image/reference.h"
#include "cri/image/source.h"

namespace cri::image {

// What a reference stands for in the registry.
struct Resolved {
  std::string digest;
  std::string media_type;
  std::string body;  // empty if only asked for the digest
};

class Registry : public Source {
 public:
  // Blobs are taken out of `budget`, which outlives it.
  Registry(Reference reference, std::vector<Endpoint> endpoints, Auth auth,
           ByteBudget* budget);

  // Asks the endpoints in order for the manifest that the reference names. With
  // `head_only` a HEAD request: an empty digest means that the registry did not
  // tell. The error tells of every endpoint tried; its code is NOT_FOUND if
  // a registry said so and none refused, PERMISSION_DENIED if one refused,
  // UNAVAILABLE if none could be reached.
  absl::StatusOr<Resolved> Resolve(bool head_only, const Control& control);

  absl::StatusOr<std::string> FetchManifest(const Descriptor& descriptor,
                                            const Control& control,
                                            std::string* media_type) override;
  absl::Status FetchBlob(const Descriptor& descriptor, const Control& control,
                         const Sink& sink) override;

 private:
  struct Progress;  // of one blob

  // The URL as errors name it, without the query.
  std::string Url(const Endpoint& endpoint, absl::string_view kind,
                  absl::string_view selector) const;
  HttpRequest Request(const Endpoint& endpoint, absl::string_view kind,
                      absl::string_view selector) const;
  absl::StatusOr<HttpResponse> Send(const Endpoint& endpoint,
                                    HttpRequest request,
                                    const Control& control);
  absl::StatusOr<Resolved> GetManifest(const Endpoint& endpoint,
                                       const std::string& selector,
                                       bool head_only, const Control& control);
  absl::Status FetchRest(const Endpoint& endpoint, const Descriptor& descriptor,
                         const Control& control, const Sink& sink,
                         Progress* progress);
  std::vector<const Endpoint*> PullOrder() const;

  const Reference reference_;
  const std::vector<Endpoint> endpoints_;
  ByteBudget* const budget_;
  HttpClient http_;
  Authorizer authorizer_;
  std::atomic<size_t> resolved_by_{0};  // index of the endpoint that answered
};

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_REGISTRY_H_
