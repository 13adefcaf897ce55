// SPDX-License-Identifier: Apache-2.0
// What the tools (`status`, `logs`, `image`) ask a CRI server for. Each call
// blocks, and fails with UNAVAILABLE if nobody serves the socket.
#ifndef CORACLE_AGENT_COMMAND_CRI_VIEW_H_
#define CORACLE_AGENT_COMMAND_CRI_VIEW_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/command/image_usage.h"
#include "agent/command/view.h"

namespace runtime::v1 {
class ListContainersResponse;
class PodSandbox;
}  // namespace runtime::v1

namespace agent::command {

struct ContainerLog {
  std::string path;
  bool running = false;
};

struct ImageRow {
  std::string name, id;
  uint64_t size = 0;
};

class CriView {
 public:
  explicit CriView(const std::string& cri_socket);
  ~CriView();

  // Fills everything but what only the agent knows.
  absl::StatusOr<View> Load();
  // What the server tells of itself beyond the API: JSON texts by name.
  absl::StatusOr<std::map<std::string, std::string>> Info();
  // The log of a pod's container: the latest attempt, or the one before.
  // `pod` is "name" or "namespace/name"; `container` may be empty if there is
  // one only.
  absl::StatusOr<ContainerLog> Log(const std::string& pod,
                                   const std::string& container, bool previous);
  absl::StatusOr<std::vector<ImageRow>> Images();
  // But for what only the disk tells. FAILED_PRECONDITION if the server, of
  // another make, does not say what holds its images.
  absl::StatusOr<ImageUsage> Usage();
  // The pulled image's reference.
  absl::StatusOr<std::string> Pull(const std::string& image);
  // Directory below which the image store is, from ImageFsInfo.
  absl::StatusOr<std::string> ImageDirectory();

 private:
  struct Stubs;
  PodRow RowOfSandbox(const runtime::v1::PodSandbox& sandbox,
                      const runtime::v1::ListContainersResponse& containers);
  absl::Status Annotated(const absl::Status& status) const;

  const std::string socket_;
  const std::unique_ptr<Stubs> stubs_;
};

}  // namespace agent::command

#endif  // CORACLE_AGENT_COMMAND_CRI_VIEW_H_
