// SPDX-License-Identifier: Apache-2.0
// The operations on a network (CNI spec, section 3): each runs the plugins of a
// list with the request that is derived for them.
#ifndef CORACLE_CRI_NETWORK_CNI_CHAIN_H_
#define CORACLE_CRI_NETWORK_CNI_CHAIN_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cri/network/cni/attachment.h"
#include "cri/network/cni/spec/call.h"
#include "cri/network/cni/spec/conf.h"
#include "cri/network/cni/spec/result.h"

namespace cri::network::cni {

// Whether a list has CHECK: it is not older, and wants it.
bool HasCheck(const NetworkConf& conf);

// A network's plugins and who runs them. Not thread safe; cheap to make, one
// for each operation. Errors name network, plugin and command.
class Chain {
 public:
  // Both must outlive it. Each plugin has until `deadline`.
  Chain(const NetworkConf& conf, Plugins& plugins, absl::Time deadline);

  // Result of the last plugin. The plugins that ran are not undone.
  absl::StatusOr<Result> Add(const Attachment& attachment);
  // All plugins from last to first, each with the result of the ADD if the
  // attachment has it. Ends with the first that fails.
  absl::Status Del(const Attachment& attachment);
  // OK without asking unless HasCheck.
  absl::Status Check(const Attachment& attachment);
  // Whether the plugins can serve ADD; OK for lists older than STATUS.
  absl::Status Status();
  // Tells the plugins which attachments are still valid; all of them run, the
  // first failure is returned. OK for lists older than GC or without it.
  absl::Status Gc(const std::vector<Attachment>& valid);
  // Whether each plugin, also for addresses, is there and speaks the list's
  // version. FAILED_PRECONDITION otherwise.
  absl::Status Version();

  // "ptp 3.1 ms, portmap 0.4 ms": the plugins that ran and what they took.
  std::string Timings() const;

 private:
  absl::StatusOr<runtime::Json> Run(Command command, const PluginConf& plugin,
                                    runtime::Json request,
                                    const Attachment& attachment);
  runtime::Json Request(const PluginConf& plugin) const;
  runtime::Json Request(const PluginConf& plugin, const Attachment& attachment,
                        const runtime::Json& previous) const;
  // The attachment's result as this list's version has it; null without one.
  absl::StatusOr<runtime::Json> Previous(const Attachment& attachment) const;
  absl::Status CheckVersion(const std::string& type);

  const NetworkConf& conf_;
  Plugins& plugins_;
  const absl::Time deadline_;
  std::vector<std::string> timings_;
};

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_CHAIN_H_
