// Models for tests of the runtime: packed in memory from their GGUF, with an arena of just the planned size.
#ifndef LFM2_TESTS_RUNTIME_TEST_MODEL_H_
#define LFM2_TESTS_RUNTIME_TEST_MODEL_H_

#include <doctest/doctest.h>

#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lfm2.h"
#include "programs/files/byte_sink.h"
#include "programs/pack/open_source.h"
#include "programs/pack/packer.h"
#include "tests/pack/image_copy.h"

namespace lfm2::test {

inline std::string Text(const Status& status) {
  char text[512];
  return std::string(text, status.Format(text, sizeof(text)));
}

// Fails the test with the Status' own words.
#define LFM2_REQUIRE_OK(expression)                   \
  do {                                                \
    const ::lfm2::Status status_here_ = (expression); \
    INFO(::lfm2::test::Text(status_here_));           \
    REQUIRE(status_here_.ok());                       \
  } while (false)

class TestModel {
 public:
  // path: a GGUF file, or a directory of safetensors. token_trie: whether the image has one.
  explicit TestModel(const std::string& path, bool token_trie = true) {
    std::unique_ptr<tools::ModelSource> source;
    tools::PackPlan plan;
    tools::MemorySink sink;
    tools::Error error = tools::OpenSource(path, {}, &source);
    if (error.ok()) error = PlanPack(*source, "", &plan);
    if (!token_trie) LeaveOutTokenTrie(&plan);
    if (error.ok()) error = WriteImage(*source, plan, tools::StepProgress(), &sink);
    INFO(error.text());
    REQUIRE(error.ok());
    copy_ = std::make_unique<ImageCopy>(sink.bytes());
    LFM2_REQUIRE_OK(image_.Open(copy_->storage()));
  }
  const Image& image() const { return image_; }
  const ModelConfig& config() const { return image_.config(); }

 private:
  std::unique_ptr<ImageCopy> copy_;
  Image image_;
};

// The small model that the repository ships.
inline const TestModel& Home() {
  static const TestModel model(std::string(LFM2_TEST_DATA) + "/home/Q4_0.gguf");
  return model;
}
inline const Vocab& HomeVocab() { return Home().image().vocab(); }

// Takes an answer's pieces and does nothing with them.
inline constexpr auto kIgnore = [](std::string_view) {};

// Memory full of NaNs, so that whatever is read before it is written shows, with an untouchable rim.
class TestArena {
 public:
  explicit TestArena(uint64_t bytes) : bytes_(static_cast<size_t>(bytes)), memory_(bytes_ + 3 * kAlignment) {
    std::memset(memory_.data(), 0xff, memory_.size());
    const uintptr_t address = reinterpret_cast<uintptr_t>(memory_.data());
    begin_ = static_cast<size_t>(RoundUp<uintptr_t>(address + 1, kAlignment) - address);
  }
  Span<std::byte> span() { return {memory_.data() + begin_, bytes_}; }
  // Nothing was written before or after the arena.
  bool RimIsIntact() const {
    for (size_t i = 0; i < memory_.size(); ++i) {
      const bool inside = i >= begin_ && i < begin_ + bytes_;
      if (!inside && memory_[i] != std::byte{0xff}) return false;
    }
    return true;
  }

 private:
  size_t bytes_;
  std::vector<std::byte> memory_;
  size_t begin_ = 0;
};

// A session that is open, or has failed the test.
struct OpenSession {
  OpenSession(const Image& image, const SessionOptions& options, const Executor* executor = nullptr)
      : arena(MakePlan(image.config(), options).total_bytes), session(std::make_unique<Session>()) {
    LFM2_REQUIRE_OK(session->Open(image, options, arena.span(), executor));
  }
  TestArena arena;
  std::unique_ptr<Session> session;
};

// Always the likeliest token.
inline ConversationOptions Greedy() {
  ConversationOptions options;
  options.sampler.temperature = 0.0f;
  options.sampler.repetition_penalty = 1.0f;
  return options;
}

// logits[tokens][vocab_size] of every position.
inline std::vector<std::vector<float>> AllLogits(Session& session, const std::vector<int32_t>& ids) {
  std::vector<std::vector<float>> rows;
  LFM2_REQUIRE_OK(session.PrefillLogits({ids.data(), ids.size()}, [&](uint32_t position, Span<const float> logits) {
    REQUIRE(position == rows.size());
    rows.emplace_back(logits.begin(), logits.end());
  }));
  return rows;
}

}  // namespace lfm2::test

#endif  // LFM2_TESTS_RUNTIME_TEST_MODEL_H_
