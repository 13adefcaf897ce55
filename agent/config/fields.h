// SPDX-License-Identifier: Apache-2.0
// Fields reads typed values out of a configuration object, remembers the first
// error with its field's path, and finds the keys that nobody asked for. A null
// or missing value leaves the default. Not thread safe.
#ifndef CORACLE_AGENT_CONFIG_FIELDS_H_
#define CORACLE_AGENT_CONFIG_FIELDS_H_

#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "runtime/base/json.h"

namespace agent::config {

class Fields {
 public:
  // `object` outlives this; `path` is "" for the root.
  Fields(const runtime::Json& object, const std::string& path,
         absl::Status* error, std::vector<std::string>* unknown);
  // Reports the unknown keys.
  ~Fields();
  Fields(const Fields&) = delete;
  Fields& operator=(const Fields&) = delete;

  void Bool(const char* key, bool* value);
  void Int(const char* key, int64_t* value, int64_t min, int64_t max);
  void String(const char* key, std::string* value);
  // One of `allowed`; "" counts as missing.
  void Choice(const char* key, std::string* value,
              std::initializer_list<absl::string_view> allowed);
  // A Go duration ("1m30s"). Zero stands for the default, as kubeadm writes
  // "0s" for what nobody set. True if a value was taken.
  bool Duration(const char* key, absl::Duration* value);
  void StringList(const char* key, std::vector<std::string>* value);
  // Replaces the whole map if the key is there.
  void Map(const char* key, std::map<std::string, std::string>* value);
  void List(const char* key, runtime::Json* value);
  // Known to the kubelet, not used here. The paths of those that were given a
  // value other than zero, "" or "0s" are added to `given`.
  void Unused(absl::Span<const char* const> keys,
              std::vector<std::string>* given);
  // Refuses the value at `key`.
  void Fail(const char* key, absl::string_view expected);
  // A nested object; an empty one if missing or of a wrong type.
  Fields Object(const char* key);

 private:
  // The value at `key` if it is there and not null.
  const runtime::Json* Find(const char* key);
  std::string Path(absl::string_view key) const;

  const runtime::Json& object_;
  const std::string path_;
  absl::Status* const error_;
  std::vector<std::string>* const unknown_;
  std::set<std::string> asked_;
};

}  // namespace agent::config

#endif  // CORACLE_AGENT_CONFIG_FIELDS_H_
