// Which kernels a session computes with, and that they all give the same answer. Compiled twice: for the compiler's
// flags alone, and with LFM2_DYNAMIC_DISPATCH for plain x86-64. If one of these fails, a program that is copied to
// other machines crashes there or says something else.
#include "lfm2.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

#include "tests/runtime/golden_models.h"
#include "tests/runtime/test_model.h"

namespace lfm2::test {
namespace {

constexpr CpuTarget kTargets[] = {CpuTarget::kBaseline, CpuTarget::kSse4,   CpuTarget::kAvx2,
                                  CpuTarget::kAvxVnni,  CpuTarget::kAvx3Dl, CpuTarget::kNeonDotprod,
                                  CpuTarget::kNeonI8mm, CpuTarget::kSve2};

SessionOptions OptionsFor(CpuTarget target) {
  SessionOptions options;
  options.context_length = 512;
  options.cpu_target = target;
  return options;
}

Status OpenStatus(CpuTarget target) {
  const SessionOptions options = OptionsFor(target);
  TestArena arena(MakePlan(Home().config(), options).total_bytes);
  Session session;
  return session.Open(Home().image(), options, arena.span());
}

TEST_CASE("a session names its kernels, and the reference is called that") {
  OpenSession open(Home().image(), OptionsFor(CpuTarget::kAutomatic));
  const std::string name = open.session->kernels_name();
  MESSAGE(name);
  CHECK(name != "");
  CHECK(name != "Unknown");
  // Set where the processor is an emulated one: tests/CMakeLists.txt.
  if (const char* expected = std::getenv("LFM2_EXPECTED_KERNELS")) CHECK(name == expected);
  SessionOptions options = OptionsFor(CpuTarget::kAutomatic);
  options.kv_cache = KvCacheType::kF32;
  options.kernels = ReferenceKernelTable();
  OpenSession reference(Home().image(), options);
  CHECK(std::string(reference.session->kernels_name()) == "REFERENCE");
}

TEST_CASE("every target that the program and the processor have gives the golden tokens; the others are refused") {
  const nlohmann::json golden = ReadJsonFile(std::string(LFM2_TEST_DATA) + "/golden/home-Q4_0.json");
  const std::vector<int32_t> prompt = golden["prompt"], greedy = golden["greedy"];
  const std::vector<double> margins = golden["greedy_margin"];
  std::vector<std::string> names;
  for (const CpuTarget target : kTargets) {
    CAPTURE(static_cast<int>(target));
    const Status status = OpenStatus(target);
    if (!status.ok()) {
      CHECK(status.code() == StatusCode::kUnsupported);
      CHECK(Text(status).find("options.cpu_target") != std::string::npos);
      continue;
    }
    OpenSession open(Home().image(), OptionsFor(target));
    names.push_back(open.session->kernels_name());
    LFM2_REQUIRE_OK(open.session->Prefill({prompt.data(), prompt.size()}));
    size_t compared = 0;
    for (size_t i = 0; i < greedy.size() && margins[i] >= 0.3; ++i, ++compared) {
      const Span<const float> logits = open.session->logits();
      const int32_t best = static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
      CHECK(best == greedy[i]);
      LFM2_REQUIRE_OK(open.session->Decode(best));
    }
    CHECK(compared > 0);
  }
  REQUIRE(!names.empty());  // the baseline is always there
  // Automatic is the last of them: the list ascends.
  OpenSession automatic(Home().image(), OptionsFor(CpuTarget::kAutomatic));
  CHECK(automatic.session->kernels_name() == names.back());
#if !defined(LFM2_DYNAMIC_DISPATCH)
  CHECK(std::all_of(names.begin(), names.end(), [&](const std::string& name) { return name == names[0]; }));
#endif
}

#if defined(LFM2_DYNAMIC_DISPATCH) && defined(__x86_64__)

TEST_CASE("with every target, the results do not depend on the chunk size") {
  const nlohmann::json golden = ReadJsonFile(std::string(LFM2_TEST_DATA) + "/golden/home-Q4_0.json");
  std::vector<int32_t> ids = golden["long_prompt"];
  ids.resize(90);
  for (const CpuTarget target : kTargets) {
    CAPTURE(static_cast<int>(target));
    if (!OpenStatus(target).ok()) continue;
    SessionOptions options = OptionsFor(target);
    OpenSession whole(Home().image(), options);
    options.prefill_chunk = 7;
    OpenSession pieces(Home().image(), options);
    CHECK(AllLogits(*whole.session, ids) == AllLogits(*pieces.session, ids));
  }
}

// Sapphire Rapids under a system that saves all registers.
CpuFeatures EverythingThere() {
  CpuFeatures cpu;
  cpu.leaf1_ecx = cpu.leaf7_ebx = cpu.leaf7_ecx = cpu.leaf7_1_eax = cpu.xcr0 = 0xffffffffu;
  return cpu;
}

std::string Selected(const CpuFeatures& cpu, CpuTarget target = CpuTarget::kAutomatic) {
  const KernelTable* kernels = nullptr;
  const Status status = HWY_NAMESPACE::DispatchKernels(target, cpu, &kernels);
  return status.ok() ? kernels->name() : Text(status);
}

TEST_CASE("the processor and its operating system decide, feature by feature") {
  const CpuFeatures all = EverythingThere();
  CHECK(Selected(all) == "AVX3_DL");
  CHECK(Selected(all, CpuTarget::kAvxVnni) == "AVX2_VNNI");
  CHECK(Selected(all, CpuTarget::kAvx2) == "AVX2");
  CHECK(Selected(all, CpuTarget::kSse4) == "SSE4");
  CHECK(Selected(all, CpuTarget::kBaseline) == "SSE2");
  CHECK(Selected(CpuFeatures()) == "SSE2");

  // Positions in the registers from Intel's manual; without any of them the next smaller set.
  struct Missing {
    uint32_t CpuFeatures::*reg;
    std::vector<uint32_t> bits;
    std::string left;
  };
  const Missing cases[] = {
      {&CpuFeatures::leaf7_ebx, {16, 17, 28, 30, 31}, "AVX2_VNNI"},          // AVX512F, DQ, CD, BW, VL
      {&CpuFeatures::leaf7_ecx, {1, 6, 8, 9, 10, 11, 12, 14}, "AVX2_VNNI"},  // VBMI to VPOPCNTDQ
      {&CpuFeatures::xcr0, {5, 6, 7}, "AVX2_VNNI"},                          // mask registers, ZMM0-15, ZMM16-31
      {&CpuFeatures::leaf1_ecx, {1, 25}, "AVX2_VNNI"},                       // PCLMULQDQ, AES
      {&CpuFeatures::leaf7_ebx, {3, 5, 8}, "SSE4"},                          // BMI1, AVX2, BMI2
      {&CpuFeatures::leaf1_ecx, {12, 28, 29}, "SSE4"},                       // FMA, AVX, F16C
      {&CpuFeatures::xcr0, {1, 2}, "SSE4"},                                  // XMM, YMM
      {&CpuFeatures::leaf1_ecx, {9, 19, 20, 23}, "SSE2"},                    // SSSE3, SSE4.1, SSE4.2, POPCNT
  };
  CpuFeatures without_vnni = all;
  without_vnni.leaf7_1_eax &= ~(1u << 4);
  CHECK(Selected(without_vnni) == "AVX3_DL");
  CHECK(Selected(without_vnni, CpuTarget::kAvxVnni).find("options.cpu_target") != std::string::npos);
  without_vnni.xcr0 &= ~(1u << 6);
  CHECK(Selected(without_vnni) == "AVX2");
  for (const Missing& missing : cases) {
    for (const uint32_t bit : missing.bits) {
      CAPTURE(bit);
      CpuFeatures cpu = all;
      cpu.*missing.reg &= ~(1u << bit);
      CHECK(Selected(cpu) == missing.left);
      CHECK(Selected(cpu, CpuTarget::kAvx3Dl).find("options.cpu_target") != std::string::npos);
    }
  }
}

TEST_CASE("nothing is detected that the compiler's library does not detect") {
  __builtin_cpu_init();
  const CpuFeatures cpu = DetectCpuFeatures();
  if (SupportsTarget(cpu, CpuTarget::kSse4)) {
    CHECK(__builtin_cpu_supports("sse4.2"));
    CHECK(__builtin_cpu_supports("popcnt"));
  }
  if (SupportsTarget(cpu, CpuTarget::kAvx2)) {
    CHECK(__builtin_cpu_supports("avx2"));
    CHECK(__builtin_cpu_supports("fma"));
    CHECK(__builtin_cpu_supports("bmi2"));
  }
  if (SupportsTarget(cpu, CpuTarget::kAvx3Dl)) {
    CHECK(__builtin_cpu_supports("avx512bw"));
    CHECK(__builtin_cpu_supports("avx512vnni"));
    CHECK(__builtin_cpu_supports("avx512vbmi2"));
  }
}

#endif  // LFM2_DYNAMIC_DISPATCH on x86-64

}  // namespace
}  // namespace lfm2::test
