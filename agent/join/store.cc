// SPDX-License-Identifier: Apache-2.0
#include "agent/join/store.h"

#include <unistd.h>

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "agent/api/kubeconfig.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace agent::join {
namespace {

using runtime::Durability;

std::string PendingKeyPath(const config::Paths& paths) {
  return paths.pki_dir + "/kubelet-client.key.tmp";
}

}  // namespace

absl::StatusOr<std::string> PendingKey(const config::Paths& paths) {
  const std::string path = PendingKeyPath(paths);
  if (auto text = runtime::ReadFile(path); text.ok()) {
    if (auto key = KeyOf(*text); key.ok()) return key;
  }
  ASSIGN_OR_RETURN(const std::string key, NewKey());
  RETURN_IF_ERROR(runtime::MakeDirs(paths.pki_dir, 0755));
  RETURN_IF_ERROR(
      runtime::WriteFileAtomic(path, key, 0600, Durability::kPowerLoss));
  return key;
}

absl::Status StoreClientCertificate(const config::Paths& paths,
                                    const std::string& cert_pem,
                                    const std::string& key_pem) {
  const std::string name = absl::StrCat(
      "kubelet-client-",
      absl::FormatTime("%Y-%m-%d-%H-%M-%S", absl::Now(), absl::UTCTimeZone()),
      ".pem");
  RETURN_IF_ERROR(runtime::MakeDirs(paths.pki_dir, 0755));
  RETURN_IF_ERROR(runtime::WriteFileAtomic(
      absl::StrCat(paths.pki_dir, "/", name), absl::StrCat(cert_pem, key_pem),
      0600, Durability::kPowerLoss));
  const std::string link = paths.client_cert + ".tmp";
  unlink(link.c_str());
  if (symlink(name.c_str(), link.c_str()) != 0) {
    return runtime::ErrnoStatus(absl::StrCat("symlink ", link));
  }
  if (rename(link.c_str(), paths.client_cert.c_str()) != 0) {
    return runtime::ErrnoStatus(absl::StrCat("rename ", link));
  }
  unlink(PendingKeyPath(paths).c_str());
  return absl::OkStatus();
}

absl::StatusOr<Certificate> CurrentClientCertificate(
    const config::Paths& paths) {
  ASSIGN_OR_RETURN(const std::string pem, runtime::ReadFile(paths.client_cert));
  auto cert = ParseCertificate(pem);
  if (!cert.ok()) return runtime::Annotate(cert.status(), paths.client_cert);
  return cert;
}

absl::Status WriteKubeconfig(const config::Paths& paths,
                             const std::string& server,
                             const std::string& ca_pem) {
  api::ClientConfig config;
  config.server = server;
  config.ca_pem = ca_pem;
  config.client_cert_file = config.client_key_file = paths.client_cert;
  RETURN_IF_ERROR(runtime::MakeDirs(
      paths.kubeconfig.substr(0, paths.kubeconfig.rfind('/')), 0755));
  return runtime::WriteFileAtomic(
      paths.kubeconfig,
      api::FormatKubeconfig(config, "default-cluster", "default-auth"), 0600,
      Durability::kPowerLoss);
}

}  // namespace agent::join
