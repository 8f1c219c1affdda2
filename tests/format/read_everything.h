// Reads of an open image, for tests of what opens.
#ifndef LFM2_TESTS_FORMAT_READ_EVERYTHING_H_
#define LFM2_TESTS_FORMAT_READ_EVERYTHING_H_

#include <doctest/doctest.h>

#include <cstring>

#include "lfm2/format/image.h"

namespace lfm2::test {

// Reads everything that a session would read, and more; sanitizers detect what is out of range.
inline uint64_t ReadEverything(const Image& image) {
  uint64_t sum = 0;
  const auto read = [&sum](const uint8_t* data, uint64_t bytes) {
    REQUIRE(data != nullptr);
    sum += data[0] + data[bytes / 2] + data[bytes - 1];
  };
  const ModelConfig& config = image.config();
  for (uint32_t t = 0; t < image.tensor_count(); ++t) {
    const TensorEntry entry = image.tensor(t);
    if (entry.role < static_cast<uint16_t>(TensorRole::kExpertGate)) {
      read(image.PinnedData(entry), entry.bytes);
      continue;
    }
    for (uint32_t e = 0; e < config.experts; ++e) {
      read(image.Record(entry.layer - config.dense_layers, e) + entry.offset, entry.bytes);
    }
  }
  const Vocab& vocab = image.vocab();
  for (int32_t t = -1; t <= static_cast<int32_t>(vocab.size()); ++t) {
    for (const char c : vocab.TokenBytes(t)) sum += static_cast<uint8_t>(c);
    sum += vocab.IsSpecial(t) + vocab.IsStop(t);
  }
  for (uint32_t left = 0; left < vocab.size(); ++left) {
    const VocabMerge* merge = vocab.FindMerge(left, vocab.ByteToken('b'));
    if (merge != nullptr) sum += vocab.TokenBytes(static_cast<int32_t>(merge->merged)).size();
  }
  for (const char* text : {"<|im_start|>", "<|im", "abc", "\xff"})
    sum += static_cast<uint32_t>(vocab.MatchSpecial(text, true) + 1);
  sum += std::strlen(image.name());
  return sum;
}

}  // namespace lfm2::test

#endif  // LFM2_TESTS_FORMAT_READ_EVERYTHING_H_
