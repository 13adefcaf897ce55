// SPDX-License-Identifier: Apache-2.0
#include "proto/pch.h"
