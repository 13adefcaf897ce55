// SPDX-License-Identifier: Apache-2.0
// Cuts a stream of concatenated JSON objects (a watch body) into single texts
// without parsing them. Not thread safe.
#ifndef CORACLE_AGENT_API_SPLITTER_H_
#define CORACLE_AGENT_API_SPLITTER_H_

#include <cstddef>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace agent::api {

class JsonSplitter {
 public:
  // Takes one complete object; false stops the stream.
  using Sink = std::function<absl::Status(const std::string& object)>;

  explicit JsonSplitter(size_t max_object_bytes) : max_(max_object_bytes) {}

  // INVALID_ARGUMENT if something else than an object or white space stands
  // between objects, RESOURCE_EXHAUSTED above the cap; a sink's error ends the
  // call at once. After an error the splitter is spent.
  absl::Status Feed(absl::string_view data, const Sink& sink);

  // True if the stream may end here: no object is half read.
  bool AtBoundary() const { return depth_ == 0; }

 private:
  // Advances over one byte; true if it closed the object.
  bool Step(char c);

  const size_t max_;
  std::string object_;
  int depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
};

}  // namespace agent::api

#endif  // CORACLE_AGENT_API_SPLITTER_H_
