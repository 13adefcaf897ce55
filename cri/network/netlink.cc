// SPDX-License-Identifier: Apache-2.0
#include "cri/network/netlink.h"

#include <linux/netlink.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/status.h"
#include "runtime/base/thread.h"

namespace cri::network {
namespace {

// A batch of which nothing can be done is refused by its first number: without
// nf_tables in the kernel, or without the privilege.
constexpr uint32_t kBatchBegin = 1;
constexpr size_t kReceiveBytes = 32 << 10;  // what the kernel fills at most

// The kernel's own sentence in an extended acknowledgement, or "".
std::string KernelText(const nlmsghdr* reply) {
  if ((reply->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return "";
  const auto* error =
      static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(reply));
  // Behind the error comes the request: whole, or its header if capped.
  const size_t echoed = (reply->nlmsg_flags & NLM_F_CAPPED) != 0
                            ? sizeof(nlmsghdr)
                            : error->msg.nlmsg_len;
  const size_t offset = sizeof(error->error) + MNL_ALIGN(echoed);
  if (offset >= mnl_nlmsg_get_payload_len(reply)) return "";
  std::string text;
  ForEachAttribute(reply, offset, [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG) {
      text = absl::StrCat(": ", mnl_attr_get_str(attribute));
    }
  });
  return text;
}

}  // namespace

Message::Message(std::string what, uint16_t type, uint16_t flags)
    : what_(std::move(what)),
      buffer_(std::make_unique<uint64_t[]>(kBytes / sizeof(uint64_t))) {
  mnl_nlmsg_put_header(buffer_.get());
  header()->nlmsg_type = type;
  header()->nlmsg_flags = flags | NLM_F_REQUEST | NLM_F_ACK;
}

Message& Message::Put(uint16_t type, absl::Span<const uint8_t> bytes) {
  mnl_attr_put(header(), type, bytes.size(), bytes.data());
  return *this;
}

Message& Message::PutText(uint16_t type, const std::string& text) {
  mnl_attr_put_strz(header(), type, text.c_str());
  return *this;
}

Message& Message::PutU32(uint16_t type, uint32_t value) {
  mnl_attr_put_u32(header(), type, value);
  return *this;
}

Message& Message::Nest(uint16_t type, const std::function<void()>& fill) {
  nlattr* nest = mnl_attr_nest_start(header(), type);
  fill();
  mnl_attr_nest_end(header(), nest);
  return *this;
}

Ip IpOf(const nlattr* attribute) {
  const auto* bytes =
      static_cast<const uint8_t*>(mnl_attr_get_payload(attribute));
  return IpFromWire({bytes, mnl_attr_get_payload_len(attribute)});
}

void ForEachAttribute(const nlmsghdr* reply, size_t header_bytes,
                      const std::function<void(const nlattr*)>& on_attribute) {
  const auto* attribute = static_cast<const nlattr*>(
      mnl_nlmsg_get_payload_offset(reply, header_bytes));
  const auto* tail =
      static_cast<const char*>(mnl_nlmsg_get_payload_tail(reply));
  while (
      mnl_attr_ok(attribute, tail - reinterpret_cast<const char*>(attribute))) {
    on_attribute(attribute);
    attribute = mnl_attr_next(attribute);
  }
}

void ForEachAttribute(const nlattr* nest,
                      const std::function<void(const nlattr*)>& on_attribute) {
  const auto* attribute =
      static_cast<const nlattr*>(mnl_attr_get_payload(nest));
  const auto* tail =
      reinterpret_cast<const char*>(attribute) + mnl_attr_get_payload_len(nest);
  while (
      mnl_attr_ok(attribute, tail - reinterpret_cast<const char*>(attribute))) {
    on_attribute(attribute);
    attribute = mnl_attr_next(attribute);
  }
}

absl::StatusOr<Socket> Socket::Open(int protocol) {
  mnl_socket* opened = mnl_socket_open2(protocol, SOCK_CLOEXEC);
  if (opened == nullptr) return runtime::ErrnoStatus("open netlink socket");
  Socket socket(opened);
  if (mnl_socket_bind(opened, 0, MNL_SOCKET_AUTOPID) != 0) {
    return runtime::ErrnoStatus("bind netlink socket");
  }
  // The kernel answers at once; whoever it is that does not must not hang us.
  const timeval patience{.tv_sec = 10, .tv_usec = 0};
  setsockopt(mnl_socket_get_fd(opened), SOL_SOCKET, SO_RCVTIMEO, &patience,
             sizeof patience);
  // Kernels without these two only say less.
  int on = 1;
  mnl_socket_setsockopt(opened, NETLINK_EXT_ACK, &on, sizeof on);
  mnl_socket_setsockopt(opened, NETLINK_CAP_ACK, &on, sizeof on);
  return socket;
}

absl::StatusOr<Socket> Socket::OpenIn(int netns_fd, int protocol,
                                      const std::function<void()>& visit) {
  absl::StatusOr<Socket> result = absl::InternalError("not opened");
  RETURN_IF_ERROR(runtime::RunInThread([&] {
    if (setns(netns_fd, CLONE_NEWNET) != 0) {
      result = runtime::ErrnoStatus("enter the pod's network namespace");
      return;
    }
    if (visit) visit();
    result = Open(protocol);
  }));
  return result;
}

absl::Status Socket::Send(absl::Span<const char> data,
                          const std::string& what) {
  if (mnl_socket_sendto(socket_.get(), data.data(), data.size()) < 0) {
    return runtime::ErrnoStatus(absl::StrCat(what, ": send to the kernel"));
  }
  return absl::OkStatus();
}

absl::Status Socket::Collect(uint32_t last_seq,
                             const std::function<std::string(uint32_t)>& what,
                             const OnReply& on_reply, uint16_t* flags,
                             uint32_t begin) {
  absl::Status first;
  std::vector<char> buffer(kReceiveBytes);
  for (bool done = false; !done;) {
    const ssize_t got =
        mnl_socket_recvfrom(socket_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      first.Update(
          runtime::ErrnoStatus(absl::StrCat(what(last_seq), ": read answer")));
      return first;
    }
    int left = static_cast<int>(got);
    for (const auto* reply = reinterpret_cast<nlmsghdr*>(buffer.data());
         mnl_nlmsg_ok(reply, left); reply = mnl_nlmsg_next(reply, &left)) {
      if (flags != nullptr) *flags |= reply->nlmsg_flags;
      if (reply->nlmsg_type == NLMSG_ERROR) {
        const auto* error =
            static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(reply));
        if (error->error != 0) {
          first.Update(runtime::ErrnoStatus(
              -error->error,
              absl::StrCat(what(reply->nlmsg_seq), KernelText(reply))));
          done |= reply->nlmsg_seq == begin;
        }
        done |= reply->nlmsg_seq >= last_seq;
      } else if (reply->nlmsg_type == NLMSG_DONE) {
        done = true;
      } else if (on_reply != nullptr) {
        on_reply(reply);
      }
    }
  }
  return first;
}

absl::Status Socket::Run(absl::Span<Message* const> messages) {
  std::vector<char> data;
  uint32_t seq = 0;
  for (Message* message : messages) {
    message->header()->nlmsg_seq = ++seq;
    const char* begin = reinterpret_cast<const char*>(message->header());
    data.insert(data.end(), begin, begin + message->header()->nlmsg_len);
    data.resize(MNL_ALIGN(data.size()));
  }
  const auto what = [&](uint32_t number) {
    return number >= 1 && number <= messages.size()
               ? messages[number - 1]->what()
               : std::string("netlink");
  };
  RETURN_IF_ERROR(Send(data, what(1)));
  return Collect(seq, what, nullptr);
}

absl::Status Socket::Run(Message& message) {
  Message* const one[] = {&message};
  return Run(absl::MakeConstSpan(one));
}

absl::Status Socket::Query(Message& message, const OnReply& on_reply) {
  message.header()->nlmsg_seq = 1;
  return QueryRaw({reinterpret_cast<const char*>(message.header()),
                   message.header()->nlmsg_len},
                  message.what(), on_reply);
}

absl::Status Socket::QueryRaw(absl::Span<const char> data,
                              const std::string& what,
                              const OnReply& on_reply) {
  RETURN_IF_ERROR(Send(data, what));
  return Collect(
      1, [&](uint32_t) { return what; }, on_reply);
}

absl::Status Socket::Dump(Message& message, const std::function<void()>& begin,
                          const OnReply& on_reply) {
  message.header()->nlmsg_seq = 1;
  message.header()->nlmsg_flags |= NLM_F_DUMP;
  return DumpRaw({reinterpret_cast<const char*>(message.header()),
                  message.header()->nlmsg_len},
                 message.what(), begin, on_reply);
}

absl::Status Socket::DumpRaw(absl::Span<const char> data,
                             const std::string& what,
                             const std::function<void()>& begin,
                             const OnReply& on_reply) {
  for (int i = 0; i < kMostDumps; ++i) {
    begin();
    uint16_t flags = 0;
    RETURN_IF_ERROR(Send(data, what));
    RETURN_IF_ERROR(Collect(
        1, [&](uint32_t) { return what; }, on_reply, &flags));
    if ((flags & NLM_F_DUMP_INTR) == 0) return absl::OkStatus();
  }
  return absl::UnavailableError(
      absl::StrCat(what, ": the list changed while the kernel told it, ",
                   kMostDumps, " times in a row"));
}

absl::Status Socket::Subscribe(int group) {
  if (mnl_socket_setsockopt(socket_.get(), NETLINK_ADD_MEMBERSHIP, &group,
                            sizeof group) != 0) {
    return runtime::ErrnoStatus("subscribe to news of the kernel");
  }
  return absl::OkStatus();
}

absl::Status Socket::WaitForNews(absl::Time deadline) {
  const int fd = mnl_socket_get_fd(socket_.get());
  pollfd wait{fd, POLLIN, 0};
  const absl::Duration left =
      std::clamp(deadline - absl::Now(), absl::ZeroDuration(), absl::Hours(1));
  const int ready =
      poll(&wait, 1, static_cast<int>(absl::ToInt64Milliseconds(left)) + 1);
  if (ready < 0 && errno != EINTR) return runtime::ErrnoStatus("poll");
  std::vector<char> buffer(kReceiveBytes);
  // ENOBUFS says that news were lost, which is news as well.
  while (recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT) > 0) {
  }
  return absl::OkStatus();
}

absl::Status Socket::RunBatch(absl::Span<const char> data, uint32_t last_seq,
                              const std::string& what) {
  RETURN_IF_ERROR(Send(data, what));
  return Collect(
      last_seq, [&](uint32_t) { return what; }, nullptr, nullptr, kBatchBegin);
}

}  // namespace cri::network
