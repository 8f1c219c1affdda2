// Inputs for the kernels' tests: the same on every machine, in memory whose end is guarded.
#ifndef LFM2_TESTS_KERNELS_TEST_VALUES_H_
#define LFM2_TESTS_KERNELS_TEST_VALUES_H_

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "lfm2/base/numeric.h"
#include "tests/kernels/watched_memory.h"

namespace lfm2::test {

// Half a unit in the last place of 1.0f: the relative error of one rounding.
inline constexpr double kEpsilon = 1.0 / (1 << 24);
inline constexpr double kSmallestNormal = 1.17549435e-38;
// Outputs are filled with this to detect what a kernel writes.
inline constexpr float kUntouched = -12345.0f;

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}
  uint32_t Bits() {  // xorshift64*
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return static_cast<uint32_t>((state_ * 0x2545f4914f6cdd1du) >> 32);
  }
  // Both ends included.
  int Integer(int low, int high) { return low + static_cast<int>(Bits() % static_cast<uint32_t>(high - low + 1)); }
  float Uniform(float low, float high) { return low + (high - low) * (static_cast<float>(Bits() >> 8) / 16777216.0f); }
  // Mean 0, variance 1.
  float Normal() {
    float sum = -6.0f;
    for (int i = 0; i < 12; ++i) sum += Uniform(0.0f, 1.0f);
    return sum;
  }
  std::vector<float> Normals(size_t n) {
    std::vector<float> values(n);
    for (float& v : values) v = Normal();
    return values;
  }

 private:
  uint64_t state_;
};

// n zeros, with the alignment of the arena's buffers, and not a byte longer.
template <class T>
class AlignedBuffer {
 public:
  explicit AlignedBuffer(size_t n) : size_(n), memory_(n * sizeof(T)) {}
  T* data() { return static_cast<T*>(memory_.data()); }
  const T* data() const { return static_cast<const T*>(memory_.data()); }
  size_t size() const { return size_; }

 private:
  size_t size_;
  WatchedMemory memory_;
};

// IEEE binary16 by its definition.
inline double HalfValue(uint16_t bits) {
  const int exponent = (bits >> 10) & 31, mantissa = bits & 1023;
  const double magnitude = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

// The largest error as a share of its tolerance; above 1 is a failure. A NaN counts as an infinite error.
class Worst {
 public:
  void Add(double value, double expected, double tolerance) {
    const double error = std::fabs(value - expected);
    const double share = error == 0.0 ? 0.0 : error / tolerance;
    if (!(share <= share_)) share_ = std::isnan(share) ? std::numeric_limits<double>::infinity() : share;
  }
  double share() const { return share_; }

 private:
  double share_ = 0.0;
};

inline bool SameBits(const float* a, const float* b, size_t n) { return std::memcmp(a, b, n * sizeof(float)) == 0; }

}  // namespace lfm2::test

#endif  // LFM2_TESTS_KERNELS_TEST_VALUES_H_
