// SPDX-License-Identifier: Apache-2.0
// The CRI server's image store and network in memory.
#ifndef CORACLE_TESTS_SUPPORT_FAKE_CRI_ROOMS_H_
#define CORACLE_TESTS_SUPPORT_FAKE_CRI_ROOMS_H_

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "cri/image/image.h"
#include "cri/network/network.h"
#include "gtest/gtest.h"

namespace tests {

// Knows images that a test adds. Thread safe.
class FakeImages : public cri::image::ImageStore {
 public:
  void Add(cri::image::Image image) {
    absl::MutexLock lock(&mutex_);
    auto shared = std::make_shared<const cri::image::Image>(std::move(image));
    images_[shared->id] = shared;
  }
  std::map<std::string, std::string> files;  // "/etc/passwd" → text
  absl::Status pull_error;

  absl::StatusOr<cri::image::ImagePtr> Pull(
      const std::string& reference, const cri::image::PullOptions&) override {
    if (!pull_error.ok()) return pull_error;
    cri::image::ImagePtr image = Find(reference);
    if (image == nullptr) return absl::NotFoundError(reference);
    return image;
  }
  cri::image::ImagePtr Find(const std::string& reference) override {
    absl::MutexLock lock(&mutex_);
    for (const auto& [id, image] : images_) {
      if (id == reference) return image;
      for (const std::string& tag : image->repo_tags) {
        if (tag == reference) return image;
      }
    }
    return nullptr;
  }
  std::vector<cri::image::ImagePtr> List() override {
    absl::MutexLock lock(&mutex_);
    std::vector<cri::image::ImagePtr> all;
    for (const auto& [id, image] : images_) all.push_back(image);
    return all;
  }
  absl::Status Remove(const std::string& reference) override {
    cri::image::ImagePtr image = Find(reference);
    absl::MutexLock lock(&mutex_);
    if (image != nullptr) images_.erase(image->id);
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<cri::image::ImagePtr>> Import(
      const std::string&, const std::string&) override {
    return absl::UnimplementedError("fake");
  }
  cri::image::FsUsage Usage() override { return {"/fake", 42, 7}; }
  std::vector<cri::image::PullProgress> ActivePulls() override { return {}; }
  absl::Status Hold(const std::string&, const std::string& holder) override {
    absl::MutexLock lock(&mutex_);
    holders_.insert(holder);
    return absl::OkStatus();
  }
  void Release(const std::string& holder) override {
    absl::MutexLock lock(&mutex_);
    holders_.erase(holder);
  }
  void Expect(const std::string& image_id) override {
    absl::MutexLock lock(&mutex_);
    expected_.push_back(image_id);
  }
  std::vector<std::string> Expected() {
    absl::MutexLock lock(&mutex_);
    return expected_;
  }
  void SetBudget(const cri::image::Budget& budget) override {
    absl::MutexLock lock(&mutex_);
    use.budget = budget;
  }
  cri::image::StoreUse Explain() override {
    absl::MutexLock lock(&mutex_);
    return use;
  }
  cri::image::StoreUse use;  // what Explain says
  void Configure(const cri::image::StoreOptions& options) override {
    absl::MutexLock lock(&mutex_);
    registry_config_dir_ = options.registry_config_dir;
  }
  std::string RegistryConfigDir() {
    absl::MutexLock lock(&mutex_);
    return registry_config_dir_;
  }
  std::set<std::string> Holders() override {
    absl::MutexLock lock(&mutex_);
    return holders_;
  }
  absl::StatusOr<std::optional<std::string>> ReadFile(const cri::image::Image&,
                                                      const std::string& path,
                                                      size_t) override {
    auto it = files.find(path);
    if (it == files.end()) return std::nullopt;
    return it->second;
  }

 private:
  absl::Mutex mutex_;
  std::map<std::string, cri::image::ImagePtr> images_ ABSL_GUARDED_BY(mutex_);
  std::string registry_config_dir_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> holders_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> expected_ ABSL_GUARDED_BY(mutex_);
};

// Gives out 10.9.0.2, .3, … Thread safe. What waits here fails the test after
// 20 s.
class FakeNetwork : public cri::network::Network {
 public:
  static constexpr absl::Duration kLongestWait = absl::Seconds(20);
  absl::Status setup_error, teardown_error, cidr_error;

  cri::network::Readiness Ready() override { return {true, "", ""}; }
  absl::Status SetPodCidr(const std::string& cidr) override {
    if (!cidr_error.ok()) return cidr_error;
    absl::MutexLock lock(&mutex_);
    cidr_ = cidr;
    return absl::OkStatus();
  }
  void SetListener(Listener) override {}
  absl::StatusOr<cri::network::PodAddresses> Setup(
      const cri::network::PodNetwork& pod) override {
    if (!setup_error.ok()) return setup_error;
    absl::MutexLock lock(&mutex_);
    leases_.insert(pod.sandbox_id);
    last_setup_ = pod;
    return cri::network::PodAddresses{{absl::StrCat("10.9.0.", ++last_)}};
  }
  absl::Status SetupLoopback(int) override { return absl::OkStatus(); }
  absl::Status Teardown(const cri::network::PodNetwork& pod) override {
    absl::MutexLock lock(&mutex_);
    ++teardowns_;
    mutex_.Await(absl::Condition(&teardown_gate_open_));
    if (!teardown_error.ok()) return teardown_error;
    leases_.erase(pod.sandbox_id);
    last_teardown_ = pod;
    return absl::OkStatus();
  }
  std::vector<std::string> Recover(
      const std::vector<cri::network::PodNetwork>& living) override {
    absl::MutexLock lock(&mutex_);
    std::set<std::string> kept;
    stopping_.clear();
    for (const auto& pod : living) {
      if (pod.stopping) stopping_.insert(pod.sandbox_id);
      if (leases_.count(pod.sandbox_id) > 0) kept.insert(pod.sandbox_id);
    }
    leases_ = std::move(kept);
    return {};
  }
  void Expect(const cri::network::PodNetwork& pod) override {
    absl::MutexLock lock(&mutex_);
    expected_.insert(pod.sandbox_id);
  }
  void PutOff(const std::string& sandbox_id) override {
    absl::MutexLock lock(&mutex_);
    put_off_.insert(sandbox_id);
  }
  // Whose Teardown was announced, ever.
  std::set<std::string> Expected() {
    absl::MutexLock lock(&mutex_);
    return expected_;
  }
  // Those that Recover was told to be stopping.
  std::set<std::string> Stopping() {
    absl::MutexLock lock(&mutex_);
    return stopping_;
  }
  void AwaitPutOff(const std::string& sandbox_id) {
    auto reached = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return put_off_.contains(sandbox_id);
    };
    absl::MutexLock lock(&mutex_);
    EXPECT_TRUE(
        mutex_.AwaitWithTimeout(absl::Condition(&reached), kLongestWait));
  }
  // Teardown waits while it is closed.
  void SetTeardownGate(bool open) {
    absl::MutexLock lock(&mutex_);
    teardown_gate_open_ = open;
  }
  // Until Teardown was called so often, or more.
  void AwaitTeardowns(int count) {
    auto reached = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return teardowns_ >= count;
    };
    absl::MutexLock lock(&mutex_);
    EXPECT_TRUE(
        mutex_.AwaitWithTimeout(absl::Condition(&reached), kLongestWait));
  }
  int Teardowns() {
    absl::MutexLock lock(&mutex_);
    return teardowns_;
  }
  std::set<std::string> Leases() {
    absl::MutexLock lock(&mutex_);
    return leases_;
  }
  std::string Cidr() {
    absl::MutexLock lock(&mutex_);
    return cidr_;
  }
  // What the last calls were told; descriptors in it are closed by now.
  cri::network::PodNetwork LastSetup() {
    absl::MutexLock lock(&mutex_);
    return last_setup_;
  }
  cri::network::PodNetwork LastTeardown() {
    absl::MutexLock lock(&mutex_);
    return last_teardown_;
  }

 private:
  absl::Mutex mutex_;
  std::set<std::string> leases_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> stopping_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> put_off_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> expected_ ABSL_GUARDED_BY(mutex_);
  std::string cidr_ ABSL_GUARDED_BY(mutex_);
  cri::network::PodNetwork last_setup_ ABSL_GUARDED_BY(mutex_);
  cri::network::PodNetwork last_teardown_ ABSL_GUARDED_BY(mutex_);
  int last_ ABSL_GUARDED_BY(mutex_) = 1;
  bool teardown_gate_open_ ABSL_GUARDED_BY(mutex_) = true;
  int teardowns_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace tests

#endif  // CORACLE_TESTS_SUPPORT_FAKE_CRI_ROOMS_H_
