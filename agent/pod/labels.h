// SPDX-License-Identifier: Apache-2.0
// Labels and annotations by which the runtime remembers for us; stock tools
// (crictl, log shippers) read the same keys.
#ifndef CORACLE_AGENT_POD_LABELS_H_
#define CORACLE_AGENT_POD_LABELS_H_

namespace agent::pod {

inline constexpr char kPodName[] = "io.kubernetes.pod.name";
inline constexpr char kPodNamespace[] = "io.kubernetes.pod.namespace";
inline constexpr char kPodUid[] = "io.kubernetes.pod.uid";
inline constexpr char kContainerName[] = "io.kubernetes.container.name";

inline constexpr char kHash[] = "io.kubernetes.container.hash";
inline constexpr char kRestartCount[] = "io.kubernetes.container.restartCount";
inline constexpr char kTerminationPath[] =
    "io.kubernetes.container.terminationMessagePath";
inline constexpr char kTerminationPolicy[] =
    "io.kubernetes.container.terminationMessagePolicy";
inline constexpr char kPreStop[] = "io.kubernetes.container.preStopHandler";
inline constexpr char kPorts[] = "io.kubernetes.container.ports";
inline constexpr char kGracePeriod[] =
    "io.kubernetes.pod.terminationGracePeriod";

}  // namespace agent::pod

#endif  // CORACLE_AGENT_POD_LABELS_H_
