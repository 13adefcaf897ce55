// SPDX-License-Identifier: Apache-2.0
#include "absl/strings/str_cat.h"
#include "agent/object/source.h"

namespace agent::object {
namespace {

class EmptySource : public Source {
 public:
  absl::StatusOr<JsonPtr> ConfigMap(const std::string& ns,
                                    const std::string& name) override {
    return NoServer("configmap", ns, name);
  }
  absl::StatusOr<JsonPtr> Secret(const std::string& ns,
                                 const std::string& name) override {
    return NoServer("secret", ns, name);
  }
  absl::StatusOr<std::vector<JsonPtr>> Services(const std::string&) override {
    return std::vector<JsonPtr>();
  }
  absl::StatusOr<Token> ServiceAccountToken(const Json&,
                                            const std::vector<std::string>&,
                                            int64_t) override {
    return absl::FailedPreconditionError(
        "a standalone node has no service account tokens");
  }
  void Register(const Json&) override {}
  void Unregister(const std::string&) override {}
  void SetListener(std::function<void(const std::string&)>) override {}

 private:
  static absl::Status NoServer(absl::string_view kind, const std::string& ns,
                               const std::string& name) {
    return absl::NotFoundError(absl::StrCat(
        kind, " ", ns, "/", name, ": a standalone node has no API objects"));
  }
};

}  // namespace

std::unique_ptr<Source> MakeEmptySource() {
  return std::make_unique<EmptySource>();
}

}  // namespace agent::object
