// SPDX-License-Identifier: Apache-2.0
// What is done to the server that dies: a pod with one container, made and
// removed again for each kill, and the checks of it.
#ifndef CORACLE_TESTS_KILL_SUBJECT_H_
#define CORACLE_TESTS_KILL_SUBJECT_H_

#include <functional>
#include <string>

#include "tests/kill/daemon.h"
#include "tests/kill/snapshot.h"

namespace tests::kill {

namespace v1 = ::runtime::v1;

// Of the command line.
struct Places {
  std::string scratch, root, state, image, other_image;
};

// One that counts in its log, without end.
inline constexpr char kCount[] =
    "i=0; while true; do echo line $i; i=$((i+1)); usleep 5000; done";

// Not thread safe. Whatever does not hold ends the program with a message that
// begins with the context.
class Subject {
 public:
  // Both outlive it.
  Subject(const Places& places, Daemon& daemon);

  const Places& places() const { return places_; }
  Daemon& daemon() { return daemon_; }
  load::Client& client() { return daemon_.client(); }
  const load::PodName& pod() const { return pod_; }
  const std::string& pod_id() const { return pod_id_; }
  const std::string& id() const { return id_; }  // of the container

  void SetContext(std::string context) { context_ = std::move(context); }
  const std::string& context() const { return context_; }
  void Must(const grpc::Status& status, const std::string& what) const;
  void Check(bool holds, const std::string& what) const;
  // Until it does, for ten seconds.
  void Await(const std::function<bool()>& holds, const std::string& what) const;

  grpc::Status RunPod() { return client().RunPod(pod_, &pod_id_); }
  // Of a container that sleeps, or runs `script`.
  grpc::Status Create(const std::string& script = "");
  // OK too if it runs: it was started before the server died.
  grpc::Status Start();
  // All three.
  void MakeRunning(const std::string& script = "");
  void ForgetContainer() { id_.clear(); }

  // There is one pod with one container, which takes commands.
  void ExpectUsable();
  void ExpectState(v1::ContainerState state);
  // Without the one that stays.
  size_t PodsNow();

  // What the host looks like without pods, but for the one of this ID.
  void Remember(const std::string& stays);
  // Removes the pod, does `restore`, sees that nothing is left, and takes other
  // names.
  void CleanUp(const std::function<void()>& restore = nullptr);

 private:
  const Places& places_;
  Daemon& daemon_;
  Snapshot before_;
  std::string context_ = "begin", stays_;
  load::PodName pod_;
  std::string pod_id_, id_;
  int next_pod_ = 0;
};

// A log of kCount has the lines "… stdout F line N", N counting from 0, without
// a hole; what comes after the last newline is under way. "", or what is wrong.
std::string FindHole(const std::string& log);

}  // namespace tests::kill

#endif  // CORACLE_TESTS_KILL_SUBJECT_H_
