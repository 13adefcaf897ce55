// SPDX-License-Identifier: Apache-2.0
// Pods with one container whose log the test writes. Thread safe.
#ifndef CORACLE_TESTS_UNIT_AGENT_SERVER_FAKE_PODS_H_
#define CORACLE_TESTS_UNIT_AGENT_SERVER_FAKE_PODS_H_

#include <fcntl.h>
#include <stdlib.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "agent/server/pods.h"
#include "runtime/base/file.h"

namespace agent::server {

class FakePods : public Pods {
 public:
  FakePods() {
    std::string pattern = "/tmp/coracle-pods-XXXXXX";
    root_ = mkdtemp(pattern.data()) == nullptr ? "" : pattern;
    path_ = root_ + "/ns_p_u/c/0.log";
    runtime::MakeDirs(root_ + "/ns_p_u/c").IgnoreError();
    AppendRaw("");
  }
  ~FakePods() override { runtime::RemoveTree(root_).IgnoreError(); }

  const std::string& root() const { return root_; }
  const std::string& path() const { return path_; }

  void Append(const std::string& text) {
    AppendRaw(
        absl::StrCat("2026-01-02T15:04:05.000000001Z stdout F ", text, "\n"));
  }
  void AppendRaw(const std::string& bytes) {
    auto fd = runtime::OpenFile(path_, O_WRONLY | O_CREAT | O_APPEND, 0640);
    if (fd.ok()) runtime::WriteAll(fd->get(), bytes, path_).IgnoreError();
  }
  void SetRunning(bool running) {
    absl::MutexLock lock(&mutex_);
    running_ = running;
  }
  void SetId(const std::string& id) {
    absl::MutexLock lock(&mutex_);
    id_ = id;
  }
  void SetLogError(absl::Status error) {
    absl::MutexLock lock(&mutex_);
    error_ = std::move(error);
  }

  std::vector<runtime::Json> List() override {
    return {runtime::Json::parse(
        R"({"metadata":{"name":"p","namespace":"ns","uid":"u"},
            "spec":{"containers":[{"name":"c"}]},
            "status":{"phase":"Running","containerStatuses":[
              {"name":"c","image":"i","state":{"running":{}}}]}})")};
  }
  absl::StatusOr<LogLocation> ContainerLog(const std::string& ns,
                                           const std::string& pod,
                                           const std::string& container,
                                           bool previous) override {
    if (ns != "ns" || pod != "p") {
      return absl::NotFoundError(
          absl::StrCat("pod \"", pod, "\" does not exist\n"));
    }
    if (container != "c") {
      return absl::NotFoundError(absl::StrCat(
          "container \"", container, "\" not found in pod \"", pod, "\"\n"));
    }
    if (previous) {
      return absl::FailedPreconditionError(
          "previous terminated container \"c\" in pod \"p\" not found");
    }
    absl::MutexLock lock(&mutex_);
    if (!error_.ok()) return error_;
    return LogLocation{path_, running_, id_};
  }

 private:
  std::string root_, path_;
  absl::Mutex mutex_;
  bool running_ ABSL_GUARDED_BY(mutex_) = true;
  std::string id_ ABSL_GUARDED_BY(mutex_) = "id-1";
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace agent::server

#endif  // CORACLE_TESTS_UNIT_AGENT_SERVER_FAKE_PODS_H_
