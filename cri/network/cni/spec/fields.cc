// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/spec/fields.h"

#include <limits>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace cri::network::cni {
namespace {

const Json* Find(const Json& object, absl::string_view key) {
  const Json& value = runtime::At(object, key);
  return value.is_null() ? nullptr : &value;
}

absl::StatusOr<const std::string*> Text(const Json& object,
                                        absl::string_view key) {
  const Json* value = Find(object, key);
  if (value == nullptr) return static_cast<const std::string*>(nullptr);
  if (!value->is_string()) {
    return FieldError(key, absl::StrCat("expected a string, not ",
                                        runtime::DumpJson(*value)));
  }
  return value->get_ptr<const std::string*>();
}

}  // namespace

absl::Status FieldError(absl::string_view field, absl::string_view reason) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", reason));
}

absl::Status Within(const absl::Status& status, absl::string_view field) {
  if (status.ok()) return status;
  const bool joined = absl::StartsWith(status.message(), ": ") ||
                      absl::StartsWith(status.message(), "[");
  return absl::Status(status.code(),
                      absl::StrCat(field, joined ? "" : ".", status.message()));
}

absl::Status CheckObject(const Json& value) {
  if (value.is_object()) return absl::OkStatus();
  return FieldError("", "expected an object {…}");
}

absl::Status Read(const Json& object, absl::string_view key, std::string& to) {
  ASSIGN_OR_RETURN(const std::string* text, Text(object, key));
  if (text != nullptr) to = *text;
  return absl::OkStatus();
}

absl::Status Read(const Json& object, absl::string_view key, bool& to) {
  const Json* value = Find(object, key);
  if (value == nullptr) return absl::OkStatus();
  if (!value->is_boolean()) {
    return FieldError(key, absl::StrCat("expected true or false, not ",
                                        runtime::DumpJson(*value)));
  }
  to = value->get<bool>();
  return absl::OkStatus();
}

absl::Status Read(const Json& object, absl::string_view key, Ip& to) {
  ASSIGN_OR_RETURN(const std::string* text, Text(object, key));
  if (text == nullptr) return absl::OkStatus();
  const absl::StatusOr<Ip> ip = ParseIp(*text);
  if (!ip.ok()) return FieldError(key, ip.status().message());
  to = *ip;
  return absl::OkStatus();
}

absl::Status Read(const Json& object, absl::string_view key,
                  std::optional<Ip>& to) {
  // Go's JSON knows an empty address as none.
  if (!runtime::Has(object, key) || runtime::At(object, key) == "") {
    return absl::OkStatus();
  }
  Ip ip;
  RETURN_IF_ERROR(Read(object, key, ip));
  if (Find(object, key) != nullptr) to = ip;
  return absl::OkStatus();
}

absl::Status Read(const Json& object, absl::string_view key, IpNet& to) {
  ASSIGN_OR_RETURN(const std::string* text, Text(object, key));
  if (text == nullptr) return absl::OkStatus();
  const absl::StatusOr<IpNet> net = IpNet::Parse(*text);
  if (!net.ok()) return FieldError(key, net.status().message());
  to = *net;
  return absl::OkStatus();
}

absl::Status Read(const Json& object, absl::string_view key,
                  std::vector<std::string>& to) {
  return ReadEach(object, key, [&](const Json& item) -> absl::Status {
    if (!item.is_string()) {
      return FieldError("", "expected a string");
    }
    to.push_back(item.get<std::string>());
    return absl::OkStatus();
  });
}

absl::Status ReadNumber(const Json& object, absl::string_view key,
                        int64_t least, int64_t most, int64_t& to) {
  const Json* value = Find(object, key);
  if (value == nullptr) return absl::OkStatus();
  const bool fits =
      value->is_number_integer() &&
      (!value->is_number_unsigned() ||
       value->get<uint64_t>() <=
           static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) &&
      value->get<int64_t>() >= least && value->get<int64_t>() <= most;
  if (!fits) {
    return FieldError(
        key, absl::StrCat("expected a whole number from ", least, " to ", most,
                          ", not ", runtime::DumpJson(*value)));
  }
  to = value->get<int64_t>();
  return absl::OkStatus();
}

absl::Status ReadEach(const Json& object, absl::string_view key,
                      const std::function<absl::Status(const Json&)>& each) {
  const Json* value = Find(object, key);
  if (value == nullptr) return absl::OkStatus();
  if (!value->is_array()) return FieldError(key, "expected a list […]");
  for (size_t i = 0; i < value->size(); ++i) {
    const absl::Status read = each((*value)[i]);
    if (read.ok()) continue;
    return Within(read, absl::StrCat(key, "[", i, "]"));
  }
  return absl::OkStatus();
}

}  // namespace cri::network::cni
