// SPDX-License-Identifier: Apache-2.0
#include "agent/command/certificates.h"

#include <pthread.h>

#include <algorithm>
#include <random>
#include <utility>

#include "absl/time/clock.h"
#include "agent/join/bootstrap.h"
#include "agent/join/store.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace agent::command {
namespace {

constexpr absl::Duration kFirstBackoff = absl::Seconds(10);
constexpr absl::Duration kMaxBackoff = absl::Minutes(10);
constexpr absl::Duration kServingWait = absl::Minutes(15);

double Random() {
  std::random_device device;
  return std::uniform_real_distribution<double>(0, 1)(device);
}

}  // namespace

Certificates::Certificates(const Settings* settings, api::HttpClient* client)
    : settings_(settings), client_(client) {}

Certificates::~Certificates() { Stop(); }

absl::StatusOr<join::ServingFiles> Certificates::Serving(
    const Settings& settings) {
  const config::KubeletConfig& kubelet = settings.kubelet;
  if (!kubelet.tls_cert_file.empty()) {
    return join::ServingFiles{kubelet.tls_cert_file,
                              kubelet.tls_private_key_file};
  }
  if (kubelet.server_tls_bootstrap) {
    return join::ServingPath(settings.paths);
  }
  return join::SelfSignedServing(settings.paths, settings.node_name,
                                 settings.node_ips);
}

void Certificates::Start() {
  const config::KubeletConfig& kubelet = settings_->kubelet;
  if (kubelet.rotate_certificates) {
    client_thread_ = std::thread([this] { RenewClient(); });
  }
  if (kubelet.server_tls_bootstrap && kubelet.tls_cert_file.empty()) {
    serving_thread_ = std::thread([this] { RequestServing(); });
  }
}

void Certificates::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
  }
  cancel_.Cancel();
  if (client_thread_.joinable()) client_thread_.join();
  if (serving_thread_.joinable()) serving_thread_.join();
}

bool Certificates::SleepUntil(absl::Time time) {
  absl::MutexLock lock(&mutex_);
  return !mutex_.AwaitWithDeadline(absl::Condition(&stopped_), time);
}

void Certificates::RenewClient() {
  pthread_setname_np(pthread_self(), "client-cert");
  absl::Duration backoff = kFirstBackoff;
  while (true) {
    const auto current = join::CurrentClientCertificate(settings_->paths);
    if (!current.ok()) return;  // credentials of another making
    const absl::Time when =
        join::RenewalTime(current->not_before, current->not_after, Random());
    if (!SleepUntil(when)) return;
    const absl::Status status = join::RenewClientCertificate(
        settings_->paths, settings_->node_name, *client_, cancel_);
    if (status.ok()) {
      // Open connections would keep the old identity until it expires.
      client_->ReloadCredentials();
      runtime::log::Info("client certificate is renewed");
      backoff = kFirstBackoff;
      continue;
    }
    if (cancel_.cancelled()) return;
    runtime::log::Warning("client certificate is not renewed, trying on: ",
                          status.message());
    if (!SleepUntil(absl::Now() + backoff)) return;
    backoff = std::min(backoff * 2, kMaxBackoff);
  }
}

void Certificates::RequestServing() {
  pthread_setname_np(pthread_self(), "serving-cert");
  const Settings& s = *settings_;
  absl::Time when = absl::InfinitePast();
  absl::Duration backoff = kFirstBackoff;
  while (true) {
    const auto current = join::CurrentServing(s.paths, s.node_name, s.node_ips);
    if (current.ok()) {
      when = join::ServingRenewalTime(*current, Random());
    }
    if (!SleepUntil(when)) return;
    const auto files = join::RequestServing(s.paths, s.node_name, s.node_ips,
                                            *client_, kServingWait, cancel_);
    if (cancel_.cancelled()) return;
    if (files.ok()) {
      runtime::log::Info("the cluster has signed the serving certificate");
      backoff = kFirstBackoff;
      continue;
    }
    runtime::log::Warning("no serving certificate yet: ",
                          files.status().message());
    if (!SleepUntil(absl::Now() + backoff)) return;
    backoff = std::min(backoff * 2, kMaxBackoff);
  }
}

}  // namespace agent::command
