// SPDX-License-Identifier: Apache-2.0
// The network by CNI plugins. States and files: README.md.
#include "cri/network/cni/cni.h"

#include <linux/netlink.h>

#include <optional>
#include <set>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "cri/network/cni/attached.h"
#include "cri/network/cni/attachment.h"
#include "cri/network/cni/chain.h"
#include "cri/network/cni/conf_dir.h"
#include "cri/network/cni/dir_watch.h"
#include "cri/network/cni/leftovers.h"
#include "cri/network/cni/netns_pin.h"
#include "cri/network/cni/plugin/builtin.h"
#include "cri/network/cni/pod_cidrs.h"
#include "cri/network/cni/pod_ports.h"
#include "cri/network/cni/programs.h"
#include "cri/network/cni/request.h"
#include "cri/network/cni/turns.h"
#include "cri/network/link.h"
#include "cri/network/netlink.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace cri::network {
namespace {

using cni::Attachment;
using cni::Chain;
using cni::NetworkConf;
using cni::Result;

constexpr char kNotReady[] = "NetworkPluginNotReady";
constexpr char kIfName[] = "eth0";
// Of VERSION, STATUS, CHECK.
constexpr absl::Duration kProbeTime = absl::Seconds(10);

class CniNetwork : public Network {
 public:
  explicit CniNetwork(const CniOptions& options);

  Readiness Ready() override;
  void SetListener(Listener listener) override;
  absl::Status SetPodCidr(const std::string& cidr) override {
    return pod_cidrs_.Set(cidr);
  }
  absl::StatusOr<PodAddresses> Setup(const PodNetwork& pod) override;
  absl::Status SetupLoopback(int netns_fd) override;
  absl::Status Teardown(const PodNetwork& pod) override;
  std::optional<absl::Status> Check(const std::string& sandbox_id) override;
  std::vector<std::string> Recover(
      const std::vector<PodNetwork>& living) override;
  void Expect(const PodNetwork& pod) override { turns_.ExpectDel(pod); }
  void PutOff(const std::string& id) override { turns_.EndDel(id); }
  void Collect() override;
  void Stop() override;

 private:
  using ConfPtr = std::shared_ptr<const NetworkConf>;
  // With `again` only if the last try failed. Runs a GC that was put off.
  void Reload(bool again) ABSL_LOCKS_EXCLUDED(reloading_, mutex_);
  // Whether GC is due now.
  bool Replace(bool again) ABSL_LOCKS_EXCLUDED(reloading_, mutex_);
  // With a configuration in force; then lets others have their turn.
  void RunGc() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<ConfPtr> LoadConf();
  // The configuration, after another try if the last one failed.
  absl::StatusOr<ConfPtr> GetConf() ABSL_LOCKS_EXCLUDED(mutex_);
  Readiness Current() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<Attachment> Describe(const NetworkConf& conf,
                                      const PodNetwork& pod);
  // All or nothing.
  absl::StatusOr<PodAddresses> AttachNew(const NetworkConf& conf,
                                         const PodNetwork& pod);
  absl::Status Attach(const NetworkConf& conf, int netns_fd,
                      Attachment& attachment, PodAddresses& addresses);
  absl::Status Detach(Attachment attachment) {
    return cni::Detach(attachments_, runner_of_, Deadline(),
                       std::move(attachment));
  }
  absl::Status DetachAll(const PodNetwork& pod);
  std::string PinOf(const std::string& sandbox_id) const {
    return absl::StrCat(options_.netns_dir, "/", sandbox_id);
  }
  absl::Status InProcess(const NetworkConf& conf) const {
    if (options_.in_process) return cni::Builtin::Understands(conf);
    return absl::FailedPreconditionError("cni_in_process is false");
  }
  absl::Time Deadline() const { return absl::Now() + options_.timeout; }

  const CniOptions options_;
  const cni::Attachments attachments_;
  cni::PodCidrs pod_cidrs_;
  cni::Programs programs_;
  cni::Builtin builtin_;
  const cni::RunnerOf runner_of_ =
      [this](const NetworkConf& conf) -> cni::Plugins& {
    if (InProcess(conf).ok()) return builtin_;
    return programs_;
  };
  cni::Turns turns_;
  cni::PodPorts ports_;
  absl::Mutex reloading_;  // one at a time; before mutex_
  absl::Mutex mutex_;
  absl::StatusOr<ConfPtr> conf_ ABSL_GUARDED_BY(mutex_);
  Listener listener_ ABSL_GUARDED_BY(mutex_);
  // Who lived at the start, until GC was told.
  std::optional<std::set<std::string>> living_ ABSL_GUARDED_BY(mutex_);
  bool gc_put_off_ ABSL_GUARDED_BY(mutex_) = false;  // there was no list
  std::unique_ptr<cni::DirWatch> watch_;             // last: it calls Reload
};

CniNetwork::CniNetwork(const CniOptions& options)
    : options_(options),
      attachments_(options.cache_dir, options.owner),
      pod_cidrs_(options.state_dir, options.pod_cidr),
      programs_(options.bin_dirs),
      conf_(absl::UnavailableError("not read yet")) {
  std::vector<std::string> dirs = options.bin_dirs;
  dirs.push_back(options.conf_dir);
  // The first time is its thread's too: a plugin may hang when it is asked for
  // its version.
  watch_ = std::make_unique<cni::DirWatch>(std::move(dirs),
                                           [this] { Reload(false); });
  if (!watch_->status().ok()) {
    runtime::log::Error("cni: changes in ", options.conf_dir,
                        " go unnoticed: ", watch_->status().message());
  }
}

absl::StatusOr<CniNetwork::ConfPtr> CniNetwork::LoadConf() {
  ASSIGN_OR_RETURN(NetworkConf conf, cni::LoadConfDir(options_.conf_dir));
  RETURN_IF_ERROR(
      Chain(conf, runner_of_(conf), absl::Now() + kProbeTime).Version());
  return std::make_shared<const NetworkConf>(std::move(conf));
}

void CniNetwork::Reload(bool again) {
  if (Replace(again)) RunGc();
}

bool CniNetwork::Replace(bool again) {
  absl::MutexLock serial(&reloading_);
  if (again) {
    absl::MutexLock lock(&mutex_);
    if (conf_.ok()) return false;
  }
  absl::StatusOr<ConfPtr> loaded = LoadConf();
  Listener tell;
  Readiness now;
  bool changed = false, gc_due = false;
  {
    absl::MutexLock lock(&mutex_);
    const Readiness before = Current();
    changed = loaded.ok() && (!conf_.ok() || (*conf_)->text != (*loaded)->text);
    conf_ = std::move(loaded);
    now = Current();
    if (!(now == before)) tell = listener_;
    loaded = conf_;
    gc_due = conf_.ok() && std::exchange(gc_put_off_, false);
    // Nobody who sees the new list may be quicker.
    if (gc_due) turns_.BeginGc();
  }
  if (changed) {
    const NetworkConf& conf = **loaded;
    const absl::Status here = InProcess(conf);
    runtime::log::Info(
        "cni: network ", conf.name, " (CNI ", conf.version, "), plugins run ",
        here.ok() ? "in this process" : "as programs: ", here.message());
    ports_.Begin(conf);
  }
  if (tell) tell(now);
  return gc_due;
}

Readiness CniNetwork::Current() const {
  if (conf_.ok()) return {true, "", ""};
  return {false, kNotReady, std::string(conf_.status().message())};
}

void CniNetwork::SetListener(Listener listener) {
  absl::MutexLock lock(&mutex_);
  listener_ = std::move(listener);
}

absl::StatusOr<CniNetwork::ConfPtr> CniNetwork::GetConf() {
  {
    absl::MutexLock lock(&mutex_);
    if (conf_.ok()) return conf_;
  }
  // What was wrong may be well again, of which no file tells.
  Reload(true);
  absl::MutexLock lock(&mutex_);
  return conf_;
}

Readiness CniNetwork::Ready() {
  const absl::StatusOr<ConfPtr> conf = GetConf();
  absl::Status status = conf.status();
  if (status.ok()) {
    status =
        Chain(**conf, runner_of_(**conf), absl::Now() + kProbeTime).Status();
  }
  if (status.ok()) return {true, "", ports_.Lacks()};
  return {false, kNotReady, std::string(status.message())};
}

absl::StatusOr<Attachment> CniNetwork::Describe(const NetworkConf& conf,
                                                const PodNetwork& pod) {
  if (!cni::IsName(pod.sandbox_id)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", pod.sandbox_id, "\" is not a sandbox ID"));
  }
  Attachment attachment;
  attachment.network = conf.name;
  attachment.container_id = pod.sandbox_id;
  attachment.ifname = kIfName;
  attachment.netns = PinOf(pod.sandbox_id);
  attachment.config = conf.text;
  ASSIGN_OR_RETURN(attachment.args, cni::CniArgs(pod));
  ASSIGN_OR_RETURN(attachment.capabilities,
                   cni::Capabilities(pod, pod_cidrs_.Get()));
  return attachment;
}

absl::StatusOr<PodAddresses> CniNetwork::Setup(const PodNetwork& pod) {
  // A GC that was put off comes with the first list.
  GetConf().status().IgnoreError();
  RETURN_IF_ERROR(turns_.AwaitAdd(pod));
  const absl::StatusOr<ConfPtr> conf = GetConf();
  if (!conf.ok()) {
    return absl::UnavailableError(absl::StrCat("the pod network is not ready: ",
                                               conf.status().message()));
  }
  ASSIGN_OR_RETURN(const cni::Attachments::Listing known,
                   attachments_.Find(pod.sandbox_id));
  for (const Attachment& attachment : known.all) {
    // Complete, so this is a repeated call.
    if (!attachment.result.is_null() && cni::IsPinned(attachment.netns)) {
      ASSIGN_OR_RETURN(const Result result,
                       cni::ParseResult(attachment.result, ""));
      return PodAddresses{cni::PodIps(result, attachment.ifname)};
    }
    RETURN_IF_ERROR(Detach(attachment));
  }
  return AttachNew(**conf, pod);
}

absl::StatusOr<PodAddresses> CniNetwork::AttachNew(const NetworkConf& conf,
                                                   const PodNetwork& pod) {
  ASSIGN_OR_RETURN(Attachment attachment, Describe(conf, pod));
  RETURN_IF_ERROR(ports_.Take(conf, pod_cidrs_.Get(), pod));
  PodAddresses addresses;
  const absl::Status attached =
      Attach(conf, pod.netns_fd, attachment, addresses);
  if (attached.ok()) return addresses;
  // The spec wants a DEL after a failed ADD.
  const absl::Status undone = Detach(attachment);
  if (undone.ok()) {
    ports_.Free(pod.sandbox_id);
  } else {
    runtime::log::Warning("cni: undo for sandbox ", pod.sandbox_id, ": ",
                          undone.message());
  }
  return attached;
}

absl::Status CniNetwork::Attach(const NetworkConf& conf, int netns_fd,
                                Attachment& attachment,
                                PodAddresses& addresses) {
  // On disk first: whatever happens now, somebody will know what to undo.
  RETURN_IF_ERROR(attachments_.Save(attachment));
  RETURN_IF_ERROR(cni::PinNetns(attachment.netns, netns_fd));
  RETURN_IF_ERROR(SetupLoopback(netns_fd));
  Chain chain(conf, runner_of_(conf), Deadline());
  ASSIGN_OR_RETURN(const Result result, chain.Add(attachment));
  addresses.ips = cni::PodIps(result, attachment.ifname);
  if (addresses.ips.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "network ", conf.name, ": the plugins' result has no address for ",
        attachment.ifname));
  }
  attachment.result = cni::PrintResult(result, conf.version);
  RETURN_IF_ERROR(attachments_.Save(attachment));
  runtime::log::Info("cni: ADD of sandbox ", attachment.container_id,
                     " to network ", conf.name, ": ", chain.Timings());
  return absl::OkStatus();
}

std::optional<absl::Status> CniNetwork::Check(const std::string& sandbox_id) {
  return cni::CheckAttached(attachments_, runner_of_, absl::Now() + kProbeTime,
                            sandbox_id);
}

absl::Status CniNetwork::SetupLoopback(int netns_fd) {
  ASSIGN_OR_RETURN(Socket pod, Socket::OpenIn(netns_fd, NETLINK_ROUTE));
  return LoopbackUp(pod);
}

absl::Status CniNetwork::Teardown(const PodNetwork& pod) {
  RETURN_IF_ERROR(turns_.AwaitDel());
  const absl::Status done = DetachAll(pod);
  if (done.ok()) ports_.Free(pod.sandbox_id);
  turns_.EndDel(pod.sandbox_id);
  return done;
}

absl::Status CniNetwork::DetachAll(const PodNetwork& pod) {
  ASSIGN_OR_RETURN(const cni::Attachments::Listing known,
                   attachments_.Find(pod.sandbox_id));
  for (const Attachment& attachment : known.all) {
    RETURN_IF_ERROR(Detach(attachment));
  }
  for (const std::string& name : known.unreadable) {
    // Which configuration it was is lost: the present one is the best guess.
    ASSIGN_OR_RETURN(const ConfPtr conf, GetConf());
    ASSIGN_OR_RETURN(Attachment attachment, Describe(*conf, pod));
    RETURN_IF_ERROR(Detach(std::move(attachment)));
    RETURN_IF_ERROR(attachments_.RemoveUnreadable(name));
  }
  return attachments_.RemoveHalves(pod.sandbox_id);
}

std::vector<std::string> CniNetwork::Recover(
    const std::vector<PodNetwork>& living) {
  std::set<std::string> living_ids;
  for (const PodNetwork& pod : living) living_ids.insert(pod.sandbox_id);
  absl::StatusOr<cni::Attachments::Listing> listing = attachments_.List();
  if (!listing.ok()) {
    runtime::log::Error("cni: recover: ", listing.status().message());
    ports_.Restore(living);
    return {};
  }
  cni::Leftovers left = cni::FindLeftovers(attachments_, *listing, living_ids,
                                           options_.netns_dir);
  const auto pods = cni::WithPortsHeld(*listing, living, left);
  ports_.Restore(pods);
  turns_.Begin(pods);
  absl::MutexLock lock(&mutex_);
  living_ = std::move(living_ids);
  return {left.ids.begin(), left.ids.end()};
}

void CniNetwork::Collect() {
  GetConf().status().IgnoreError();  // another try, if it is none yet
  {
    absl::MutexLock lock(&mutex_);
    if (!conf_.ok()) {
      gc_put_off_ = true;
      return turns_.EndGc();
    }
  }
  RunGc();
}

// Whatever has a record is valid: it goes by its DEL, which is tried until it
// succeeds, and its address must not be given to others before.
void CniNetwork::RunGc() {
  const absl::Cleanup done = [this] { turns_.EndGc(); };
  std::optional<std::set<std::string>> living;
  absl::StatusOr<ConfPtr> conf;
  {
    absl::MutexLock lock(&mutex_);
    living = std::exchange(living_, std::nullopt);
    conf = conf_;
  }
  if (!living.has_value() || !conf.ok()) return;
  absl::StatusOr<cni::Attachments::Listing> valid = attachments_.List();
  absl::Status collected = valid.status();
  if (valid.ok()) {
    cni::AddLost((*conf)->name, kIfName, valid->unreadable, *std::move(living),
                 &valid->all);
    collected = Chain(**conf, runner_of_(**conf), Deadline()).Gc(valid->all);
  }
  if (!collected.ok()) runtime::log::Warning("cni: ", collected.message());
}

void CniNetwork::Stop() {
  turns_.Stop();
  programs_.Stop();
  builtin_.Stop();
}

}  // namespace

std::unique_ptr<Network> MakeCniNetwork(const CniOptions& options) {
  return std::make_unique<CniNetwork>(options);
}

}  // namespace cri::network
