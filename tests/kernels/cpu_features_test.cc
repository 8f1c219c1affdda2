// Which kernels are chosen for which features of a processor. If one of these fails, a program that is copied to other
// machines executes instructions that they do not have, or does not use those that they do.
#include "lfm2/kernels/cpu_features.h"

#include <doctest/doctest.h>

#include <initializer_list>

namespace lfm2::test {
namespace {

// Bits of Linux' arm64 HWCAPs (uapi/asm/hwcap.h).
constexpr uint64_t kAtomics = 1u << 8, kAsimdRdm = 1u << 12, kAsimdDp = 1u << 20, kSve = 1u << 22;
constexpr uint64_t kSve2 = 1u << 1, kSveI8mm = 1u << 9, kI8mm = 1u << 13;

struct Rows {
  bool dotprod, i8mm, sve2;
};
Rows RowsOf(const CpuFeatures& cpu) {
  return {SupportsTarget(cpu, CpuTarget::kNeonDotprod), SupportsTarget(cpu, CpuTarget::kNeonI8mm),
          SupportsTarget(cpu, CpuTarget::kSve2)};
}
bool operator==(const Rows& a, const Rows& b) { return a.dotprod == b.dotprod && a.i8mm == b.i8mm && a.sve2 == b.sve2; }

CpuFeatures ArmWithEverything() {
  CpuFeatures cpu;
  cpu.hwcap = kAtomics | kAsimdRdm | kAsimdDp | kSve;
  cpu.hwcap2 = kSve2 | kSveI8mm | kI8mm;
  cpu.sve_bytes = 32;
  return cpu;
}

TEST_CASE("64-bit Arm: each feature that a row needs, missing by itself") {
  CHECK(RowsOf(ArmWithEverything()) == Rows{true, true, true});
  struct Missing {
    uint64_t hwcap, hwcap2;
    Rows left;
  };
  const Missing cases[] = {
      {kAtomics, 0, {false, false, false}}, {kAsimdRdm, 0, {false, false, false}}, {kAsimdDp, 0, {false, false, false}},
      {0, kI8mm, {true, false, false}},     {kSve, 0, {true, true, false}},        {0, kSve2, {true, true, false}},
      {0, kSveI8mm, {true, true, false}},
  };
  for (const Missing& missing : cases) {
    CAPTURE(missing.hwcap);
    CAPTURE(missing.hwcap2);
    CpuFeatures cpu = ArmWithEverything();
    cpu.hwcap &= ~missing.hwcap;
    cpu.hwcap2 &= ~missing.hwcap2;
    CHECK(RowsOf(cpu) == missing.left);
  }
  // Vectors no longer than NEON's.
  CpuFeatures cpu = ArmWithEverything();
  cpu.sve_bytes = 16;
  CHECK(RowsOf(cpu) == Rows{true, true, false});
}

TEST_CASE("no processor has the kernels of another kind") {
  CHECK(RowsOf(CpuFeatures()) == Rows{false, false, false});
  for (const CpuTarget target : {CpuTarget::kSse4, CpuTarget::kAvx2, CpuTarget::kAvxVnni, CpuTarget::kAvx3Dl}) {
    CHECK_FALSE(SupportsTarget(ArmWithEverything(), target));
  }
  CHECK(SupportsTarget(CpuFeatures(), CpuTarget::kBaseline));
  CHECK(SupportsTarget(CpuFeatures(), CpuTarget::kAutomatic));
}

}  // namespace
}  // namespace lfm2::test
