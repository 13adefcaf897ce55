// SPDX-License-Identifier: Apache-2.0
// Reader walks a JSON object and remembers the first error with the full name
// of its field, so that a parser reads like a list of fields. Not thread safe.
#ifndef CORACLE_RUNTIME_SPEC_READER_H_
#define CORACLE_RUNTIME_SPEC_READER_H_

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "runtime/base/json.h"

namespace runtime::spec {

// A view of one object below a document. Copies share the document's error.
class Reader {
 public:
  // `value` and `error` must outlive the reader; `name` is the field's full
  // name ("process.user"), "" for the document.
  Reader(const Json& value, std::string name, absl::Status* error);

  bool ok() const { return error_->ok(); }
  void Fail(absl::string_view key, absl::string_view reason) const;

  // Each leaves the default if the key is missing or null.
  void String(absl::string_view key, std::string* out) const;
  void Bool(absl::string_view key, bool* out) const;
  void Strings(absl::string_view key, std::vector<std::string>* out) const;
  void StringMap(absl::string_view key,
                 std::map<std::string, std::string>* out) const;

  // Integers with their whole range checked.
  template <typename T>
  void Integer(absl::string_view key, T* out, int64_t low, int64_t high) const {
    if (std::optional<int64_t> v = Ranged(key, low, high))
      *out = static_cast<T>(*v);
  }
  template <typename T>
  void Integer(absl::string_view key, std::optional<T>* out, int64_t low,
               int64_t high) const {
    if (std::optional<int64_t> v = Ranged(key, low, high))
      *out = static_cast<T>(*v);
  }
  // Unsigned 64-bit values, which may be above the signed range.
  void Unsigned(absl::string_view key, uint64_t* out) const;
  void Unsigned(absl::string_view key, std::optional<uint64_t>* out) const;

  bool Has(absl::string_view key) const;
  // Fails with a key that is not among `keys`, for formats that are strict.
  void OnlyKeys(std::initializer_list<absl::string_view> keys) const;
  Reader Object(absl::string_view key) const;
  // Calls `each` for every object of the array at `key` until an error.
  void Each(absl::string_view key,
            const std::function<void(const Reader&)>& each) const;
  // Integers of an array.
  void Integers(absl::string_view key, int64_t low, int64_t high,
                const std::function<void(int64_t)>& each) const;

 private:
  std::optional<int64_t> Ranged(absl::string_view key, int64_t low,
                                int64_t high) const;
  // The value at `key`, null if it is missing.
  const Json& Value(absl::string_view key) const;
  std::string Name(absl::string_view key) const;

  const Json* value_;
  std::string name_;
  absl::Status* error_;
};

}  // namespace runtime::spec

#endif  // CORACLE_RUNTIME_SPEC_READER_H_
