// SPDX-License-Identifier: Apache-2.0
#include "agent/source/shape.h"

namespace agent::source {
namespace {

using enum Type;

// Small objects that several others hold.
constexpr Field kNameFields[] = {{kString, "name"}};
constexpr Shape kName = {kNameFields};
constexpr Field kNameValueFields[] = {{kString, "name value"}};
constexpr Shape kNameValue = {kNameValueFields};
constexpr Field kOptionalRefFields[] = {{kString, "name"}, {kBool, "optional"}};
constexpr Shape kOptionalRef = {kOptionalRefFields};
constexpr Field kFieldRefFields[] = {{kString, "apiVersion fieldPath"}};
constexpr Shape kFieldRef = {kFieldRefFields};
constexpr Field kResourceRefFields[] = {{kString, "containerName resource"},
                                        {kQuantity, "divisor"}};
constexpr Shape kResourceRef = {kResourceRefFields};
constexpr Field kProfileFields[] = {{kString, "type localhostProfile"}};
constexpr Shape kProfile = {kProfileFields};
constexpr Field kSelinuxFields[] = {{kString, "user role type level"}};
constexpr Shape kSelinux = {kSelinuxFields};

// Environment.
constexpr Field kKeyRefFields[] = {{kString, "name key"}, {kBool, "optional"}};
constexpr Shape kKeyRef = {kKeyRefFields};
constexpr Field kValueFromFields[] = {
    {kObject, "fieldRef", &kFieldRef},
    {kObject, "resourceFieldRef", &kResourceRef},
    {kObject, "configMapKeyRef secretKeyRef", &kKeyRef},
    {kUnsupported, "fileKeyRef"}};
constexpr Shape kValueFrom = {kValueFromFields};
constexpr Field kEnvFields[] = {{kString, "name value"},
                                {kObject, "valueFrom", &kValueFrom}};
constexpr Shape kEnv = {kEnvFields};
constexpr Field kEnvFromFields[] = {
    {kString, "prefix"}, {kObject, "configMapRef secretRef", &kOptionalRef}};
constexpr Shape kEnvFrom = {kEnvFromFields};

// Handlers of probes and hooks.
constexpr Field kExecFields[] = {{kStrings, "command"}};
constexpr Shape kExec = {kExecFields};
constexpr Field kHttpGetFields[] = {{kString, "path host scheme"},
                                    {kQuantity, "port"},
                                    {kObjects, "httpHeaders", &kNameValue}};
constexpr Shape kHttpGet = {kHttpGetFields};
constexpr Field kTcpSocketFields[] = {{kString, "host"}, {kQuantity, "port"}};
constexpr Shape kTcpSocket = {kTcpSocketFields};
constexpr Field kGrpcFields[] = {{kInteger, "port"}, {kString, "service"}};
constexpr Shape kGrpc = {kGrpcFields};
constexpr Field kSleepFields[] = {{kInteger, "seconds"}};
constexpr Shape kSleep = {kSleepFields};
constexpr Field kProbeFields[] = {
    {kObject, "exec", &kExec},
    {kObject, "httpGet", &kHttpGet},
    {kObject, "tcpSocket", &kTcpSocket},
    {kObject, "grpc", &kGrpc},
    {kInteger,
     "initialDelaySeconds timeoutSeconds periodSeconds successThreshold "
     "failureThreshold terminationGracePeriodSeconds"}};
constexpr Shape kProbe = {kProbeFields};
constexpr Field kHandlerFields[] = {{kObject, "exec", &kExec},
                                    {kObject, "httpGet", &kHttpGet},
                                    {kObject, "tcpSocket", &kTcpSocket},
                                    {kObject, "sleep", &kSleep}};
constexpr Shape kHandler = {kHandlerFields};
constexpr Field kLifecycleFields[] = {{kObject, "postStart preStop", &kHandler},
                                      {kString, "stopSignal"}};
constexpr Shape kLifecycle = {kLifecycleFields};

// The rest of a container.
constexpr Field kPortFields[] = {{kString, "name hostIP protocol"},
                                 {kInteger, "hostPort containerPort"}};
constexpr Shape kPort = {kPortFields};
constexpr Field kMountFields[] = {
    {kString,
     "name mountPath subPath subPathExpr mountPropagation recursiveReadOnly"},
    {kBool, "readOnly"}};
constexpr Shape kMount = {kMountFields};
constexpr Field kDeviceFields[] = {{kString, "name devicePath"}};
constexpr Shape kDevice = {kDeviceFields};
constexpr Field kClaimFields[] = {{kString, "name request"}};
constexpr Shape kClaim = {kClaimFields};
constexpr Field kResourcesFields[] = {{kQuantityMap, "limits requests"},
                                      {kObjects, "claims", &kClaim}};
constexpr Shape kResources = {kResourcesFields};
constexpr Field kCapabilitiesFields[] = {{kStrings, "add drop"}};
constexpr Shape kCapabilities = {kCapabilitiesFields};
constexpr Field kSecurityFields[] = {
    {kBool,
     "privileged runAsNonRoot readOnlyRootFilesystem "
     "allowPrivilegeEscalation"},
    {kInteger, "runAsUser runAsGroup"},
    {kString, "procMount"},
    {kObject, "capabilities", &kCapabilities},
    {kObject, "seLinuxOptions", &kSelinux},
    {kObject, "seccompProfile appArmorProfile", &kProfile},
    {kUnsupported, "windowsOptions"}};
constexpr Shape kSecurity = {kSecurityFields};
constexpr Field kResizePolicyFields[] = {
    {kString, "resourceName restartPolicy"}};
constexpr Shape kResizePolicy = {kResizePolicyFields};
constexpr Field kExitCodesFields[] = {{kString, "operator"},
                                      {kIntegers, "values"}};
constexpr Shape kExitCodes = {kExitCodesFields};
constexpr Field kRestartRuleFields[] = {{kString, "action"},
                                        {kObject, "exitCodes", &kExitCodes}};
constexpr Shape kRestartRule = {kRestartRuleFields};
constexpr Field kContainerFields[] = {
    {kString,
     "name image workingDir imagePullPolicy restartPolicy "
     "terminationMessagePath terminationMessagePolicy "
     "targetContainerName"},
    {kStrings, "command args"},
    {kBool, "stdin stdinOnce tty"},
    {kObjects, "env", &kEnv},
    {kObjects, "envFrom", &kEnvFrom},
    {kObjects, "ports", &kPort},
    {kObjects, "volumeMounts", &kMount},
    {kObjects, "volumeDevices", &kDevice},
    {kObjects, "resizePolicy", &kResizePolicy},
    {kObjects, "restartPolicyRules", &kRestartRule},
    {kObject, "resources", &kResources},
    {kObject, "securityContext", &kSecurity},
    {kObject, "lifecycle", &kLifecycle},
    {kObject, "livenessProbe readinessProbe startupProbe", &kProbe}};
constexpr Shape kContainer = {kContainerFields};

// Volumes.
constexpr Field kItemFields[] = {{kString, "key path"}, {kInteger, "mode"}};
constexpr Shape kItem = {kItemFields};
constexpr Field kFileFields[] = {{kString, "path"},
                                 {kInteger, "mode"},
                                 {kObject, "fieldRef", &kFieldRef},
                                 {kObject, "resourceFieldRef", &kResourceRef}};
constexpr Shape kFile = {kFileFields};
constexpr Field kEmptyDirFields[] = {{kString, "medium"},
                                     {kQuantity, "sizeLimit"}};
constexpr Shape kEmptyDir = {kEmptyDirFields};
constexpr Field kHostPathFields[] = {{kString, "path type"}};
constexpr Shape kHostPath = {kHostPathFields};
constexpr Field kConfigMapFields[] = {{kString, "name"},
                                      {kBool, "optional"},
                                      {kInteger, "defaultMode"},
                                      {kObjects, "items", &kItem}};
constexpr Shape kConfigMap = {kConfigMapFields};
constexpr Field kSecretFields[] = {{kString, "secretName"},
                                   {kBool, "optional"},
                                   {kInteger, "defaultMode"},
                                   {kObjects, "items", &kItem}};
constexpr Shape kSecret = {kSecretFields};
constexpr Field kDownwardFields[] = {{kInteger, "defaultMode"},
                                     {kObjects, "items", &kFile}};
constexpr Shape kDownward = {kDownwardFields};
constexpr Field kProjectedKeysFields[] = {
    {kString, "name"}, {kBool, "optional"}, {kObjects, "items", &kItem}};
constexpr Shape kProjectedKeys = {kProjectedKeysFields};
constexpr Field kProjectedDownwardFields[] = {{kObjects, "items", &kFile}};
constexpr Shape kProjectedDownward = {kProjectedDownwardFields};
constexpr Field kTokenFields[] = {{kString, "audience path"},
                                  {kInteger, "expirationSeconds"}};
constexpr Shape kToken = {kTokenFields};
constexpr Field kSourceFields[] = {
    {kObject, "secret configMap", &kProjectedKeys},
    {kObject, "downwardAPI", &kProjectedDownward},
    {kObject, "serviceAccountToken", &kToken},
    {kUnsupported, "clusterTrustBundle podCertificate"}};
constexpr Shape kSource = {kSourceFields};
constexpr Field kProjectedFields[] = {{kInteger, "defaultMode"},
                                      {kObjects, "sources", &kSource}};
constexpr Shape kProjected = {kProjectedFields};
constexpr Field kImageFields[] = {{kString, "reference pullPolicy"}};
constexpr Shape kImage = {kImageFields};
constexpr Field kVolumeFields[] = {
    {kString, "name"},
    {kObject, "emptyDir", &kEmptyDir},
    {kObject, "hostPath", &kHostPath},
    {kObject, "configMap", &kConfigMap},
    {kObject, "secret", &kSecret},
    {kObject, "downwardAPI", &kDownward},
    {kObject, "projected", &kProjected},
    {kObject, "image", &kImage},
    {kUnsupported,
     "persistentVolumeClaim csi ephemeral nfs iscsi fc gcePersistentDisk "
     "awsElasticBlockStore azureDisk azureFile cephfs cinder flexVolume "
     "flocker gitRepo glusterfs photonPersistentDisk portworxVolume quobyte "
     "rbd scaleIO storageos vsphereVolume"}};
constexpr Shape kVolume = {kVolumeFields};

// The pod.
constexpr Field kPodSecurityFields[] = {
    {kInteger, "runAsUser runAsGroup fsGroup"},
    {kBool, "runAsNonRoot"},
    {kString,
     "fsGroupChangePolicy supplementalGroupsPolicy seLinuxChangePolicy"},
    {kIntegers, "supplementalGroups"},
    {kObjects, "sysctls", &kNameValue},
    {kObject, "seLinuxOptions", &kSelinux},
    {kObject, "seccompProfile appArmorProfile", &kProfile},
    {kUnsupported, "windowsOptions"}};
constexpr Shape kPodSecurity = {kPodSecurityFields};
constexpr Field kTolerationFields[] = {{kString, "key operator value effect"},
                                       {kInteger, "tolerationSeconds"}};
constexpr Shape kToleration = {kTolerationFields};
constexpr Field kHostAliasFields[] = {{kString, "ip"}, {kStrings, "hostnames"}};
constexpr Shape kHostAlias = {kHostAliasFields};
constexpr Field kGateFields[] = {{kString, "conditionType"}};
constexpr Shape kGate = {kGateFields};
constexpr Field kDnsConfigFields[] = {{kStrings, "nameservers searches"},
                                      {kObjects, "options", &kNameValue}};
constexpr Shape kDnsConfig = {kDnsConfigFields};
constexpr Field kSpecFields[] = {
    {kObjects, "containers initContainers ephemeralContainers", &kContainer},
    {kObjects, "volumes", &kVolume},
    {kObjects, "tolerations", &kToleration},
    {kObjects, "hostAliases", &kHostAlias},
    {kObjects, "imagePullSecrets schedulingGates", &kName},
    {kObjects, "readinessGates", &kGate},
    {kString,
     "restartPolicy dnsPolicy serviceAccountName serviceAccount nodeName "
     "hostname subdomain schedulerName priorityClassName runtimeClassName "
     "preemptionPolicy hostnameOverride"},
    {kBool,
     "hostNetwork hostPID hostIPC shareProcessNamespace hostUsers "
     "automountServiceAccountToken enableServiceLinks setHostnameAsFQDN"},
    {kInteger, "terminationGracePeriodSeconds activeDeadlineSeconds priority"},
    {kObject, "securityContext", &kPodSecurity},
    {kObject, "dnsConfig", &kDnsConfig},
    {kObject, "os", &kName},
    {kObject, "resources", &kResources},
    {kStringMap, "nodeSelector"},
    {kQuantityMap, "overhead"},
    // The scheduler's: a pod from a file does not pass it.
    {kAny,
     "affinity topologySpreadConstraints resourceClaims workloadRef "
     "schedulingGroup"}};
constexpr Shape kSpec = {kSpecFields};
constexpr Field kMetaFields[] = {
    {kString, "name namespace uid generateName resourceVersion selfLink"},
    {kStringMap, "labels annotations"},
    {kStrings, "finalizers"},
    {kInteger, "generation deletionGracePeriodSeconds"},
    {kAny,
     "ownerReferences managedFields creationTimestamp deletionTimestamp"}};
constexpr Shape kMeta = {kMetaFields};
constexpr Field kPodFields[] = {{kString, "apiVersion kind"},
                                {kObject, "metadata", &kMeta},
                                {kObject, "spec", &kSpec},
                                {kAny, "status"}};
constexpr Shape kPod = {kPodFields};

}  // namespace

const Shape& PodShape() { return kPod; }

}  // namespace agent::source
