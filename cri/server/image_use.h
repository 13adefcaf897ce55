// SPDX-License-Identifier: Apache-2.0
// What holds the bytes of the image store, for `coracle image usage`.
#ifndef CORACLE_CRI_SERVER_IMAGE_USE_H_
#define CORACLE_CRI_SERVER_IMAGE_USE_H_

#include "absl/time/time.h"
#include "cri/server/engine.h"
#include "runtime/base/json.h"

namespace cri::server {

// What the configuration says of the store.
image::StoreOptions StoreOf(const config::Config& config);
// What image_max_bytes and image_max_unused say.
image::Budget BudgetOf(const config::Config& config);

// `bytes` of all images; `images`, each with `id`, `name`, `bytes`,
// `own_bytes`, `pinned`, `holders` ("default/web/app") and, without one,
// `unused_seconds`; `removed`: layers of images that are gone, with `holders`
// and `bytes`; `budget`: `max_bytes`, `max_unused_seconds` and `least_bytes`,
// what it cannot go below now.
runtime::Json ImagesInfo(const Engine& engine, absl::Time now);

}  // namespace cri::server

#endif  // CORACLE_CRI_SERVER_IMAGE_USE_H_
