// SPDX-License-Identifier: Apache-2.0
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0

#include "cri/image/hosts.h"

#include <toml++/toml.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace cri::image {
namespace {

// One table of the file, with what its errors must name.
struct Section {
  const toml::table& table;
  const std::string& path;  // of the file
};

absl::Status Bad(const std::string& path, const toml::node& node,
                 absl::string_view reason) {
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": line ", node.source().begin.line, ": ", reason));
}

std::string DefaultServer(const std::string& host) {
  if (host == "docker.io") return "https://registry-1.docker.io";
  return absl::StrCat(IsLoopback(host) ? "http://" : "https://", host);
}

std::string InDirectoryOf(const std::string& file, const std::string& path) {
  if (absl::StartsWith(path, "/")) return path;
  return runtime::JoinPath(file.substr(0, file.rfind('/')), path);
}

absl::StatusOr<bool> ReadBool(const Section& section, const char* key,
                              bool fallback) {
  const toml::node* node = section.table.get(key);
  if (node == nullptr) return fallback;
  if (!node->is_boolean()) {
    return Bad(section.path, *node,
               absl::StrCat(key, ": expected true or false"));
  }
  return node->value_or(fallback);
}

// A string or an array of strings.
absl::StatusOr<std::vector<std::string>> ReadStrings(const std::string& path,
                                                     const char* key,
                                                     const toml::node& node) {
  std::vector<std::string> result;
  if (node.is_string()) return std::vector{node.value_or(std::string())};
  if (!node.is_array()) {
    return Bad(path, node,
               absl::StrCat(key, ": expected a string or an array of strings"));
  }
  for (const toml::node& item : *node.as_array()) {
    if (!item.is_string()) {
      return Bad(path, item, absl::StrCat(key, ": expected strings"));
    }
    result.push_back(item.value_or(std::string()));
  }
  return result;
}

absl::Status ReadCapabilities(const Section& section, Endpoint* endpoint) {
  const toml::node* node = section.table.get("capabilities");
  if (node == nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(auto names,
                   ReadStrings(section.path, "capabilities", *node));
  endpoint->resolve = endpoint->pull = false;
  for (const std::string& name : names) {
    if (name == "resolve") {
      endpoint->resolve = true;
    } else if (name == "pull") {
      endpoint->pull = true;
    } else if (name != "push") {
      return Bad(section.path, *node,
                 absl::StrCat("capabilities: unknown \"", name, "\""));
    }
  }
  return absl::OkStatus();
}

// "file" or ["file", …] or, for client, [["cert", "key"]].
absl::Status ReadTls(const Section& section, Endpoint* endpoint) {
  ASSIGN_OR_RETURN(endpoint->tls.skip_verify,
                   ReadBool(section, "skip_verify", false));
  if (const toml::node* node = section.table.get("ca")) {
    ASSIGN_OR_RETURN(auto files, ReadStrings(section.path, "ca", *node));
    for (const std::string& file : files) {
      endpoint->tls.ca_files.push_back(InDirectoryOf(section.path, file));
    }
  }
  const toml::node* client = section.table.get("client");
  if (client == nullptr) return absl::OkStatus();
  const toml::array* outer = client->as_array();
  const toml::node* pair = client;
  if (outer != nullptr && !outer->empty() && outer->get(0)->is_array()) {
    if (outer->size() > 1) {
      return Bad(section.path, *client, "client: more than one pair");
    }
    pair = outer->get(0);
  }
  ASSIGN_OR_RETURN(auto files, ReadStrings(section.path, "client", *pair));
  if (files.empty() || files.size() > 2) {
    return Bad(section.path, *client, "client: expected [certificate, key]");
  }
  endpoint->tls.client_cert = InDirectoryOf(section.path, files[0]);
  if (files.size() == 2) {
    endpoint->tls.client_key = InDirectoryOf(section.path, files[1]);
  }
  return absl::OkStatus();
}

absl::Status ReadHeaders(const Section& section, Endpoint* endpoint) {
  const toml::node* node = section.table.get("header");
  if (node == nullptr) return absl::OkStatus();
  if (!node->is_table()) {
    return Bad(section.path, *node, "header: expected a table");
  }
  for (const auto& [name, value] : *node->as_table()) {
    std::string key(name.str());
    ASSIGN_OR_RETURN(auto values, ReadStrings(section.path, "header", value));
    for (const std::string& text : values) {
      if (absl::StrContains(key + text, '\n') ||
          absl::StrContains(key + text, '\r')) {
        return Bad(section.path, value, "header: has a line break");
      }
      endpoint->headers.push_back(absl::StrCat(key, ": ", text));
    }
  }
  return absl::OkStatus();
}

bool HostIsOf(const std::string& endpoint_host, const std::string& host) {
  return endpoint_host == host ||
         (host == "docker.io" && endpoint_host == "registry-1.docker.io");
}

// The URL of a server or mirror; "/v2" is added unless `override_path`.
absl::Status SetUrl(std::string url, const Section& section,
                    const toml::node& where, const std::string& host,
                    Endpoint* endpoint) {
  if (!absl::StrContains(url, "://")) {
    url = absl::StrCat(
        IsLoopback(url.substr(0, url.find('/'))) ? "http://" : "https://", url);
  }
  while (absl::EndsWith(url, "/")) url.pop_back();
  absl::string_view rest = url;
  if (!absl::ConsumePrefix(&rest, "https://") &&
      !absl::ConsumePrefix(&rest, "http://")) {
    return Bad(section.path, where,
               absl::StrCat("\"", url, "\" is neither http nor https"));
  }
  endpoint->host = std::string(rest.substr(0, rest.find('/')));
  if (endpoint->host.empty() ||
      endpoint->host.find_first_of("@?# ") != std::string::npos) {
    return Bad(section.path, where, absl::StrCat("\"", url, "\" is not a URL"));
  }
  ASSIGN_OR_RETURN(bool verbatim, ReadBool(section, "override_path", false));
  if (!verbatim && !absl::EndsWith(url, "/v2")) url += "/v2";
  endpoint->base = url;
  endpoint->add_namespace = !HostIsOf(endpoint->host, host);
  return absl::OkStatus();
}

absl::StatusOr<Endpoint> ReadEndpoint(const std::string& url,
                                      const toml::node& where,
                                      const Section& section,
                                      const std::string& host) {
  Endpoint endpoint;
  RETURN_IF_ERROR(SetUrl(url, section, where, host, &endpoint));
  RETURN_IF_ERROR(ReadCapabilities(section, &endpoint));
  RETURN_IF_ERROR(ReadTls(section, &endpoint));
  RETURN_IF_ERROR(ReadHeaders(section, &endpoint));
  return endpoint;
}

// toml++ sorts keys; the order of the file is the order to try.
using Mirror = std::pair<std::string, const toml::node*>;
absl::StatusOr<std::vector<Mirror>> MirrorsInOrder(const toml::table& root,
                                                   const std::string& path) {
  std::vector<Mirror> mirrors;
  const toml::node* hosts = root.get("host");
  if (hosts == nullptr) return mirrors;
  if (!hosts->is_table()) return Bad(path, *hosts, "host: expected a table");
  for (const auto& [url, node] : *hosts->as_table()) {
    if (!node.is_table()) return Bad(path, node, "host: expected a table");
    mirrors.emplace_back(std::string(url.str()), &node);
  }
  std::stable_sort(
      mirrors.begin(), mirrors.end(), [](const Mirror& a, const Mirror& b) {
        return a.second->source().begin.line < b.second->source().begin.line;
      });
  return mirrors;
}

}  // namespace

bool IsLoopback(absl::string_view host) {
  if (absl::StartsWith(host, "[::1]")) return true;
  host = host.substr(0, host.find(':'));
  if (host == "localhost" || absl::EndsWith(host, ".localhost")) return true;
  // Digits and dots only: 127.evil.example is no address.
  return absl::StartsWith(host, "127.") &&
         host.find_first_not_of("0123456789.") == absl::string_view::npos;
}

absl::StatusOr<std::vector<Endpoint>> ParseHosts(absl::string_view text,
                                                 const std::string& path,
                                                 const std::string& host) {
  toml::parse_result parsed =
      toml::parse(std::string_view(text.data(), text.size()));
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    std::string_view why = error.description();
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": line ", error.source().begin.line, ": ",
                     absl::string_view(why.data(), why.size())));
  }
  const toml::table& root = parsed.table();
  std::vector<Endpoint> endpoints;
  ASSIGN_OR_RETURN(auto mirrors, MirrorsInOrder(root, path));
  for (const auto& [url, node] : mirrors) {
    Section section{*node->as_table(), path};
    ASSIGN_OR_RETURN(Endpoint endpoint,
                     ReadEndpoint(url, *node, section, host));
    endpoints.push_back(std::move(endpoint));
  }
  Section section{root, path};
  ASSIGN_OR_RETURN(const bool fallback, ReadBool(section, "fallback", true));
  if (!fallback) {
    if (!endpoints.empty()) return endpoints;
    return Bad(path, *root.get("fallback"),
               "fallback: false leaves nobody to ask: add a [host.\"URL\"]");
  }
  std::string server = DefaultServer(host);
  const toml::node* node = root.get("server");
  if (node != nullptr) {
    if (!node->is_string()) {
      return Bad(path, *node, "server: expected a string");
    }
    server = node->value_or(std::string());
  }
  ASSIGN_OR_RETURN(
      Endpoint last,
      ReadEndpoint(server, node != nullptr ? *node : root, section, host));
  // A mirror that is also the server is not worth a second try.
  for (const Endpoint& endpoint : endpoints) {
    if (endpoint.base == last.base && endpoint.resolve && endpoint.pull) {
      return endpoints;
    }
  }
  endpoints.push_back(std::move(last));
  return endpoints;
}

absl::StatusOr<std::vector<Endpoint>> LoadEndpoints(
    const std::string& config_dir, const std::string& host) {
  std::vector<std::string> names;
  size_t colon = host.rfind(':');
  if (colon != std::string::npos) {
    std::string joined =
        absl::StrCat(host.substr(0, colon), "_", host.substr(colon + 1));
    names = {joined + "_", joined};
  }
  names.push_back(host);
  names.push_back("_default");
  for (const std::string& name : names) {
    if (config_dir.empty()) break;
    std::string path = absl::StrCat(config_dir, "/", name, "/hosts.toml");
    auto text = runtime::ReadFile(path, 1 << 20);
    if (text.ok()) return ParseHosts(*text, path, host);
    if (!absl::IsNotFound(text.status())) return text.status();
  }
  return ParseHosts("", "", host);
}

}  // namespace cri::image
