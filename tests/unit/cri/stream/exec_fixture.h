// SPDX-License-Identifier: Apache-2.0
// A client of the process of a StreamTest.
#ifndef CORACLE_TESTS_UNIT_CRI_STREAM_EXEC_FIXTURE_H_
#define CORACLE_TESTS_UNIT_CRI_STREAM_EXEC_FIXTURE_H_

#include <memory>
#include <string>
#include <utility>

#include "tests/unit/cri/stream/spdy_client.h"
#include "tests/unit/cri/stream/stream_fixture.h"

namespace cri::stream {

class ExecTest : public StreamTest {
 protected:
  std::unique_ptr<SpdyClient> Connect(
      ProcessRequest request,
      const std::string& protocol = "v4.channel.k8s.io") {
    if (server_ == nullptr) Start();
    return std::make_unique<SpdyClient>(
        server_->port(), PathOf(ProcessUrl(std::move(request))), protocol);
  }
};

}  // namespace cri::stream

#endif  // CORACLE_TESTS_UNIT_CRI_STREAM_EXEC_FIXTURE_H_
