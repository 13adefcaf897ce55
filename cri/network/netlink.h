// SPDX-License-Identifier: Apache-2.0
// Netlink requests and sockets: a thin layer over libmnl that speaks Status and
// sends several requests in one go.
#ifndef CORACLE_CRI_NETWORK_NETLINK_H_
#define CORACLE_CRI_NETWORK_NETLINK_H_

#include <libmnl/libmnl.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "cri/network/cidr.h"

namespace cri::network {

// One request of at most kBytes; `what` says what it does, for errors.
class Message {
 public:
  static constexpr size_t kBytes = 1024;

  // NLM_F_REQUEST and NLM_F_ACK are added to `flags`.
  Message(std::string what, uint16_t type, uint16_t flags);

  // The family's fixed header, zeroed; before any attribute.
  template <typename T>
  T* Header() {
    return static_cast<T*>(mnl_nlmsg_put_extra_header(header(), sizeof(T)));
  }
  Message& Put(uint16_t type, absl::Span<const uint8_t> bytes);
  Message& PutText(uint16_t type, const std::string& text);
  Message& PutU32(uint16_t type, uint32_t value);
  // A nested attribute: what `fill` puts.
  Message& Nest(uint16_t type, const std::function<void()>& fill);

  nlmsghdr* header() { return reinterpret_cast<nlmsghdr*>(buffer_.get()); }
  const std::string& what() const { return what_; }

 private:
  std::string what_;
  std::unique_ptr<uint64_t[]> buffer_;
};

// Calls `on_attribute` for those behind a `header_bytes` long family header, or
// within one that nests.
void ForEachAttribute(const nlmsghdr* reply, size_t header_bytes,
                      const std::function<void(const nlattr*)>& on_attribute);
void ForEachAttribute(const nlattr* nest,
                      const std::function<void(const nlattr*)>& on_attribute);

// An attribute that holds an address.
Ip IpOf(const nlattr* attribute);

// One netlink socket. It stays in the network namespace in which it was opened.
// Not thread safe; opening one costs a few microseconds.
class Socket {
 public:
  // In the calling thread's namespace.
  static absl::StatusOr<Socket> Open(int protocol);
  // In the namespace behind `netns_fd`: opened by a thread that enters it and
  // there calls `visit` before.
  static absl::StatusOr<Socket> OpenIn(int netns_fd, int protocol,
                                       const std::function<void()>& visit = {});

  // Sends all requests at once and waits for every answer. The first failure,
  // "<what>: <kernel's text>: <errno>"; later requests were tried too.
  absl::Status Run(absl::Span<Message* const> messages);
  absl::Status Run(Message& message);

  using OnReply = std::function<void(const nlmsghdr*)>;
  // Sends one request and hands over its answer.
  absl::Status Query(Message& message, const OnReply& on_reply);
  // The same for a request that is built already, with sequence number 1.
  absl::Status QueryRaw(absl::Span<const char> data, const std::string& what,
                        const OnReply& on_reply);

  // How often a list that changes while it is told is asked for.
  static constexpr int kMostDumps = 16;
  // Sends one request (NLM_F_DUMP is added) and hands over a list. `begin` is
  // called before its first item, each time: what came before is to be
  // forgotten, as it is not of one moment. UNAVAILABLE if no time was without a
  // change.
  absl::Status Dump(Message& message, const std::function<void()>& begin,
                    const OnReply& on_reply);
  // As QueryRaw; NLM_F_DUMP is in `data`.
  absl::Status DumpRaw(absl::Span<const char> data, const std::string& what,
                       const std::function<void()>& begin,
                       const OnReply& on_reply);

  // What the kernel tells `group` (RTNLGRP_…) comes to this socket from now on;
  // it is then for waiting only.
  absl::Status Subscribe(int group);
  // Returns when something was told, or at `deadline`; what it was is dropped.
  absl::Status WaitForNews(absl::Time deadline);

  // Sends `data` (one nfnetlink batch of requests that want acknowledgements
  // with sequence numbers up to `last_seq`, behind its begin, number 1); first
  // failure.
  absl::Status RunBatch(absl::Span<const char> data, uint32_t last_seq,
                        const std::string& what);

 private:
  struct Close {
    void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
  };
  explicit Socket(mnl_socket* socket) : socket_(socket) {}
  absl::Status Send(absl::Span<const char> data, const std::string& what);
  // Reads until `last_seq` is answered. `what` names the request of a number;
  // `flags` are those that any answer had, null if they do not matter. Who
  // refuses request `begin` answers no other.
  absl::Status Collect(uint32_t last_seq,
                       const std::function<std::string(uint32_t)>& what,
                       const OnReply& on_reply, uint16_t* flags = nullptr,
                       uint32_t begin = 0);

  std::unique_ptr<mnl_socket, Close> socket_;
};

}  // namespace cri::network

#endif  // CORACLE_CRI_NETWORK_NETLINK_H_
