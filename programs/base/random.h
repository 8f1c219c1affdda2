// Random numbers that are the same on every machine, for token ids and expert choices.
#ifndef LFM2_PROGRAMS_BASE_RANDOM_H_
#define LFM2_PROGRAMS_BASE_RANDOM_H_

#include <cstdint>
#include <vector>

namespace lfm2::tools {

// SplitMix64 (Steele, Lea and Flood 2014).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  // From 0 to below - 1; below > 0. The bias of the remainder does not matter for numbers this small.
  uint32_t Below(uint32_t below) {
    state_ += 0x9e3779b97f4a7c15u;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return static_cast<uint32_t>((z ^ (z >> 31)) % below);
  }

 private:
  uint64_t state_;
};

// Ids of a vocabulary of vocab_size tokens.
inline std::vector<int32_t> RandomTokens(Random* random, uint32_t count, uint32_t vocab_size) {
  std::vector<int32_t> tokens(count);
  for (int32_t& token : tokens) token = static_cast<int32_t>(random->Below(vocab_size));
  return tokens;
}

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_BASE_RANDOM_H_
