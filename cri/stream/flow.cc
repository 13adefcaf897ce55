// SPDX-License-Identifier: Apache-2.0
#include "cri/stream/flow.h"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <utility>

namespace cri::stream {
namespace {

using Error = boost::system::error_code;

constexpr size_t kLeastBuffer = 4 << 10;
constexpr size_t kMostBuffer = 128 << 10;

}  // namespace

std::shared_ptr<Descriptor> Watch(boost::asio::io_context& io,
                                  runtime::UniqueFd fd) {
  auto descriptor = std::make_shared<Descriptor>(io);
  Error error;
  descriptor->assign(fd.get(), error);
  if (error) return nullptr;
  fd.release();
  return descriptor;
}

void Inflow::Start(std::shared_ptr<Descriptor> descriptor) {
  if (closed_) return;
  descriptor_ = std::move(descriptor);
  OnWritable();
}

void Inflow::Write(absl::string_view data) {
  if (closed_ || broken_ || ended_) return;
  if (descriptor_ != nullptr && kept_.empty()) {
    data.remove_prefix(TryWrite(data));
  }
  if (broken_ || data.empty()) return;
  kept_.Append(data);
  Update();
}

size_t Inflow::TryWrite(absl::string_view data) {
  size_t total = 0;
  while (total < data.size()) {
    const ssize_t n = write(descriptor_->native_handle(), data.data() + total,
                            data.size() - total);
    if (n >= 0) {
      total += static_cast<size_t>(n);
      taken_ += static_cast<uint64_t>(n);
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR) {
      broken_ = true;  // the reader is gone; the peer's input has no use
      break;
    }
  }
  return total;
}

void Inflow::Wait() {
  waiting_ = true;
  descriptor_->async_wait(Descriptor::wait_write,
                          [self = shared_from_this()](const Error& error) {
                            self->waiting_ = false;
                            if (self->closed_) return;
                            if (error) self->broken_ = true;
                            self->OnWritable();
                          });
}

void Inflow::OnWritable() {
  while (!broken_ && !kept_.empty()) {
    const size_t size = kept_.Front().size();
    const size_t written = TryWrite(kept_.Front());
    kept_.RemovePrefix(written);
    if (written < size) break;
  }
  Update();
}

// Sets brake, wait and end by what is still kept.
void Inflow::Update() {
  if (broken_) kept_.Clear();
  brake_->Count(std::exchange(counted_, kept_.size()), kept_.size());
  if (descriptor_ == nullptr) return;
  if (!kept_.empty() && !waiting_) Wait();
  if (kept_.empty() && on_end_) std::exchange(on_end_, nullptr)();
}

void Inflow::End(std::function<void()> on_end) {
  if (closed_ || std::exchange(ended_, true)) return;
  on_end_ = std::move(on_end);
  Update();
}

void Inflow::Close() {
  if (std::exchange(closed_, true)) return;
  on_end_ = nullptr;
  descriptor_ = nullptr;
  kept_.Clear();
  brake_->Count(std::exchange(counted_, 0), 0);
  brake_ = nullptr;
}

Outflow::Outflow(std::shared_ptr<Link> link, StreamId id,
                 std::shared_ptr<Descriptor> descriptor,
                 std::function<void()> on_end)
    : link_(std::move(link)),
      id_(id),
      descriptor_(std::move(descriptor)),
      on_end_(std::move(on_end)),
      buffer_(kLeastBuffer) {}

void Outflow::Read() {
  if (closed_) return;
  ssize_t n;
  do {
    n = read(descriptor_->native_handle(), buffer_.data(), buffer_.size());
  } while (n < 0 && errno == EINTR);
  if (n < 0 && errno == EAGAIN) return Wait();
  // Reading a terminal whose processes are gone gives EIO.
  if (n <= 0) return End();
  const auto size = static_cast<size_t>(n);
  link_->Send(id_, absl::string_view(buffer_.data(), size),
              [self = shared_from_this(), size] {
                std::vector<char>& buffer = self->buffer_;
                if (size == buffer.size() && size < kMostBuffer) {
                  buffer.resize(2 * size);
                }
                self->Read();
              });
}

void Outflow::Wait() {
  waiting_ = true;
  descriptor_->async_wait(Descriptor::wait_read,
                          [self = shared_from_this()](const Error& error) {
                            self->waiting_ = false;
                            if (self->closed_) return;
                            if (error) return self->End();
                            self->Read();
                          });
}

void Outflow::End() {
  if (closed_) return;
  const auto on_end = std::exchange(on_end_, nullptr);
  Close();
  on_end();
}

void Outflow::Cut() { End(); }

void Outflow::Close() {
  if (std::exchange(closed_, true)) return;
  on_end_ = nullptr;
  descriptor_ = nullptr;
  link_ = nullptr;
}

}  // namespace cri::stream
