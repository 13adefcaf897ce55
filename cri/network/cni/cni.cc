// SPDX-License-Identifier: Apache-2.0
// The network by CNI plugins. States and files: README.md.
#include "cri/network/cni/cni.h"

#include <linux/netlink.h>

#include <set>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "cri/network/cni/attachment.h"
#include "cri/network/cni/chain.h"
#include "cri/network/cni/conf_dir.h"
#include "cri/network/cni/netns_pin.h"
#include "cri/network/cni/plugin/builtin.h"
#include "cri/network/cni/programs.h"
#include "cri/network/cni/request.h"
#include "cri/network/cni/spec/address.h"
#include "cri/network/link.h"
#include "cri/network/netlink.h"
#include "runtime/base/file.h"
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
constexpr size_t kMaxCidrBytes = 256;
constexpr absl::Duration kProbeTime = absl::Seconds(10);  // VERSION, STATUS

// "10.244.1.0/24,fd00:1::/64"
absl::StatusOr<std::vector<std::string>> ParseCidrs(const std::string& text) {
  std::vector<std::string> cidrs;
  for (absl::string_view part : absl::StrSplit(text, ',')) {
    part = absl::StripAsciiWhitespace(part);
    ASSIGN_OR_RETURN(const cni::IpNet net, cni::IpNet::Parse(part));
    cidrs.push_back(net.ToString());
  }
  return cidrs;
}

class CniNetwork : public Network {
 public:
  explicit CniNetwork(const CniOptions& options);

  Readiness Ready() override;
  void SetListener(Listener listener) override;
  absl::Status SetPodCidr(const std::string& cidr) override;
  absl::StatusOr<PodAddresses> Setup(const PodNetwork& pod) override;
  absl::Status SetupLoopback(int netns_fd) override;
  absl::Status Teardown(const PodNetwork& pod) override;
  void Sweep(const std::vector<PodNetwork>& living) override;

 private:
  using ConfPtr = std::shared_ptr<const NetworkConf>;

  void LoadPodCidr();
  void Reload() ABSL_LOCKS_EXCLUDED(reloading_, mutex_);
  absl::StatusOr<ConfPtr> LoadConf();
  // The configuration, after another try if the last one failed.
  absl::StatusOr<ConfPtr> GetConf() ABSL_LOCKS_EXCLUDED(mutex_);
  Readiness Current() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  // Who runs the plugins of a list.
  cni::Plugins& RunnerOf(const NetworkConf& conf);
  absl::StatusOr<Attachment> Describe(const NetworkConf& conf,
                                      const PodNetwork& pod);
  absl::Status Attach(const NetworkConf& conf, int netns_fd,
                      Attachment& attachment, PodAddresses& addresses);
  absl::Status Detach(Attachment attachment);
  void TellUnmapped(const NetworkConf& conf, const PodNetwork& pod) const;
  absl::Time Deadline() const { return absl::Now() + options_.timeout; }

  const CniOptions options_;
  const cni::Attachments attachments_;
  cni::Programs programs_;
  cni::Builtin builtin_;
  absl::Mutex reloading_;  // one at a time; before mutex_
  absl::Mutex mutex_;
  absl::StatusOr<ConfPtr> conf_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> pod_cidrs_ ABSL_GUARDED_BY(mutex_);
  Listener listener_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<cni::ConfWatch> watch_;  // last: it calls Reload
};

CniNetwork::CniNetwork(const CniOptions& options)
    : options_(options),
      attachments_(options.cache_dir, options.owner),
      programs_(options.bin_dirs),
      conf_(absl::UnavailableError("not read yet")) {
  LoadPodCidr();
  watch_ =
      std::make_unique<cni::ConfWatch>(options.conf_dir, [this] { Reload(); });
  if (!watch_->status().ok()) {
    runtime::log::Error("cni: changes in ", options.conf_dir,
                        " go unnoticed: ", watch_->status().message());
  }
  Reload();
}

// The configured one, else the last one told, as pods can start before anybody
// tells it again.
void CniNetwork::LoadPodCidr() {
  absl::StatusOr<std::string> text = options_.pod_cidr;
  if (text->empty()) {
    text = runtime::ReadFile(options_.state_dir + "/network/pod_cidr",
                             kMaxCidrBytes);
    if (absl::IsNotFound(text.status())) return;
  }
  const absl::Status set = text.ok() ? SetPodCidr(*text) : text.status();
  if (!set.ok()) runtime::log::Error("cni: pod CIDR: ", set.message());
}

absl::Status CniNetwork::SetPodCidr(const std::string& text) {
  ASSIGN_OR_RETURN(std::vector<std::string> cidrs, ParseCidrs(text));
  {
    absl::MutexLock lock(&mutex_);
    if (pod_cidrs_ == cidrs) return absl::OkStatus();
    pod_cidrs_ = std::move(cidrs);
  }
  const std::string dir = options_.state_dir + "/network";
  RETURN_IF_ERROR(runtime::MakeDirs(dir, 0700));
  return runtime::WriteFileAtomic(
      dir + "/pod_cidr", absl::StrCat(absl::StripAsciiWhitespace(text), "\n"));
}

cni::Plugins& CniNetwork::RunnerOf(const NetworkConf& conf) {
  if (options_.in_process && cni::Builtin::Understands(conf).ok()) {
    return builtin_;
  }
  return programs_;
}

absl::StatusOr<CniNetwork::ConfPtr> CniNetwork::LoadConf() {
  ASSIGN_OR_RETURN(NetworkConf conf, cni::LoadConfDir(options_.conf_dir));
  RETURN_IF_ERROR(
      Chain(conf, RunnerOf(conf), absl::Now() + kProbeTime).Version());
  return std::make_shared<const NetworkConf>(std::move(conf));
}

void CniNetwork::Reload() {
  absl::MutexLock serial(&reloading_);
  absl::StatusOr<ConfPtr> loaded = LoadConf();
  Listener tell;
  Readiness now;
  bool changed = false;
  {
    absl::MutexLock lock(&mutex_);
    const Readiness before = Current();
    changed = loaded.ok() && (!conf_.ok() || (*conf_)->text != (*loaded)->text);
    conf_ = std::move(loaded);
    now = Current();
    if (!(now == before)) tell = listener_;
    loaded = conf_;
  }
  if (changed) {
    const NetworkConf& conf = **loaded;
    const absl::Status understood = cni::Builtin::Understands(conf);
    runtime::log::Info(
        "cni: network ", conf.name, " (CNI ", conf.version, "), plugins run ",
        &RunnerOf(conf) == &builtin_ ? "in this process" : "as programs",
        understood.ok() ? "" : ": ", understood.message());
  }
  if (tell) tell(now);
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
  bool again = false;
  {
    absl::MutexLock lock(&mutex_);
    again = !conf_.ok();
  }
  // A plugin may have been installed, of which no conf file tells.
  if (again) Reload();
  absl::MutexLock lock(&mutex_);
  return conf_;
}

Readiness CniNetwork::Ready() {
  const absl::StatusOr<ConfPtr> conf = GetConf();
  if (conf.ok()) {
    const absl::Status status =
        Chain(**conf, RunnerOf(**conf), absl::Now() + kProbeTime).Status();
    if (status.ok()) return {true, "", ""};
    return {false, kNotReady, std::string(status.message())};
  }
  return {false, kNotReady, std::string(conf.status().message())};
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
  attachment.netns = absl::StrCat(options_.netns_dir, "/", pod.sandbox_id);
  attachment.config = conf.text;
  ASSIGN_OR_RETURN(attachment.args, cni::CniArgs(pod));
  std::vector<std::string> cidrs;
  {
    absl::MutexLock lock(&mutex_);
    cidrs = pod_cidrs_;
  }
  ASSIGN_OR_RETURN(attachment.capabilities, cni::Capabilities(pod, cidrs));
  return attachment;
}

// Says once per pod what no plugin was told of.
void CniNetwork::TellUnmapped(const NetworkConf& conf,
                              const PodNetwork& pod) const {
  if (pod.ports.empty() || conf.HasCapability("portMappings")) return;
  runtime::log::Info("cni: network ", conf.name,
                     " has no plugin with the capability portMappings: host "
                     "port ",
                     pod.ports.front().host_port, " of pod ", pod.pod_namespace,
                     "/", pod.name, " is left to others");
}

absl::StatusOr<PodAddresses> CniNetwork::Setup(const PodNetwork& pod) {
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
  ASSIGN_OR_RETURN(Attachment attachment, Describe(**conf, pod));
  TellUnmapped(**conf, pod);
  PodAddresses addresses;
  const absl::Status attached =
      Attach(**conf, pod.netns_fd, attachment, addresses);
  if (attached.ok()) return addresses;
  // The spec wants a DEL after a failed ADD.
  const absl::Status undone = Detach(attachment);
  if (!undone.ok()) {
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
  Chain chain(conf, RunnerOf(conf), Deadline());
  ASSIGN_OR_RETURN(const Result result, chain.Add(attachment));
  addresses.ips = cni::PodIps(result, attachment.ifname);
  if (addresses.ips.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("network ", conf.name,
                     ": the plugins' result has no "
                     "address for ",
                     attachment.ifname));
  }
  attachment.result = cni::PrintResult(result, conf.version);
  RETURN_IF_ERROR(attachments_.Save(attachment));
  runtime::log::Info("cni: ADD of sandbox ", attachment.container_id,
                     " to network ", conf.name, ": ", chain.Timings());
  return absl::OkStatus();
}

absl::Status CniNetwork::Detach(Attachment attachment) {
  ASSIGN_OR_RETURN(const NetworkConf conf, cni::ParseConf(attachment.config));
  const std::string netns = attachment.netns;
  if (!cni::IsPinned(netns)) attachment.netns.clear();
  Chain chain(conf, RunnerOf(conf), Deadline());
  RETURN_IF_ERROR(chain.Del(attachment));
  RETURN_IF_ERROR(cni::UnpinNetns(netns));
  RETURN_IF_ERROR(attachments_.Remove(attachment));
  runtime::log::Info("cni: DEL of sandbox ", attachment.container_id,
                     " from network ", conf.name, ": ", chain.Timings());
  return absl::OkStatus();
}

absl::Status CniNetwork::SetupLoopback(int netns_fd) {
  ASSIGN_OR_RETURN(Socket pod, Socket::OpenIn(netns_fd, NETLINK_ROUTE));
  return LoopbackUp(pod);
}

absl::Status CniNetwork::Teardown(const PodNetwork& pod) {
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

// Runs before anything else does, as GC must: no ADD or DEL may be under way.
void CniNetwork::Sweep(const std::vector<PodNetwork>& living) {
  std::set<std::string> ids;
  for (const PodNetwork& pod : living) ids.insert(pod.sandbox_id);
  const absl::StatusOr<cni::Attachments::Listing> found = attachments_.List();
  if (!found.ok()) {
    runtime::log::Error("cni: sweep: ", found.status().message());
    return;
  }
  std::vector<Attachment> valid;
  for (const Attachment& attachment : found->all) {
    // Those of other runtimes are theirs to end, and valid until then.
    if (!attachments_.IsOurs(attachment) ||
        ids.contains(attachment.container_id)) {
      valid.push_back(attachment);
      continue;
    }
    const absl::Status gone = Detach(attachment);
    if (gone.ok()) continue;
    runtime::log::Warning("cni: sweep of sandbox ", attachment.container_id,
                          ": ", gone.message());
  }
  const absl::StatusOr<ConfPtr> conf = GetConf();
  if (!conf.ok()) return;
  cni::AddLost((*conf)->name, kIfName, found->unreadable, std::move(ids),
               &valid);
  const absl::Status collected =
      Chain(**conf, RunnerOf(**conf), Deadline()).Gc(valid);
  if (!collected.ok()) runtime::log::Warning("cni: ", collected.message());
}

}  // namespace

std::unique_ptr<Network> MakeCniNetwork(const CniOptions& options) {
  return std::make_unique<CniNetwork>(options);
}

}  // namespace cri::network
