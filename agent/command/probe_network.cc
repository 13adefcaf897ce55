// SPDX-License-Identifier: Apache-2.0
// What pod networks need: links are tried in a throw-away network namespace of
// a child process, which takes them with it.
#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "agent/command/probes.h"
#include "runtime/base/file.h"
#include "runtime/base/unique_fd.h"

namespace agent::command {
namespace {

// Sends one request and returns the errno of its answer.
int Ask(int protocol, void* request, size_t size) {
  const runtime::UniqueFd fd(
      socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!fd.ok()) return errno;
  const timeval limit = {1, 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (send(fd.get(), request, size, 0) < 0) return errno;
  alignas(nlmsghdr) char answer[4096];
  if (recv(fd.get(), answer, sizeof answer, 0) < 0) return errno;
  const auto* header = reinterpret_cast<const nlmsghdr*>(answer);
  if (header->nlmsg_type != NLMSG_ERROR) return 0;
  return -static_cast<const nlmsgerr*>(NLMSG_DATA(header))->error;
}

int AskNftables() {
  struct {
    nlmsghdr header;
    nfgenmsg message;
  } request = {};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  return Ask(NETLINK_NETFILTER, &request, sizeof request);
}

// Makes a link of `kind` with default values.
int MakeLink(const char* kind) {
  struct {
    nlmsghdr header;
    ifinfomsg link;
    rtattr info;
    rtattr info_kind;
    char kind[16];
  } request = {};
  const size_t length = strlen(kind) + 1;
  memcpy(request.kind, kind, length);
  request.info_kind.rta_type = IFLA_INFO_KIND;
  request.info_kind.rta_len = static_cast<uint16_t>(RTA_LENGTH(length));
  request.info.rta_type = IFLA_LINKINFO;
  request.info.rta_len = static_cast<uint16_t>(RTA_LENGTH(RTA_SPACE(length)));
  request.header.nlmsg_len = static_cast<uint32_t>(
      NLMSG_SPACE(sizeof(ifinfomsg)) + RTA_LENGTH(RTA_SPACE(length)));
  request.header.nlmsg_type = RTM_NEWLINK;
  request.header.nlmsg_flags =
      NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK;
  return Ask(NETLINK_ROUTE, &request, request.header.nlmsg_len);
}

// `question` in a child with a network namespace of its own; its errno, or
// that of the unshare.
int InOwnNamespace(int (*question)()) {
  const pid_t child = fork();
  if (child == 0) {
    if (unshare(CLONE_NEWNET) != 0) _exit(errno);
    _exit(question());
  }
  int status = 0;
  if (child < 0) return errno;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

Finding OfErrno(const char* subject, int error, const char* module) {
  if (error == 0) return {Verdict::kGood, subject, "there", ""};
  return {Verdict::kMissing, subject, strerror(error),
          absl::StrCat("modprobe ", module,
                       " (or run coracle where it may make networks)")};
}

bool PortIsFree(int port) {
  const runtime::UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  return bind(fd.get(), reinterpret_cast<sockaddr*>(&address),
              sizeof address) == 0;
}

}  // namespace

std::vector<Finding> ProbeNetwork(bool cni) {
  std::vector<Finding> findings = {
      OfErrno("bridge", InOwnNamespace([] { return MakeLink("bridge"); }),
              "bridge"),
      OfErrno("veth", InOwnNamespace([] { return MakeLink("veth"); }), "veth"),
      CheckNftables(InOwnNamespace(AskNftables), cni)};
  const std::string forward =
      runtime::ReadFile("/proc/sys/net/ipv4/ip_forward").value_or("");
  if (forward.substr(0, 1) != "1") {
    findings.push_back({Verdict::kLimited, "IP forwarding", "off",
                        "sysctl -w net.ipv4.ip_forward=1 (coracle does it when "
                        "it makes its bridge)"});
  }
  for (const int port : {10250, 10248}) {
    if (PortIsFree(port)) continue;
    findings.push_back(
        {Verdict::kLimited, absl::StrCat("port ", port), "taken",
         "fine if a node runs here already; else end who listens there"});
  }
  return findings;
}

}  // namespace agent::command
