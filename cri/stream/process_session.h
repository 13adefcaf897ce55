// SPDX-License-Identifier: Apache-2.0
// ProcessSession is one exec or attach: it waits for the client's streams,
// opens the process, moves bytes, and tells at the end how it went.
//
//   streams come ─▶ open (executor) ─▶ bytes flow ─▶ exit known, output ended
//        └ 30 s: close      └ fails ────────────────▶ └▶ status, good-bye
//
// A client that leaves ends an exec with all that it started; an attached
// container runs on. I/O thread only.
#ifndef CORACLE_CRI_STREAM_PROCESS_SESSION_H_
#define CORACLE_CRI_STREAM_PROCESS_SESSION_H_

#include <array>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "cri/stream/flow.h"
#include "cri/stream/host.h"
#include "cri/stream/link.h"
#include "cri/stream/request.h"
#include "cri/stream/resize.h"

namespace cri::stream {

// In the order of the WebSocket protocols' channel numbers.
enum class Role { kIn, kOut, kErr, kError, kResize };
inline constexpr size_t kRoles = 5;

// What differs between versions of the protocol.
struct Dialect {
  bool json_status = true;  // v4 and later
  bool resize = true;       // v3 and later; before, none is waited for
};

class ProcessSession : public LinkUser,
                       public std::enable_shared_from_this<ProcessSession> {
 public:
  ProcessSession(Host* host, std::shared_ptr<Link> link, ProcessRequest request,
                 Dialect dialect);

  // The client opens the streams, each with a header streamtype.
  void AwaitStreams();
  // The streams are there already: the WebSocket channels.
  void UseChannels();

  bool OnStream(StreamId id, const Headers& headers) override;
  void OnData(StreamId id, absl::string_view data) override;
  void OnEnd(StreamId id) override;
  void OnReset(StreamId id) override;
  void OnStopping(const absl::Status& why) override;
  void OnClosed() override;

 private:
  using Session = std::shared_ptr<runtime::StreamSession>;

  std::optional<StreamId>& IdOf(Role role) {
    return ids_[static_cast<size_t>(role)];
  }
  bool Wants(Role role) const;
  bool Is(StreamId id, Role role) const;
  bool Opened() const { return session_ != nullptr; }
  void OpenIfComplete();
  void OnOpened(absl::StatusOr<Session> opened);
  void StartFlows();
  std::shared_ptr<Outflow> Flow(runtime::UniqueFd fd, Role role);
  void OnInput(absl::string_view data);
  void EndInput();
  void OnOutputEnd(Role role);
  void OnExit(absl::StatusOr<int> result);
  void AwaitLeftover();
  void FinishIfDone();
  void Finish(const absl::StatusOr<int>& result);
  void CloseFlows();

  Host* const host_;
  std::shared_ptr<Link> link_;  // null once closed
  const ProcessRequest request_;
  const Dialect dialect_;
  boost::asio::steady_timer timer_;
  std::array<std::optional<StreamId>, kRoles> ids_;
  bool opening_ = false;

  // What came before the process was there.
  std::string early_;
  bool early_end_ = false;
  std::optional<TerminalSize> size_;
  ResizeReader resize_;

  Session session_;
  std::shared_ptr<Inflow> in_;
  std::shared_ptr<Outflow> out_, err_;
  std::optional<absl::StatusOr<int>> result_;
  bool finished_ = false;
};

}  // namespace cri::stream

#endif  // CORACLE_CRI_STREAM_PROCESS_SESSION_H_
