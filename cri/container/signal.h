// SPDX-License-Identifier: Apache-2.0
// Signals go by name in CRI and in images, by number to the kernel.
#ifndef CORACLE_CRI_CONTAINER_SIGNAL_H_
#define CORACLE_CRI_CONTAINER_SIGNAL_H_

#include <string>

#include "absl/strings/string_view.h"
#include "proto/cri/v1/api.pb.h"

namespace cri::container {

// "SIGTERM", "TERM", "15", "SIGRTMIN+3", "SIGRTMINPLUS3" → number; 0 if it is
// none.
int SignalNumber(absl::string_view name);

// What StopContainer sends first: of the request, else of the image, else
// SIGTERM.
int StopSignal(runtime::v1::Signal requested, const std::string& image_signal);

// The API's value for a kernel number; RUNTIME_DEFAULT if it has none.
runtime::v1::Signal ToApiSignal(int number);

}  // namespace cri::container

#endif  // CORACLE_CRI_CONTAINER_SIGNAL_H_
