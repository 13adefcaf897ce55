// SPDX-License-Identifier: Apache-2.0
// The tables of settings, for this room only.
#ifndef CORACLE_CRI_CONFIG_KEYS_H_
#define CORACLE_CRI_CONFIG_KEYS_H_

#include <vector>

#include "cri/config/field.h"

namespace cri::config {

const std::vector<Field<Config>>& Fields();

}  // namespace cri::config

#endif  // CORACLE_CRI_CONFIG_KEYS_H_
