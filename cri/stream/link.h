// SPDX-License-Identifier: Apache-2.0
// A Link is one upgraded connection, seen as a set of two-way byte streams: a
// SPDY connection, or a WebSocket whose messages name a channel. A LinkUser is
// what talks over it: an exec, an attach, a port-forward.
//
// Everything here belongs to the thread of the server's I/O context.
#ifndef CORACLE_CRI_STREAM_LINK_H_
#define CORACLE_CRI_STREAM_LINK_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "cri/stream/spdy_headers.h"

namespace cri::stream {

// Of SPDY: the stream's number. Of WebSocket: the channel's.
using StreamId = uint32_t;

class LinkUser {
 public:
  virtual ~LinkUser() = default;
  // The peer opened a stream (SPDY only). False refuses it.
  virtual bool OnStream(StreamId id, const Headers& headers) = 0;
  // `data` is valid during the call. What cannot be taken has to be kept, and
  // the link held, so that little more comes.
  virtual void OnData(StreamId id, absl::string_view data) = 0;
  // The peer sends no more on the stream.
  virtual void OnEnd(StreamId id) = 0;
  // The peer is done with the stream altogether.
  virtual void OnReset(StreamId id) = 0;
  // The server ends the connection: say `why` to the peer and finish the link.
  virtual void OnStopping(const absl::Status& why) = 0;
  // The last call: nothing comes and nothing can be sent any more.
  virtual void OnClosed() = 0;
};

// The link keeps its user alive until OnClosed has returned.
class Link {
 public:
  using Done = std::function<void()>;

  virtual ~Link() = default;

  // Sends `data`, which `done` keeps alive: it is called when the bytes have
  // left and is dropped uncalled when the link closes. Who waits for it before
  // reading more never has more under way than a piece.
  virtual void Send(StreamId id, absl::string_view data, Done done) = 0;
  // Says that nothing more comes on the stream, after what was sent. Where the
  // protocol cannot say so it does nothing. Unknown or ended: nothing.
  virtual void SendEnd(StreamId id) = 0;
  // Ends both ways of the stream; OnReset is not called.
  virtual void Reset(StreamId id) = 0;

  // Stops reading from the peer, and goes on. Counts: every Hold needs its
  // Release. A little more may come after Hold.
  virtual void Hold() = 0;
  virtual void Release() = 0;
  virtual bool IsHeld() const = 0;

  // Closes in good order once everything that was sent has left.
  virtual void Finish() = 0;
  // Closes now.
  virtual void Close() = 0;

  // Called once, after the user's OnClosed.
  void SetOnClosed(Done on_closed) { on_closed_ = std::move(on_closed); }

 protected:
  void TellClosed() {
    if (const Done told = std::exchange(on_closed_, nullptr)) told();
  }

 private:
  Done on_closed_;
};

}  // namespace cri::stream

#endif  // CORACLE_CRI_STREAM_LINK_H_
