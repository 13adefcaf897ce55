// SPDX-License-Identifier: Apache-2.0
// The precompiled header of the gRPC rooms: what nearly every file there
// includes.
#ifndef CORACLE_PROTO_PCH_H_
#define CORACLE_PROTO_PCH_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "proto/cri/v1/api.grpc.pb.h"
#include "proto/cri/v1/api.pb.h"

#endif  // CORACLE_PROTO_PCH_H_
