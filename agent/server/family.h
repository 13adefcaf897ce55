// SPDX-License-Identifier: Apache-2.0
#ifndef CORACLE_AGENT_SERVER_FAMILY_H_
#define CORACLE_AGENT_SERVER_FAMILY_H_

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace agent::server {

// One metric's samples, under its head.
class Family {
 public:
  Family(absl::string_view name, absl::string_view type, absl::string_view help)
      : name_(name) {
    absl::StrAppend(&head_, "# HELP ", name, " ", help, "\n# TYPE ", name, " ",
                    type, "\n");
  }

  // `labels` are empty or whole: {a="b"}.
  void Add(absl::string_view labels, double value,
           std::optional<absl::Time> at = std::nullopt) {
    absl::StrAppendFormat(&samples_, "%s%s %.17g", name_, labels, value);
    if (at.has_value())
      absl::StrAppend(&samples_, " ", absl::ToUnixMillis(*at));
    samples_ += '\n';
  }

  // Nothing without samples.
  std::string Text() const { return samples_.empty() ? "" : head_ + samples_; }

 private:
  const std::string name_;
  std::string head_, samples_;
};

}  // namespace agent::server

#endif  // CORACLE_AGENT_SERVER_FAMILY_H_
