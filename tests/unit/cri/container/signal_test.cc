// SPDX-License-Identifier: Apache-2.0
#include "cri/container/signal.h"

#include <signal.h>

#include "gtest/gtest.h"

namespace cri::container {
namespace {

TEST(SignalTest, NamesOfImagesAndOfTheApi) {
  EXPECT_EQ(SignalNumber("SIGTERM"), 15);
  EXPECT_EQ(SignalNumber("term"), 15);
  EXPECT_EQ(SignalNumber("9"), 9);
  EXPECT_EQ(SignalNumber("SIGRTMIN+3"), 37);
  EXPECT_EQ(SignalNumber("SIGRTMINPLUS3"), 37);
  EXPECT_EQ(SignalNumber("SIGRTMAX-14"), 50);
  EXPECT_EQ(SignalNumber("SIGRTMAXMINUS14"), 50);
  EXPECT_EQ(SignalNumber("RTMAX"), 64);
  for (const char* name :
       {"", "SIG", "SIGNOPE", "0", "65", "-1", "SIGRTMIN+31", "SIGRTMIN3"}) {
    EXPECT_EQ(SignalNumber(name), 0) << name;
  }
}

TEST(SignalTest, EveryValueOfTheApiHasANumber) {
  for (int value = 1; value < runtime::v1::Signal_ARRAYSIZE; ++value) {
    auto signal = static_cast<runtime::v1::Signal>(value);
    int number = SignalNumber(runtime::v1::Signal_Name(signal));
    EXPECT_NE(number, 0) << runtime::v1::Signal_Name(signal);
    EXPECT_EQ(SignalNumber(runtime::v1::Signal_Name(ToApiSignal(number))),
              number);
  }
}

TEST(SignalTest, RequestThenImageThenTerm) {
  auto none = static_cast<runtime::v1::Signal>(0);
  EXPECT_EQ(StopSignal(ToApiSignal(SIGUSR1), "SIGQUIT"), SIGUSR1);
  EXPECT_EQ(StopSignal(none, "SIGQUIT"), SIGQUIT);
  EXPECT_EQ(StopSignal(none, ""), SIGTERM);
  EXPECT_EQ(StopSignal(none, "nonsense"), SIGTERM);
}

}  // namespace
}  // namespace cri::container
