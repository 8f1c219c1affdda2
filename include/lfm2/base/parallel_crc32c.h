// CRC-32C of much data by several workers.
#ifndef LFM2_BASE_PARALLEL_CRC32C_H_
#define LFM2_BASE_PARALLEL_CRC32C_H_

#include "lfm2/base/config.h"
#include "lfm2/base/crc32c.h"
#include "lfm2/base/executor.h"
#include "lfm2/base/numeric.h"

namespace lfm2 {

namespace crc32c_internal {

// a(x) * b(x) modulo the polynomial; the highest bit is the coefficient of x^0, as in a CRC's register.
constexpr uint32_t Multiply(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (uint32_t bit = 1u << 31; bit != 0; bit >>= 1) {
    if ((a & bit) != 0) product ^= b;
    b = (b >> 1) ^ ((b & 1u) != 0 ? kPolynomial : 0u);
  }
  return product;
}

}  // namespace crc32c_internal

// The CRC of two runs of bytes, one after the other, from those of each and the length of the second: the first times
// x^(8 bytes), found by squaring, plus the second.
constexpr uint32_t CombineCrc32c(uint32_t first, uint32_t second, uint64_t second_bytes) {
  uint32_t power = 1u << 23;  // x^8
  for (; second_bytes > 0; second_bytes >>= 1) {
    if ((second_bytes & 1u) != 0) first = crc32c_internal::Multiply(power, first);
    power = crc32c_internal::Multiply(power, power);
  }
  return first ^ second;
}

// Crc32c(crc, data, bytes). executor: may be null.
inline uint32_t ParallelCrc32c(const Executor* executor, uint32_t crc, const std::byte* data, size_t bytes) {
  // Smaller parts are done before another worker has begun, and powers of 2 long for the processor's instruction.
  constexpr size_t kLeastPart = size_t{1} << 16;
  constexpr uint32_t kMaxParts = 16;
  if (executor == nullptr || executor->workers < 2 || bytes < 2 * kLeastPart) return Crc32c(crc, data, bytes);
  const size_t wanted = Min<size_t>(kMaxParts, size_t{executor->workers} * 2);
  const size_t part = RoundUp<size_t>(DivideUp<size_t>(bytes, wanted), kLeastPart);
  const uint32_t parts = static_cast<uint32_t>(DivideUp<size_t>(bytes, part));
  uint32_t of[kMaxParts] = {};
  const auto size = [&](uint32_t i) { return Min<size_t>(part, bytes - i * part); };
  ParallelFor(executor, parts, [&](uint32_t i) { of[i] = Crc32c(0, data + i * part, size(i)); });
  for (uint32_t i = 0; i < parts; ++i) crc = CombineCrc32c(crc, of[i], size(i));
  return crc;
}

}  // namespace lfm2

#endif  // LFM2_BASE_PARALLEL_CRC32C_H_
