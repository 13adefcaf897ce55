// SPDX-License-Identifier: Apache-2.0
// The shape of a pod: which fields each object has, and of what type.
#ifndef CORACLE_AGENT_SOURCE_SHAPE_H_
#define CORACLE_AGENT_SOURCE_SHAPE_H_

#include "absl/types/span.h"

namespace agent::source {

enum class Type {
  kString,
  kInteger,
  kBool,
  kQuantity,     // a string or a number; also a port by name or number
  kObject,       // of a shape
  kObjects,      // a list of them
  kStrings,      // a list
  kIntegers,     // a list
  kStringMap,    // string → string
  kQuantityMap,  // string → quantity
  kAny,          // the node does not look into it
  kUnsupported,  // Kubernetes knows it, this node cannot do it
};

struct Shape;

struct Field {
  Type type;
  const char* names;          // space separated
  const Shape* of = nullptr;  // of kObject and kObjects
};

struct Shape {
  absl::Span<const Field> fields;
};

// A v1.Pod.
const Shape& PodShape();

}  // namespace agent::source

#endif  // CORACLE_AGENT_SOURCE_SHAPE_H_
