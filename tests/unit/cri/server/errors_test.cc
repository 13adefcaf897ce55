// SPDX-License-Identifier: Apache-2.0
#include "cri/server/errors.h"

#include "gtest/gtest.h"

namespace cri::server {
namespace {

TEST(ErrorsTest, CodesKeepTheirNumbers) {
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
  EXPECT_EQ(ToGrpcStatus(absl::NotFoundError("x")).error_code(),
            grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(ToGrpcStatus(absl::DeadlineExceededError("x")).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(ToGrpcStatus(absl::UnimplementedError("x")).error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(ToGrpcStatus(absl::UnimplementedError("x")).error_message(), "x");
}

TEST(ErrorsTest, HugeMessagesAreCut) {
  std::string message =
      ToGrpcStatus(absl::InternalError(std::string(1 << 20, 'x')))
          .error_message();
  EXPECT_LT(message.size(), 9000u);
}

TEST(ErrorsTest, UnavailableRegistryIsNamedAsTheKubeletWantsIt) {
  absl::Status status = PullFailed(absl::UnavailableError("no route"));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnknown);
  EXPECT_EQ(status.message(), "RegistryUnavailable: no route");
  EXPECT_EQ(PullFailed(absl::NotFoundError("x")), absl::NotFoundError("x"));
}

}  // namespace
}  // namespace cri::server
