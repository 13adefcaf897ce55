// SPDX-License-Identifier: Apache-2.0
// The metric families of what goes in and out of containers: disks and network.
#include <string>

#include "absl/strings/str_cat.h"
#include "cri/stats/devices.h"
#include "cri/stats/families.h"

namespace cri::stats::internal {
namespace {

namespace v1 = ::runtime::v1;
using runtime::cgroup::DeviceIo;

using R = const ContainerReading&;
using P = const PodReading&;

// What the kernel counted, or zero for the layer's own device: it has counted
// nothing yet.
std::vector<DeviceIo> IoOf(R r) {
  if (!r.details.io.empty()) return r.details.io;
  DeviceIo idle;
  idle.major = r.device_major;
  idle.minor = r.device_minor;
  return {idle};
}

std::string LayerDevice(R r) {
  return DeviceName(r.device_major, r.device_minor);
}

void AddIo(R r, uint64_t DeviceIo::*value, Series& s) {
  for (const DeviceIo& io : IoOf(r)) {
    s.Add(io.*value, {DeviceName(io.major, io.minor)});
  }
}

void AddDeviceUsage(R r, Series& s) {
  for (const DeviceIo& io : IoOf(r)) {
    const std::string device = DeviceName(io.major, io.minor);
    const std::string major = absl::StrCat(io.major);
    const std::string minor = absl::StrCat(io.minor);
    s.Add(io.read_bytes, {device, major, minor, "Read"});
    s.Add(io.written_bytes, {device, major, minor, "Write"});
  }
}

void AddTraffic(P p, Interface::Traffic Interface::*way,
                uint64_t Interface::Traffic::*value, Series& s) {
  for (const Interface& interface : p.interfaces) {
    s.Add((interface.*way).*value, {interface.name});
  }
}

}  // namespace

std::vector<Family> DiskFamilies() {
  return {
      {"container_blkio_device_usage_total",
       v1::COUNTER,
       "Bytes read from and written to block devices.",
       {"device", "major", "minor", "operation"},
       AddDeviceUsage},
      {"container_fs_reads_total",
       v1::COUNTER,
       "Reads from block devices.",
       {"device"},
       [](R r, Series& s) { AddIo(r, &DeviceIo::reads, s); }},
      {"container_fs_reads_bytes_total",
       v1::COUNTER,
       "Bytes read from block devices.",
       {"device"},
       [](R r, Series& s) { AddIo(r, &DeviceIo::read_bytes, s); }},
      {"container_fs_writes_total",
       v1::COUNTER,
       "Writes to block devices.",
       {"device"},
       [](R r, Series& s) { AddIo(r, &DeviceIo::writes, s); }},
      {"container_fs_writes_bytes_total",
       v1::COUNTER,
       "Bytes written to block devices.",
       {"device"},
       [](R r, Series& s) { AddIo(r, &DeviceIo::written_bytes, s); }},
      {"container_fs_usage_bytes",
       v1::GAUGE,
       "Size of the writable layer.",
       {"device"},
       [](R r, Series& s) {
         if (r.layer.has_value()) s.Add(r.layer->usage.bytes, {LayerDevice(r)});
       }},
      {"container_fs_limit_bytes",
       v1::GAUGE,
       "Size of the file system of the writable layer.",
       {"device"},
       [](R r, Series& s) {
         s.Add(r.filesystem.f_blocks * r.filesystem.f_frsize, {LayerDevice(r)});
       }},
      {"container_fs_inodes_total",
       v1::GAUGE,
       "Inodes of that file system.",
       {"device"},
       [](R r, Series& s) { s.Add(r.filesystem.f_files, {LayerDevice(r)}); }},
      {"container_fs_inodes_free",
       v1::GAUGE,
       "Free inodes of that file system.",
       {"device"},
       [](R r, Series& s) { s.Add(r.filesystem.f_ffree, {LayerDevice(r)}); }},
  };
}

#define CORACLE_TRAFFIC(Way, Member) \
  [](P p, Series& s) { AddTraffic(p, Way, &Interface::Traffic::Member, s); }

std::vector<Family> NetworkFamilies() {
  constexpr auto kIn = &Interface::received;
  constexpr auto kOut = &Interface::sent;
  return {
      {"container_network_receive_bytes_total",
       v1::COUNTER,
       "Bytes received.",
       {"interface"},
       nullptr,
       CORACLE_TRAFFIC(kIn, bytes)},
      {"container_network_receive_packets_total",
       v1::COUNTER,
       "Packets received.",
       {"interface"},
       nullptr,
       CORACLE_TRAFFIC(kIn, packets)},
      {"container_network_receive_errors_total",
       v1::COUNTER,
       "Errors in receiving.",
       {"interface"},
       nullptr,
       CORACLE_TRAFFIC(kIn, errors)},
      {"container_network_receive_packets_dropped_total",
       v1::COUNTER,
       "Received packets that were dropped.",
       {"interface"},
       nullptr,
       CORACLE_TRAFFIC(kIn, dropped)},
      {"container_network_transmit_bytes_total",
       v1::COUNTER,
       "Bytes sent.",
       {"interface"},
       nullptr,
       CORACLE_TRAFFIC(kOut, bytes)},
      {"container_network_transmit_packets_total",
       v1::COUNTER,
       "Packets sent.",
       {"interface"},
       nullptr,
       CORACLE_TRAFFIC(kOut, packets)},
      {"container_network_transmit_errors_total",
       v1::COUNTER,
       "Errors in sending.",
       {"interface"},
       nullptr,
       CORACLE_TRAFFIC(kOut, errors)},
      {"container_network_transmit_packets_dropped_total",
       v1::COUNTER,
       "Packets dropped instead of sent.",
       {"interface"},
       nullptr,
       CORACLE_TRAFFIC(kOut, dropped)},
  };
}

}  // namespace cri::stats::internal
