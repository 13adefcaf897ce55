// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/attached.h"

#include "absl/strings/str_cat.h"
#include "cri/network/cni/chain.h"
#include "cri/network/cni/netns_pin.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace cri::network::cni {

absl::Status Detach(const Attachments& attachments, const RunnerOf& runner_of,
                    absl::Time deadline, Attachment attachment) {
  ASSIGN_OR_RETURN(const NetworkConf conf, ParseConf(attachment.config));
  const std::string netns = attachment.netns;
  if (!IsPinned(netns)) attachment.netns.clear();
  Chain chain(conf, runner_of(conf), deadline);
  RETURN_IF_ERROR(chain.Del(attachment));
  RETURN_IF_ERROR(UnpinNetns(netns));
  RETURN_IF_ERROR(attachments.Remove(attachment));
  runtime::log::Info("cni: DEL of sandbox ", attachment.container_id,
                     " from network ", conf.name, ": ", chain.Timings());
  return absl::OkStatus();
}

namespace {

// Nothing if its list has no CHECK.
std::optional<absl::Status> CheckOne(const Attachment& attachment,
                                     const RunnerOf& runner_of,
                                     absl::Time deadline) {
  const absl::StatusOr<NetworkConf> conf = ParseConf(attachment.config);
  if (!conf.ok()) return conf.status();
  if (!HasCheck(*conf)) return std::nullopt;
  if (IsPinned(attachment.netns)) {
    return Chain(*conf, runner_of(*conf), deadline).Check(attachment);
  }
  return absl::FailedPreconditionError(
      absl::StrCat("network ", attachment.network, ": ", attachment.netns,
                   ", the name of the pod's network namespace, is gone"));
}

}  // namespace

std::optional<absl::Status> CheckAttached(const Attachments& attachments,
                                          const RunnerOf& runner_of,
                                          absl::Time deadline,
                                          const std::string& sandbox_id) {
  const absl::StatusOr<Attachments::Listing> known =
      attachments.Find(sandbox_id);
  if (!known.ok()) return known.status();
  std::optional<absl::Status> result;
  bool complete = false;
  for (const Attachment& attachment : known->all) {
    if (attachment.result.is_null()) continue;
    complete = true;
    std::optional<absl::Status> one = CheckOne(attachment, runner_of, deadline);
    if (one.has_value()) result = *std::move(one);
    if (result.has_value() && !result->ok()) break;
  }
  if (complete) return result;
  return absl::NotFoundError("the record of the pod's attachment is gone");
}

}  // namespace cri::network::cni
