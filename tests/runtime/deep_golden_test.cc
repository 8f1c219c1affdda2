// Contexts longer than anything else here is compared at: rotary embedding, attention and the key/value cache beyond
// 8,192 positions against transformers in float32. If this fails, long conversations drift into nonsense while short
// ones are right. tests/runtime/make_deep_golden.py made the expected logits.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>

#include "tests/runtime/golden_models.h"
#include "tests/runtime/test_model.h"
#include "tests/temporary_folder.h"

namespace lfm2::test {
namespace {

constexpr uint32_t kDeepPositions[] = {4095, 8191, 8192, 8250, 8299};  // as in make_deep_golden.py

// The same tokens as make_deep_golden.py's: far from a repetition.
std::vector<int32_t> DeepTokens(uint32_t vocab_size) {
  std::vector<int32_t> ids = {1};
  for (uint32_t i = 1; i <= kDeepPositions[4]; ++i) {
    ids.push_back(static_cast<int32_t>(14 + (i * i * 31 + i * 7919) % (vocab_size - 14)));
  }
  return ids;
}

// dense-256, which was made for a context of 4,096, with one of 16,384: nothing else depends on it.
std::string WithLongContext(const TemporaryFolder& folder) {
  std::ifstream from(std::string(LFM2_TEST_DATA) + "/gguf/dense-256-BF16.gguf", std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(from)), std::istreambuf_iterator<char>());
  const std::string key = "lfm2.context_length";
  const size_t value = bytes.find(key) + key.size() + sizeof(uint32_t);  // after the type of the value
  uint32_t context = 0;
  REQUIRE(value + sizeof(context) < bytes.size());
  std::memcpy(&context, &bytes[value], sizeof(context));
  REQUIRE(context == 4096);
  context = 16384;
  std::memcpy(&bytes[value], &context, sizeof(context));
  const std::string path = folder / "long.gguf";
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

TEST_CASE("logits beyond 8,192 positions are transformers'") {
  const TemporaryFolder folder;
  const TestModel model(WithLongContext(folder));
  const NpyArray golden = ReadNpy(std::string(LFM2_TEST_DATA) + "/golden/dense-256-BF16.deep.logits.npy");
  const size_t vocab = model.config().vocab_size;
  REQUIRE(golden.shape == std::vector<size_t>{5, vocab});
  const std::vector<int32_t> ids = DeepTokens(model.config().vocab_size);
  for (const KvCacheType kv : {KvCacheType::kF32, KvCacheType::kF16, KvCacheType::kInt8}) {
    CAPTURE(static_cast<int>(kv));
    SessionOptions options;
    options.context_length = static_cast<uint32_t>(ids.size());
    options.kv_cache = kv;
    OpenSession open(model.image(), options);
    double largest = 0;
    size_t done = 0;
    for (size_t i = 0; i < 5; ++i) {
      CAPTURE(kDeepPositions[i]);
      LFM2_REQUIRE_OK(open.session->Prefill({ids.data() + done, kDeepPositions[i] + 1 - done}));
      done = kDeepPositions[i] + 1;
      double error = 0, power = 0;
      for (size_t v = 0; v < vocab; ++v) {
        const double want = static_cast<double>(golden.values[i * vocab + v]);
        error += std::pow(static_cast<double>(open.session->logits()[v]) - want, 2);
        power += want * want;
      }
      largest = std::max(largest, error / power);
    }
    // The squared relative rounding of one cached element, of which an average over many is far below: a half float's
    // 2^-11, a group's 1/254. Without either, floats are only added in another order.
    const double bound = kv == KvCacheType::kF32 ? 1e-10 : kv == KvCacheType::kF16 ? 2.4e-7 : 1.6e-5;
    CHECK(largest <= bound);
  }
}

}  // namespace
}  // namespace lfm2::test
