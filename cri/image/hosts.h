// SPDX-License-Identifier: Apache-2.0
// Where to ask for the images of a registry: containerd's convention of
// <config dir>/<host>/hosts.toml, read anew at each pull.
#ifndef CORACLE_CRI_IMAGE_HOSTS_H_
#define CORACLE_CRI_IMAGE_HOSTS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cri/image/http.h"

namespace cri::image {

struct Endpoint {
  std::string base;            // "https://mirror.example:5000/v2"
  std::string host;            // "mirror.example:5000"
  bool resolve = true;         // may answer for tags
  bool pull = true;            // may serve manifests by digest and blobs
  bool add_namespace = false;  // "?ns=<registry>": one mirror, many registries
  TlsOptions tls;
  std::vector<std::string> headers;  // "Name: value"
};

// In the order to try; the registry itself (or the file's `server`) is last,
// unless the file says `fallback = false`, a key of our own.
// Without a file: the registry alone, https, or http if it is on loopback.
// INVALID_ARGUMENT names file, line and field of a malformed file.
absl::StatusOr<std::vector<Endpoint>> LoadEndpoints(
    const std::string& config_dir, const std::string& host);

// The same from the text of a hosts.toml at `path` (relative files in it are
// relative to its directory).
absl::StatusOr<std::vector<Endpoint>> ParseHosts(absl::string_view text,
                                                 const std::string& path,
                                                 const std::string& host);

// True for localhost, 127.0.0.0/8 and ::1, with or without a port.
bool IsLoopback(absl::string_view host);

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_HOSTS_H_
