// SPDX-License-Identifier: Apache-2.0
#include "agent/join/serving.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/join/bootstrap.h"
#include "agent/join/csr.h"
#include "agent/join/pki.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace agent::join {
namespace {

using runtime::Durability;

constexpr absl::Duration kLifetime = absl::Hours(24 * 365);

std::string ClusterSigned(const config::Paths& paths) {
  return paths.pki_dir + "/kubelet-server-current.pem";
}

absl::Status Covers(const std::string& pem, const std::string& node_name,
                    const std::vector<std::string>& ips) {
  ASSIGN_OR_RETURN(const Certificate cert, ParseCertificate(pem));
  if (cert.not_after <= absl::Now()) return absl::NotFoundError("expired");
  const auto has = [](const std::vector<std::string>& list,
                      const std::string& name) {
    return std::find(list.begin(), list.end(), name) != list.end();
  };
  bool all = has(cert.dns, node_name);
  for (const std::string& ip : ips) all &= has(cert.ips, ip);
  return all ? absl::OkStatus() : absl::NotFoundError("lacks a name");
}

}  // namespace

absl::StatusOr<ServingFiles> SelfSignedServing(
    const config::Paths& paths, const std::string& node_name,
    const std::vector<std::string>& ips) {
  const ServingFiles files = {paths.pki_dir + "/kubelet.crt",
                              paths.pki_dir + "/kubelet.key"};
  const auto existing = runtime::ReadFile(files.cert_file);
  if (existing.ok() && Covers(*existing, node_name, ips).ok() &&
      runtime::Exists(files.key_file)) {
    return files;
  }
  ASSIGN_OR_RETURN(const std::string key, NewKey());
  ASSIGN_OR_RETURN(const std::string cert,
                   NewSelfSigned(key, {"", absl::StrCat(node_name, "@coracle")},
                                 {{node_name}, ips}, kLifetime));
  RETURN_IF_ERROR(runtime::MakeDirs(paths.pki_dir, 0755));
  RETURN_IF_ERROR(runtime::WriteFileAtomic(files.key_file, key, 0600,
                                           Durability::kPowerLoss));
  RETURN_IF_ERROR(runtime::WriteFileAtomic(files.cert_file, cert, 0644,
                                           Durability::kPowerLoss));
  return files;
}

ServingFiles ServingPath(const config::Paths& paths) {
  return {ClusterSigned(paths), ClusterSigned(paths)};
}

absl::StatusOr<ServingFiles> CurrentServing(
    const config::Paths& paths, const std::string& node_name,
    const std::vector<std::string>& ips) {
  const std::string path = ClusterSigned(paths);
  ASSIGN_OR_RETURN(const std::string pem, runtime::ReadFile(path));
  RETURN_IF_ERROR(runtime::Annotate(Covers(pem, node_name, ips), path));
  return ServingPath(paths);
}

absl::StatusOr<ServingFiles> RequestServing(const config::Paths& paths,
                                            const std::string& node_name,
                                            const std::vector<std::string>& ips,
                                            api::Client& client,
                                            absl::Duration wait,
                                            const api::CancelToken& cancel) {
  CsrRequest request;
  request.signer = kServingSigner;
  request.usage = "server auth";
  request.subject = NodeSubject(node_name);
  request.alt_names = {{node_name}, ips};
  request.wait = wait;
  ASSIGN_OR_RETURN(request.key_pem, NewKey());
  ASSIGN_OR_RETURN(const std::string cert,
                   RequestCertificate(client, request, cancel));
  const std::string path = ClusterSigned(paths);
  RETURN_IF_ERROR(runtime::MakeDirs(paths.pki_dir, 0755));
  RETURN_IF_ERROR(runtime::WriteFileAtomic(
      path, absl::StrCat(cert, request.key_pem), 0600, Durability::kPowerLoss));
  return ServingPath(paths);
}

absl::Time ServingRenewalTime(const ServingFiles& files, double random) {
  const auto pem = runtime::ReadFile(files.cert_file);
  if (!pem.ok()) return absl::InfinitePast();
  const auto cert = ParseCertificate(*pem);
  if (!cert.ok()) return absl::InfinitePast();
  return RenewalTime(cert->not_before, cert->not_after, random);
}

}  // namespace agent::join
