#include "tools/bench/machine_limits.h"

#include <algorithm>
#include <atomic>
#include <chrono>

#include "lfm2/format/tensor_type.h"
#include "lfm2/kernels/dot-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lfm2 {
namespace HWY_NAMESPACE {

// Four sums, so that no addition waits for the one before. What is left behind the last four vectors is a fraction of
// a cache line or two, and not read.
uint64_t SumOf(const uint8_t* data, size_t bytes) {
  const hn::ScalableTag<uint64_t> d;
  const size_t step = hn::Lanes(d) * sizeof(uint64_t);
  const auto load = [&](size_t at) { return hn::LoadU(d, reinterpret_cast<const uint64_t*>(data + at)); };
  auto s0 = hn::Zero(d), s1 = hn::Zero(d), s2 = hn::Zero(d), s3 = hn::Zero(d);
  for (size_t at = 0; at + 4 * step <= bytes; at += 4 * step) {
    s0 = hn::Add(s0, load(at));
    s1 = hn::Add(s1, load(at + step));
    s2 = hn::Add(s2, load(at + 2 * step));
    s3 = hn::Add(s3, load(at + 3 * step));
  }
  return hn::ReduceSum(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)));
}

// Multiplies by `rounds` times the same numbers, of which the compiler is told that they change. Twelve independent
// sums hide the latency of two instructions a cycle, and fit 16 registers. Returns something of the result.
inline constexpr uint32_t kSums = 12;

#if HWY_TARGET == HWY_SCALAR

size_t MacsOfRound() { return kSums; }

HWY_INLINE void MultiplyScalar(uint32_t& sum, uint32_t w, uint32_t& x) {
  __asm__ volatile("" : "+r"(x));
  sum += w * x;
}

uint32_t MultiplyRounds(uint32_t rounds) {
  const uint32_t w = 3;
  uint32_t x = 5, s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  for (uint32_t i = 0; i < rounds * (kSums / 4); ++i) {
    MultiplyScalar(s0, w, x);
    MultiplyScalar(s1, w, x);
    MultiplyScalar(s2, w, x);
    MultiplyScalar(s3, w, x);
  }
  return s0 + s1 + s2 + s3;
}

#else

size_t MacsOfRound() { return kSums * 4 * hn::Lanes(DI32()); }

HWY_INLINE Sum4 Multiply(Sum4 sum, VU8& w, const uint8_t* quads) {
#if HWY_ARCH_X86
  __asm__ volatile("" : "+x"(w.raw));
#elif HWY_ARCH_ARM && !HWY_HAVE_SCALABLE
  __asm__ volatile("" : "+w"(w.raw));
#else
  w = hn::Add(w, hn::Set(DU8(), uint8_t{1}));
#endif
  return DotQuad4<0>(sum, w, quads);
}

uint32_t MultiplyRounds(uint32_t rounds) {
  alignas(64) static constexpr uint8_t kQuads[kGroupColumns] = {5, 5, 5, 5};
  const uint8_t* const quads = kQuads;
  const VI32 zero = hn::Zero(DI32());
  VU8 w = hn::Set(DU8(), uint8_t{3});
  Sum4 s0 = BeginSum4<0>(w, quads, zero), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0;
  Sum4 s6 = s0, s7 = s0, s8 = s0, s9 = s0, s10 = s0, s11 = s0;
  for (uint32_t i = 0; i < rounds; ++i) {
    s0 = Multiply(s0, w, quads);
    s1 = Multiply(s1, w, quads);
    s2 = Multiply(s2, w, quads);
    s3 = Multiply(s3, w, quads);
    s4 = Multiply(s4, w, quads);
    s5 = Multiply(s5, w, quads);
    s6 = Multiply(s6, w, quads);
    s7 = Multiply(s7, w, quads);
    s8 = Multiply(s8, w, quads);
    s9 = Multiply(s9, w, quads);
    s10 = Multiply(s10, w, quads);
    s11 = Multiply(s11, w, quads);
  }
  VI32 sum = EndSum4(s0, EndSum4(s1, EndSum4(s2, EndSum4(s3, EndSum4(s4, EndSum4(s5, zero))))));
  sum = EndSum4(s6, EndSum4(s7, EndSum4(s8, EndSum4(s9, EndSum4(s10, EndSum4(s11, sum))))));
  return static_cast<uint32_t>(hn::ReduceSum(DI32(), sum));
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace lfm2
HWY_AFTER_NAMESPACE();

namespace lfm2::tools {

namespace {

using Clock = std::chrono::steady_clock;

// A thread's stream is long enough for the processor to foresee it, and the last one to finish is not late.
constexpr uint64_t kPieceBytes = 256 * 1024;
// Of IntegerPeak: long enough for the clock rate to settle.
constexpr double kPeakSeconds = 0.05;
constexpr uint32_t kPeakRounds = 1u << 17;

// Results end here, so that no compiler can leave their computation out.
std::atomic<uint64_t> g_sink{0};

double SecondsOf(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

}  // namespace

double ReadOnce(const Executor& executor, const std::vector<ByteRange>& ranges) {
  std::vector<ByteRange> pieces;
  for (const ByteRange& range : ranges) {
    for (uint64_t at = 0; at < range.bytes; at += kPieceBytes) {
      pieces.push_back({range.data + at, std::min(kPieceBytes, range.bytes - at)});
    }
  }
  const auto begin = Clock::now();
  ParallelFor(&executor, static_cast<uint32_t>(pieces.size()), [&](uint32_t i) {
    g_sink += HWY_STATIC_NAMESPACE::SumOf(pieces[i].data, static_cast<size_t>(pieces[i].bytes));
  });
  return SecondsOf(begin);
}

double IntegerPeak(const Executor& executor) {
  std::atomic<uint64_t> rounds{0};
  const auto begin = Clock::now();
  ParallelFor(&executor, executor.workers, [&](uint32_t) {
    while (SecondsOf(begin) < kPeakSeconds) {
      g_sink += HWY_STATIC_NAMESPACE::MultiplyRounds(kPeakRounds);
      rounds += kPeakRounds;
    }
  });
  const double seconds = SecondsOf(begin);
  return static_cast<double>(rounds.load()) * static_cast<double>(HWY_STATIC_NAMESPACE::MacsOfRound()) / seconds;
}

const char* InstructionSet() { return hwy::TargetName(HWY_STATIC_TARGET); }

}  // namespace lfm2::tools
