#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints the path of upstream's description of CRI v1 in the Go module cache,
# downloading the module when it is missing. On failure the last line of
# standard error says why.
set -eu
module=k8s.io/cri-api@v0.36.2
command -v go >/dev/null || { echo "Go is not installed" >&2; exit 1; }
file=$(go env GOMODCACHE)/$module/pkg/apis/runtime/v1/api.proto
if [ ! -f "$file" ]; then
  cd / # not in a module: nobody's go.mod changes
  go mod download "$module" >&2 || { echo "$module cannot be downloaded" >&2; exit 1; }
fi
echo "$file"
