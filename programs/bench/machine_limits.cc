#include "programs/bench/machine_limits.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <numeric>

#include "lfm2/kernels/kernels-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lfm2 {
namespace HWY_NAMESPACE {

// How far ahead memory is prefetched, and into which cache (as in __builtin_prefetch: 3 the first, 2 the second).
struct Ahead {
  size_t bytes;
  int locality;
};

HWY_INLINE void Ask(const uint8_t* at, const Ahead& ahead) {
  if (ahead.bytes == 0) return;
  if (ahead.locality == 3) {
    __builtin_prefetch(at + ahead.bytes, 0, 3);
  } else {
    __builtin_prefetch(at + ahead.bytes, 0, 2);
  }
}

// Adds up `streams` parts of the data in turns, so that more cache misses and page table walks are in flight. Four
// sums, so that no addition waits for the previous one. A rest of less than a vector at the end is not read.
template <size_t streams, size_t ahead_bytes, int locality>
uint64_t SumOf(const uint8_t* data, size_t bytes) {
  constexpr Ahead kAhead = {ahead_bytes, locality};
  constexpr size_t kLine = 64;
  const hn::ScalableTag<uint64_t> d;
  const size_t step = hn::Lanes(d) * sizeof(uint64_t);
  const size_t turn = HWY_MAX(4 * step, kLine), part = bytes / streams / turn * turn;
  const auto load = [&](const uint8_t* at) { return hn::LoadU(d, reinterpret_cast<const uint64_t*>(at)); };
  auto s0 = hn::Zero(d), s1 = hn::Zero(d), s2 = hn::Zero(d), s3 = hn::Zero(d);
  for (size_t at = 0; at < part; at += turn) {
    for (size_t stream = 0; stream < streams; ++stream) {
      const uint8_t* const p = data + stream * part + at;
      for (size_t line = 0; line < turn; line += kLine) Ask(p + line, kAhead);
      for (size_t i = 0; i < turn; i += 4 * step) {
        s0 = hn::Add(s0, load(p + i));
        s1 = hn::Add(s1, load(p + i + step));
        s2 = hn::Add(s2, load(p + i + 2 * step));
        s3 = hn::Add(s3, load(p + i + 3 * step));
      }
    }
  }
  for (size_t at = streams * part; at + step <= bytes; at += step) s0 = hn::Add(s0, load(data + at));
  return hn::ReduceSum(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)));
}

// Rounds of products of the same numbers; the compiler is told that they change. Twelve independent sums hide the
// latency of two instructions per cycle, or of four with a latency of three cycles, and fit 16 registers. Each function
// returns a value that depends on all of its results.
inline constexpr uint32_t kSums = 12;

#if HWY_TARGET == HWY_SCALAR

// The words of tile_scalar-inl.h, unpacked once for twelve tokens where a tile has eight.
size_t MacsOfRound() { return kSums * 4 * kRowsPerWord; }

uint32_t MultiplyRounds(uint32_t rounds) {
  static const uint8_t quads[kSums * 32] = {5, 5, 5, 5};
  const uint8_t* x = quads;
  __asm__ volatile("" : "+r"(x));
  const Activations<kSums> activations(x);
  WeightWord w = 3;
  typename Activations<kSums>::Sum sums[kSums] = {};
  for (uint32_t i = 0; i < rounds; ++i) {
    __asm__ volatile("" : "+r"(w));
    HWY_UNROLL(12)
    for (uint32_t t = 0; t < kSums; ++t) sums[t] = activations.Dot(sums[t], w, 0, t);
  }
  uint32_t sum = 0;
  for (const auto s : sums) sum += static_cast<uint32_t>(s);
  return sum;
}

#else

size_t MacsOfRound() { return kSums * 4 * hn::Lanes(DI32()); }

// Makes the value of w unknown to the compiler, without an instruction where inline assembly is available.
HWY_INLINE void Forget(VU8& w) {
#if HWY_ARCH_X86
  __asm__ volatile("" : "+x"(w.raw));
#elif HWY_TARGET_IS_SVE
  __asm__ volatile("" : "+w"(w));
#elif HWY_ARCH_ARM
  __asm__ volatile("" : "+w"(w.raw));
#elif HWY_TARGET == HWY_RVV
  __asm__ volatile("" : "+vr"(w));
#else
  w = hn::Add(w, hn::Set(DU8(), uint8_t{1}));
#endif
}

#define LFM2_FOR_EACH_SUM(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11)

// `rounds` of twelve products, as Products computes them. All sums are part of the result, or the compiler would remove
// those that are not.
template <class Products>
uint32_t MultiplyRounds(uint32_t rounds) {
  VU8 w = hn::Set(DU8(), uint8_t{3});
#define LFM2_BEGIN(k) auto s##k = Products::Begin(w);
#define LFM2_MULTIPLY(k) \
  Forget(w);             \
  s##k = Products::Multiply(s##k, w);
#define LFM2_END(k) sum = hn::Add(sum, Products::End(s##k));
  LFM2_FOR_EACH_SUM(LFM2_BEGIN)
  for (uint32_t i = 0; i < rounds; ++i) {
    LFM2_FOR_EACH_SUM(LFM2_MULTIPLY)
  }
  VI32 sum = hn::Zero(DI32());
  LFM2_FOR_EACH_SUM(LFM2_END)
#undef LFM2_BEGIN
#undef LFM2_MULTIPLY
#undef LFM2_END
  return static_cast<uint32_t>(hn::ReduceSum(DI32(), sum));
}

// For four-bit weights, which need the fewest instructions in every instruction set: one product of bytes, at most one
// addition, and no widening from 16 bits. The other types need the same products and more instructions.
struct DotProducts {
  alignas(64) static constexpr uint8_t kQuads[kGroupColumns] = {5, 5, 5, 5};
  static HWY_INLINE Sum4 Begin(VU8 w) { return BeginSum4<0>(w, kQuads, hn::Zero(DI32())); }
  static HWY_INLINE Sum4 Multiply(Sum4 sum, VU8 w) { return DotQuad4<0>(sum, w, kQuads); }
  static HWY_INLINE VI32 End(Sum4 sum) { return EndSum4(sum, hn::Zero(DI32())); }
};
uint32_t MultiplyRounds(uint32_t rounds) { return MultiplyRounds<DotProducts>(rounds); }

#if LFM2_HAVE_I8MM
// Two tokens times two rows over eight columns in each 128 bits: 32 products, where the dot product has 16.
size_t MacsOfMatrixRound() { return 2 * MacsOfRound(); }

struct MatrixProducts {
  static HWY_INLINE VI32 Begin(VU8 /*w*/) { return hn::Zero(DI32()); }
  static HWY_INLINE VI32 Multiply(VI32 sum, VU8 w) {
    return MultiplyMatrices(sum, hn::Set(DI8(), int8_t{5}), AsSigned(w));
  }
  static HWY_INLINE VI32 End(VI32 sum) { return sum; }
};
uint32_t MultiplyMatrixRounds(uint32_t rounds) { return MultiplyRounds<MatrixProducts>(rounds); }
#endif

#undef LFM2_FOR_EACH_SUM

#endif

}  // namespace HWY_NAMESPACE
}  // namespace lfm2
HWY_AFTER_NAMESPACE();

namespace lfm2::tools {

namespace {

namespace target = HWY_STATIC_NAMESPACE;

using Clock = std::chrono::steady_clock;

// Large enough for the hardware prefetcher, and small enough that no thread finishes late.
constexpr uint64_t kPieceBytes = 256 * 1024;

struct ReadWay {
  const char* name;
  uint64_t (*sum)(const uint8_t* data, size_t bytes);
};
constexpr ReadWay kReadWays[] = {{"1 stream", &target::SumOf<1, 0, 0>},
                                 {"1 stream, 1 KB ahead", &target::SumOf<1, 1024, 3>},
                                 {"1 stream, 4 KB ahead", &target::SumOf<1, 4096, 2>},
                                 {"2 streams, 2 KB ahead", &target::SumOf<2, 2048, 2>},
                                 {"4 streams", &target::SumOf<4, 0, 0>},
                                 {"4 streams, 1 KB ahead", &target::SumOf<4, 1024, 3>},
                                 {"4 streams, 4 KB ahead", &target::SumOf<4, 4096, 2>}};

// For IntegerPeak. Short, so that some run is undisturbed and has the highest clock rate that a test can have.
constexpr double kPeakSeconds = 0.002;
constexpr uint32_t kPeakRuns = 24;
constexpr uint32_t kPeakRounds = 1u << 12;

// Results are stored here, so that the compiler cannot remove their computation.
std::atomic<uint64_t> g_sink{0};

double SecondsOf(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

// Multiply-adds per second in the best of several short runs on all threads. Each thread measures its own rate, so that
// the time to wake it up is not part of the result.
double BestRate(const Executor& executor, uint32_t (*multiply)(uint32_t rounds), size_t macs_of_round) {
  double best = 0;
  for (uint32_t run = 0; run < kPeakRuns; ++run) {
    std::vector<double> rates(executor.workers);  // rounds per second
    const auto begin = Clock::now();
    ParallelFor(&executor, executor.workers, [&](uint32_t i) {
      const auto own_begin = Clock::now();
      double rounds = 0;
      while (SecondsOf(begin) < kPeakSeconds) {
        g_sink += multiply(kPeakRounds);
        rounds += kPeakRounds;
      }
      if (rounds > 0) rates[i] = rounds / SecondsOf(own_begin);
    });
    best = std::max(best, std::accumulate(rates.begin(), rates.end(), 0.0) * static_cast<double>(macs_of_round));
  }
  return best;
}

}  // namespace

size_t ReadWays() { return std::size(kReadWays); }

const char* NameOfReadWay(size_t way) { return kReadWays[way].name; }

double ReadOnce(const Executor& executor, const std::vector<ByteRange>& ranges, size_t way) {
  std::vector<ByteRange> pieces;
  for (const ByteRange& range : ranges) {
    for (uint64_t at = 0; at < range.bytes; at += kPieceBytes) {
      pieces.push_back({range.data + at, std::min(kPieceBytes, range.bytes - at)});
    }
  }
  const auto begin = Clock::now();
  ParallelFor(&executor, static_cast<uint32_t>(pieces.size()),
              [&](uint32_t i) { g_sink += kReadWays[way].sum(pieces[i].data, static_cast<size_t>(pieces[i].bytes)); });
  return SecondsOf(begin);
}

double IntegerPeak(const Executor& executor) {
  double peak = BestRate(executor, &target::MultiplyRounds, target::MacsOfRound());
#if LFM2_HAVE_I8MM
  peak = std::max(peak, BestRate(executor, &target::MultiplyMatrixRounds, target::MacsOfMatrixRound()));
#endif
  return peak;
}

const char* InstructionSet() { return target::SimdKernels::name(); }

}  // namespace lfm2::tools
