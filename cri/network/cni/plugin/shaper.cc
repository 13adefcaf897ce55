// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/plugin/shaper.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <net/if.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <limits>
#include <optional>

#include "absl/strings/str_cat.h"
#include "cri/network/cni/plugin/kernel.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace cri::network::cni {
namespace {

constexpr double kMicroseconds = 1e6;      // in a second
constexpr double kLatency = 25'000;        // microseconds of waiting packets
constexpr uint32_t kIngress = 0xffff0000;  // handle ffff:

template <typename T>
absl::Span<const uint8_t> BytesOf(const T& value) {
  return {reinterpret_cast<const uint8_t*>(&value), sizeof value};
}

// Scheduler ticks in a microsecond.
absl::StatusOr<double> TicksPerMicrosecond() {
  ASSIGN_OR_RETURN(const std::string text,
                   runtime::ReadFile("/proc/net/psched", 256));
  unsigned to_us = 0, to_ticks = 0, resolution = 0;
  if (sscanf(text.c_str(), "%x %x %x", &to_us, &to_ticks, &resolution) != 3 ||
      to_ticks == 0) {
    return absl::InternalError("cannot read /proc/net/psched");
  }
  if (resolution == 1'000'000'000) to_us = to_ticks;
  return static_cast<double>(to_us) / to_ticks * (resolution / kMicroseconds);
}

// As the plugin program converts: what does not fit loses its upper bits.
uint32_t Low32(double value) {
  return static_cast<uint32_t>(static_cast<uint64_t>(value));
}

struct Bucket {
  uint64_t rate = 0;  // bytes per second
  uint32_t limit = 0, buffer = 0;
};

absl::StatusOr<Bucket> BucketOf(const Limit& limit) {
  ASSIGN_OR_RETURN(const double ticks, TicksPerMicrosecond());
  Bucket bucket;
  bucket.rate = limit.rate / 8;
  const auto burst = static_cast<uint32_t>(limit.burst / 8);
  const auto rate = static_cast<double>(bucket.rate);
  if (bucket.rate == 0) {
    return absl::InvalidArgumentError("a rate of less than 8 bits per second");
  }
  bucket.buffer = Low32(Low32(burst * kMicroseconds / rate) * ticks);
  bucket.limit = Low32(rate * kLatency / kMicroseconds) + burst;
  return bucket;
}

Message TrafficMessage(const std::string& what, uint16_t type, uint16_t flags,
                       const Link& link, uint32_t handle, uint32_t parent) {
  Message message(absl::StrCat(what, " ", link.name), type, flags);
  auto* header = message.Header<tcmsg>();
  header->tcm_ifindex = link.index;
  header->tcm_handle = handle;
  header->tcm_parent = parent;
  return message;
}

absl::Status AddIngress(Socket& rtnl, const Link& link) {
  Message message =
      TrafficMessage("add ingress queue of", RTM_NEWQDISC,
                     NLM_F_CREATE | NLM_F_EXCL, link, kIngress, TC_H_INGRESS);
  message.PutText(TCA_KIND, "ingress").Nest(TCA_OPTIONS, [] {});
  return rtnl.Run(message);
}

void PutRedirect(Message& message, uint16_t order, int action,
                 const Link& ifb) {
  tc_mirred redirect{};
  redirect.action = action;
  redirect.eaction = TCA_EGRESS_REDIR;
  redirect.ifindex = static_cast<uint32_t>(ifb.index);
  message.Nest(order, [&] {
    message.PutText(TCA_ACT_KIND, "mirred").Nest(TCA_ACT_OPTIONS, [&] {
      message.Put(TCA_MIRRED_PARMS, BytesOf(redirect));
    });
  });
}

}  // namespace

absl::Status LimitSending(Socket& rtnl, const Link& link, const Limit& limit) {
  ASSIGN_OR_RETURN(const Bucket bucket, BucketOf(limit));
  tc_tbf_qopt options{};
  options.rate.rate = static_cast<uint32_t>(bucket.rate);
  options.limit = bucket.limit;
  options.buffer = bucket.buffer;
  Message message =
      TrafficMessage("limit the rate of", RTM_NEWQDISC,
                     NLM_F_CREATE | NLM_F_EXCL, link, 0x10000, TC_H_ROOT);
  message.PutText(TCA_KIND, "tbf").Nest(TCA_OPTIONS, [&] {
    message.Put(TCA_TBF_PARMS, BytesOf(options));
    if (bucket.rate > std::numeric_limits<uint32_t>::max()) {
      message.Put(TCA_TBF_RATE64, BytesOf(bucket.rate));
    }
  });
  return rtnl.Run(message);
}

absl::Status CheckSending(Socket& rtnl, const Link& link, const Limit& limit) {
  ASSIGN_OR_RETURN(const Bucket bucket, BucketOf(limit));
  Message list = TrafficMessage("list queues of", RTM_GETQDISC, 0, link, 0, 0);
  bool same = false;
  RETURN_IF_ERROR(rtnl.Dump(
      list, [&] { same = false; },
      [&](const nlmsghdr* reply) {
        const auto* header =
            static_cast<const tcmsg*>(mnl_nlmsg_get_payload(reply));
        if (header->tcm_ifindex != link.index) return;
        ForEachAttribute(reply, sizeof *header, [&](const nlattr* attribute) {
          if (mnl_attr_get_type(attribute) != TCA_OPTIONS) return;
          ForEachAttribute(attribute, [&](const nlattr* option) {
            tc_tbf_qopt found{};
            if (mnl_attr_get_type(option) != TCA_TBF_PARMS ||
                mnl_attr_get_payload_len(option) < sizeof found) {
              return;
            }
            memcpy(&found, mnl_attr_get_payload(option), sizeof found);
            same |=
                found.limit == bucket.limit && found.buffer == bucket.buffer;
          });
        });
      }));
  if (same) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("link ", link.name, " has lost its limit of ", limit.rate,
                   " bits per second"));
}

absl::StatusOr<Link> AddIfb(Socket& rtnl, const std::string& name,
                            uint32_t mtu) {
  Message message(absl::StrCat("make ifb link ", name), RTM_NEWLINK,
                  NLM_F_CREATE | NLM_F_EXCL);
  auto* info = message.Header<ifinfomsg>();
  info->ifi_flags = IFF_UP;
  info->ifi_change = IFF_UP;
  message.PutText(IFLA_IFNAME, name)
      .PutU32(IFLA_MTU, mtu)
      .PutU32(IFLA_TXQLEN, 0)
      .Nest(IFLA_LINKINFO, [&] { message.PutText(IFLA_INFO_KIND, "ifb"); });
  RETURN_IF_ERROR(rtnl.Run(message));
  return GetLink(rtnl, name);
}

absl::Status RedirectReceived(Socket& rtnl, const Link& link, const Link& ifb) {
  RETURN_IF_ERROR(AddIngress(rtnl, link));
  // A selector, and behind it one key that matches everything.
  std::array<uint8_t, sizeof(tc_u32_sel) + sizeof(tc_u32_key)> all{};
  tc_u32_sel selector{};
  selector.flags = TC_U32_TERMINAL;
  selector.nkeys = 1;
  memcpy(all.data(), &selector, sizeof selector);
  Message message =
      TrafficMessage("redirect what comes to", RTM_NEWTFILTER,
                     NLM_F_CREATE | NLM_F_EXCL, link, 0, kIngress);
  static_cast<tcmsg*>(mnl_nlmsg_get_payload(message.header()))->tcm_info =
      TC_H_MAKE(1 << 16, htons(ETH_P_ALL));
  message.PutText(TCA_KIND, "u32").Nest(TCA_OPTIONS, [&] {
    message.Put(TCA_U32_SEL, all).PutU32(TCA_U32_CLASSID, 0x10001);
    message.Nest(TCA_U32_ACT, [&] {
      // The program adds the action twice; only the first is ever reached.
      PutRedirect(message, 1, TC_ACT_STOLEN, ifb);
      PutRedirect(message, 2, TC_ACT_OK, ifb);
    });
  });
  return rtnl.Run(message);
}

}  // namespace cri::network::cni
