// SPDX-License-Identifier: Apache-2.0
#include "agent/api/client.h"

#include "agent/api/cancel_state.h"

namespace agent::api {

CancelToken::CancelToken() : state_(std::make_shared<State>()) {}

void CancelToken::Cancel() const {
  absl::MutexLock lock(&state_->mutex);
  state_->cancelled = true;
  for (const auto& [id, hook] : state_->hooks) hook();
}

bool CancelToken::cancelled() const { return state_->cancelled; }

}  // namespace agent::api
