// SPDX-License-Identifier: Apache-2.0
#include "cri/cdi/name.h"

#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace cri::cdi {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::tests::IsOkAndHolds;
using ::tests::StatusIs;

TEST(NameTest, AcceptsWhatTheSpecificationDoes) {
  for (const char* name :
       {"vendor.com/class=dev", "v/c=0", "a-b_c.d/e-f_g.h=1:2-3_4.5",
        "nvidia.com/gpu=all", "V1/C1=D1"}) {
    EXPECT_OK(CheckName(name)) << name;
  }
}

struct BadName {
  std::string name, why;
};

TEST(NameTest, RefusesOthersWithTheReason) {
  for (const BadName& row : {
           BadName{"", "is not VENDOR/CLASS=DEVICE"},
           {"dev", "is not VENDOR/CLASS=DEVICE"},
           {"/dev/null", "is not VENDOR/CLASS=DEVICE"},
           {"vendor=dev", "is not VENDOR/CLASS=DEVICE"},
           {"v=c/d", "is not VENDOR/CLASS=DEVICE"},
           {"/class=dev", "vendor \"\" is empty"},
           {"vendor/=dev", "class \"\" is empty"},
           {"vendor/class=", "device \"\" is empty"},
           {"1vendor/class=dev", "does not begin with a letter"},
           {"vendor-/class=dev", "does not end with a letter or digit"},
           {"vendor/cl ass=dev", "holds ' '"},
           {"vendor/a/b=dev", "holds '/'"},
           {"vendor/class=../x", "does not begin with a letter or digit"},
           {"vendor/class=a=b", "holds '='"},
           {std::string("vendor/class=a\0b", 16), "holds '\\x00'"},
           {"vendor/class=a\nb", "holds '\\n'"},
           {"vendor/class=" + std::string(10 << 20, 'a'), "is too long"},
       }) {
    EXPECT_THAT(
        CheckName(row.name),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(row.why)));
    EXPECT_LT(CheckName(row.name).message().size(), 1000u);
  }
}

TEST(NameTest, CollectsFieldThenAnnotationsEachOnce) {
  runtime::v1::ContainerConfig config;
  config.add_cdi_devices()->set_name("v/c=1");
  config.add_cdi_devices()->set_name("v/c=1");
  auto& annotations = *config.mutable_annotations();
  annotations["cdi.k8s.io/b"] = "v/c=3,v/c=1";
  annotations["cdi.k8s.io/a"] = "v/c=2";
  annotations["cdi.k8s.io"] = "not a name";
  annotations["x.cdi.k8s.io/a"] = "not a name";
  EXPECT_THAT(RequestedDevices(config),
              IsOkAndHolds(ElementsAre("v/c=1", "v/c=2", "v/c=3")));
}

TEST(NameTest, NamesFieldOrAnnotationOfABadName) {
  runtime::v1::ContainerConfig config;
  config.add_cdi_devices()->set_name("gpu");
  EXPECT_THAT(RequestedDevices(config),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("config.CDI_devices: name \"gpu\"")));
  config.clear_cdi_devices();
  (*config.mutable_annotations())["cdi.k8s.io/x"] = "v/c=1,";
  EXPECT_THAT(RequestedDevices(config),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("config.annotations: cdi.k8s.io/x: name")));
}

}  // namespace
}  // namespace cri::cdi
