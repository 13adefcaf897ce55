// SPDX-License-Identifier: Apache-2.0
#include "cri/image/reference.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace cri::image {
namespace {

using ::testing::HasSubstr;
using ::tests::StatusIs;

const std::string& kHex = *new std::string(64, 'a');

struct Good {
  std::string text, normal;
};
class ReferenceGoodTest : public ::testing::TestWithParam<Good> {};

TEST_P(ReferenceGoodTest, NormalisesAsDockerDoes) {
  auto reference = ParseReference(GetParam().text);
  ASSERT_OK(reference);
  EXPECT_EQ(reference->ToString(), GetParam().normal);
  // A normal form is its own normal form.
  EXPECT_EQ(ParseReference(GetParam().normal)->ToString(), GetParam().normal);
}

INSTANTIATE_TEST_SUITE_P(
    Table, ReferenceGoodTest,
    ::testing::Values(
        Good{"busybox", "docker.io/library/busybox:latest"},
        Good{"busybox:1.37", "docker.io/library/busybox:1.37"},
        Good{"user/app", "docker.io/user/app:latest"},
        Good{"docker.io/busybox", "docker.io/library/busybox:latest"},
        Good{"index.docker.io/a/b", "docker.io/a/b:latest"},
        Good{"localhost/app", "localhost/app:latest"},
        Good{"localhost:5000/app:v1", "localhost:5000/app:v1"},
        Good{"127.0.0.1:5000/a/b/c", "127.0.0.1:5000/a/b/c:latest"},
        Good{"[::1]:5000/app", "[::1]:5000/app:latest"},
        Good{"Registry/app", "Registry/app:latest"},
        Good{"registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.10"},
        Good{"gcr.io/a__b/c-d--e.f_g", "gcr.io/a__b/c-d--e.f_g:latest"},
        Good{"a:Tag_1.2-x", "docker.io/library/a:Tag_1.2-x"},
        Good{absl::StrCat("a@sha256:", kHex),
             absl::StrCat("docker.io/library/a@sha256:", kHex)},
        Good{absl::StrCat("x.io/a:1@sha256:", kHex),
             absl::StrCat("x.io/a@sha256:", kHex)},
        Good{absl::StrCat("a@sha512:", kHex, kHex),
             absl::StrCat("docker.io/library/a@sha512:", kHex, kHex)}));

struct Bad {
  std::string text, reason;
};
class ReferenceBadTest : public ::testing::TestWithParam<Bad> {};

TEST_P(ReferenceBadTest, SaysWhatIsWrong) {
  EXPECT_THAT(ParseReference(GetParam().text),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr(GetParam().reason)));
}

INSTANTIATE_TEST_SUITE_P(
    Table, ReferenceBadTest,
    ::testing::Values(
        Bad{"", "it is empty"}, Bad{"Busybox", "must be lower case"},
        Bad{"a/B", "must be lower case"}, Bad{"a:", "is not a tag"},
        Bad{"a:.x", "is not a tag"},
        Bad{absl::StrCat("a:", std::string(129, 'x')), "is not a tag"},
        Bad{"a//b", "empty name component"}, Bad{"/a", "empty name component"},
        Bad{"a/", "empty name component"}, Bad{"a b", "not a repository name"},
        Bad{"../a", "is not a host"}, Bad{"a/../b", "not a repository name"},
        Bad{"a_-b/c", "not a repository name"},
        Bad{"a___b", "not a repository name"}, Bad{"https://x/a", "a scheme"},
        Bad{"x.io:port/a", "is not a host"}, Bad{"-x.io/a", "is not a host"},
        Bad{"a\nb", "not a repository name"},
        Bad{"a@sha256:abc", "64 hexadecimal digits"},
        Bad{absl::StrCat("a@sha256:", std::string(64, 'A')), "hexadecimal"},
        Bad{absl::StrCat("a@md5:", kHex), "hexadecimal"},
        Bad{absl::StrCat("x.io/", std::string(260, 'a')), "longer than 255"}));

TEST(ReferenceTest, KnowsWhatCanBeAnId) {
  for (const char* id : {"abc", "sha256:abc", "0", "deadbeef"}) {
    EXPECT_TRUE(LooksLikeId(id)) << id;
  }
  for (const std::string& other :
       {std::string("busybox"), std::string("sha256:"), std::string(""),
        std::string(65, 'a'), std::string("ABC")}) {
    EXPECT_FALSE(LooksLikeId(other)) << other;
  }
}

}  // namespace
}  // namespace cri::image
