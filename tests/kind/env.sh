# SPDX-License-Identifier: Apache-2.0
# Sourced by the scripts of this folder: podman and kind with a storage and a
# network of their own, so that the host's podman is not touched.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"
CLUSTERS=${CORACLE_TEST_STATE:-/var/tmp/coracle-tests}
DIR=$CLUSTERS/kind
NAME=crk SUBNET=10.89.250.0/24 GATEWAY=10.89.250.1 PORT=5000
export CONTAINERS_CONF=$DIR/containers.conf CONTAINERS_STORAGE_CONF=$DIR/storage.conf
export KIND_EXPERIMENTAL_PROVIDER=podman KIND_EXPERIMENTAL_PODMAN_NETWORK=$NAME KUBECONFIG=$DIR/admin.conf
