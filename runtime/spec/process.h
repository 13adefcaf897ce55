// SPDX-License-Identifier: Apache-2.0
#ifndef CORACLE_RUNTIME_SPEC_PROCESS_H_
#define CORACLE_RUNTIME_SPEC_PROCESS_H_

#include "runtime/spec/reader.h"
#include "runtime/spec/spec.h"

namespace runtime::spec {

// Reads over what `process` already holds; errors go to the reader.
void ReadProcess(const Reader& reader, Process* process);

// linux.seccomp and linux.resources, each in its own file.
void ReadSeccomp(const Reader& reader, Seccomp* seccomp);
void ReadResources(const Reader& reader, Resources* resources);

}  // namespace runtime::spec

#endif  // CORACLE_RUNTIME_SPEC_PROCESS_H_
