// SPDX-License-Identifier: Apache-2.0
// Readings as CRI's messages. Pure.
#ifndef CORACLE_CRI_STATS_CONVERT_H_
#define CORACLE_CRI_STATS_CONVERT_H_

#include <string>
#include <vector>

#include "cri/stats/sampler.h"
#include "proto/cri/v1/api.pb.h"

namespace cri::stats {

runtime::v1::ContainerAttributes AttributesOf(
    const container::Container& container);
runtime::v1::PodSandboxAttributes AttributesOf(const sandbox::Sandbox& sandbox);

runtime::v1::CpuUsage ToCpu(const Sample& sample);
// "available" is the limit less the working set, absent without a limit.
runtime::v1::MemoryUsage ToMemory(const Sample& sample);
runtime::v1::SwapUsage ToSwap(const Sample& sample);
runtime::v1::IoUsage ToIo(const Sample& sample);
runtime::v1::ProcessUsage ToProcess(const Sample& sample);
runtime::v1::FilesystemUsage ToFilesystem(const LayerUsage::Known& known,
                                          const std::string& mountpoint);
// The first is the default one.
runtime::v1::NetworkUsage ToNetwork(const std::vector<Interface>& interfaces);

}  // namespace cri::stats

#endif  // CORACLE_CRI_STATS_CONVERT_H_
