// SPDX-License-Identifier: Apache-2.0

// Package tools keeps the dependencies of critest, which is a test binary, in
// this module's go.sum.
package tools

import _ "sigs.k8s.io/cri-tools/pkg/validate"
