// SPDX-License-Identifier: Apache-2.0
#include "cri/stats/convert.h"

#include "gtest/gtest.h"

namespace cri::stats {
namespace {

TEST(ConvertTest, PressureIsThereOnlyWhereTheKernelKeepsIt) {
  Sample sample;
  EXPECT_FALSE(ToCpu(sample).has_psi());
  EXPECT_FALSE(ToMemory(sample).has_psi());
  EXPECT_FALSE(ToIo(sample).has_psi());
  runtime::cgroup::Pressure pressure;
  pressure.some.total_us = 7;
  pressure.some.avg10 = 1.5;
  pressure.full.total_us = 3;
  pressure.full.avg300 = 0.25;
  sample.usage.cpu_pressure = pressure;
  const runtime::v1::CpuUsage cpu = ToCpu(sample);
  // The kernel counts microseconds, CRI nanoseconds.
  EXPECT_EQ(cpu.psi().some().total(), 7000u);
  EXPECT_EQ(cpu.psi().some().avg10(), 1.5);
  EXPECT_EQ(cpu.psi().full().total(), 3000u);
  EXPECT_EQ(cpu.psi().full().avg300(), 0.25);
  EXPECT_FALSE(ToMemory(sample).has_psi());
  sample.usage.memory_pressure = sample.usage.io_pressure = pressure;
  EXPECT_EQ(ToMemory(sample).psi().some().total(), 7000u);
  EXPECT_EQ(ToIo(sample).psi().full().total(), 3000u);
}

}  // namespace
}  // namespace cri::stats
