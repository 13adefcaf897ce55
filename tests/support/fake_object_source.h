// SPDX-License-Identifier: Apache-2.0
// An object source out of maps. Not thread safe.
#ifndef CORACLE_TESTS_SUPPORT_FAKE_OBJECT_SOURCE_H_
#define CORACLE_TESTS_SUPPORT_FAKE_OBJECT_SOURCE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "agent/object/source.h"

namespace agent::object {

class FakeSource : public Source {
 public:
  absl::StatusOr<JsonPtr> ConfigMap(const std::string& ns,
                                    const std::string& name) override {
    return Find(config_maps, ns + "/" + name);
  }
  absl::StatusOr<JsonPtr> Secret(const std::string& ns,
                                 const std::string& name) override {
    return Find(secrets, ns + "/" + name);
  }
  absl::StatusOr<std::vector<JsonPtr>> Services(
      const std::string& ns) override {
    if (!services_known) return absl::UnavailableError("not listed yet");
    return services[ns];
  }
  absl::StatusOr<Token> ServiceAccountToken(
      const Json&, const std::vector<std::string>& audiences,
      int64_t expiration_seconds) override {
    if (!token_error.ok()) return token_error;
    std::string text = "token-" + std::to_string(++tokens);
    for (const std::string& audience : audiences) text += "-" + audience;
    return Token{text, absl::Now() + absl::Seconds(expiration_seconds)};
  }
  void Register(const Json&) override {}
  void Unregister(const std::string&) override {}
  void SetListener(std::function<void(const std::string&)>) override {}

  static JsonPtr Make(const std::string& text) {
    return std::make_shared<const Json>(Json::parse(text, nullptr, false));
  }

  std::map<std::string, JsonPtr> config_maps, secrets;
  std::map<std::string, std::vector<JsonPtr>> services;
  bool services_known = true;
  absl::Status token_error;
  int tokens = 0;

 private:
  static absl::StatusOr<JsonPtr> Find(
      const std::map<std::string, JsonPtr>& objects, const std::string& key) {
    auto it = objects.find(key);
    if (it == objects.end()) return absl::NotFoundError(key);
    return it->second;
  }
};

}  // namespace agent::object

#endif  // CORACLE_TESTS_SUPPORT_FAKE_OBJECT_SOURCE_H_
