// SPDX-License-Identifier: Apache-2.0
// Sends a log piece by piece. A piece is read on the executor only after the
// client took the last one, so that a slow client costs one piece of memory;
// while there is nothing to read, nothing but a timer and an inotify watch is
// held.
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "agent/server/connection.h"
#include "runtime/base/log.h"

namespace agent::server {
namespace {

class LogStream : public std::enable_shared_from_this<LogStream> {
 public:
  LogStream(std::shared_ptr<Connection> connection, Answer answer)
      : connection_(std::move(connection)),
        log_(std::move(answer.log)),
        directory_(std::move(answer.log_directory)),
        writing_(std::move(answer.writing)),
        timer_(connection_->host().io()) {}

  void Start() {
    auto self = shared_from_this();
    if (log_->follow()) {
      watch_ = connection_->host().watcher().Add(
          directory_, [weak = weak_from_this()] {
            if (auto stream = weak.lock()) stream->Wake();
          });
    }
    connection_->BeginStream([self] { self->Stop(); },
                             [self](bool sent) {
                               if (sent) self->Read();
                             });
  }

 private:
  void Stop() {
    connection_->host().watcher().Remove(watch_);
    timer_.cancel();
    stopped_ = true;
  }

  void Read() {
    changed_ = false;
    // Asked in between too: the next attempt of a container writes into the
    // same directory and would keep this stream awake for ever.
    absl::Duration interval = connection_->host().timeouts().log_check;
    if (log_->follow() && absl::Now() - checked_at_ >= interval) {
      checked_at_ = absl::Now();
      check_ = true;
    }
    auto self = shared_from_this();
    connection_->host().Block(
        [self] {
          // In this order: what was written before the end is read after it.
          if (self->check_) self->ended_ = !self->writing_();
          self->check_ = false;
          self->piece_.clear();
          self->more_ = self->log_->Read(&self->piece_);
        },
        [self] {
          if (!self->stopped_) self->OnRead();
        });
  }

  void OnRead() {
    if (!more_.ok()) {
      runtime::log::Warning("stream log: ", more_.status().message());
      return End();
    }
    if (piece_.empty()) return Next();
    auto self = shared_from_this();
    connection_->Write(std::move(piece_), [self](bool sent) {
      if (sent && !self->stopped_) self->Next();
    });
  }

  void Next() {
    if (*more_) return Read();
    if (!log_->follow() || log_->full() || ended_) return End();
    if (changed_) return Read();
    waiting_ = true;
    timer_.expires_after(
        absl::ToChronoNanoseconds(connection_->host().timeouts().log_check));
    timer_.async_wait(
        [self = shared_from_this()](const boost::system::error_code& error) {
          if (error || !self->waiting_) return;
          self->waiting_ = false;
          self->Read();
        });
  }

  // The directory changed.
  void Wake() {
    changed_ = true;
    if (!waiting_ || stopped_) return;
    waiting_ = false;
    timer_.cancel();
    Read();
  }

  void End() {
    auto connection = connection_;
    Stop();
    connection->EndStream();
  }

  const std::shared_ptr<Connection> connection_;
  const std::unique_ptr<LogReader> log_;
  const std::string directory_;
  const std::function<bool()> writing_;
  boost::asio::steady_timer timer_;
  uint64_t watch_ = 0;
  bool waiting_ = false;
  bool changed_ = false;
  bool stopped_ = false;
  absl::Time checked_at_ = absl::InfinitePast();
  // Handed to the executor and back, never used by both at once.
  bool check_ = false;
  bool ended_ = false;
  std::string piece_;
  absl::StatusOr<bool> more_ = false;
};

}  // namespace

void StreamLog(std::shared_ptr<Connection> connection, Answer answer) {
  std::make_shared<LogStream>(std::move(connection), std::move(answer))
      ->Start();
}

}  // namespace agent::server
