// What a random script of conversation_script_test says and asks for: the same for the same seed.
#ifndef LFM2_TESTS_RUNTIME_SCRIPT_CHOICES_H_
#define LFM2_TESTS_RUNTIME_SCRIPT_CHOICES_H_

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "lfm2.h"
#include "tests/runtime/conversation_model.h"

namespace lfm2::test {

class ScriptChoices {
 public:
  // vocab: of the model that the script talks to. It outlives the object.
  ScriptChoices(uint32_t seed, const Vocab& vocab) : random_(seed), vocab_(vocab) {}

  // 0 .. n - 1.
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  // At most so many pieces of text, some of them no UTF-8, some like special tokens.
  std::string Text(uint32_t words);
  SamplerOptions Sampler();
  // of_history: also answers; otherwise sometimes a second system text.
  Message NextMessage(bool of_history);
  // What is asked of the next answer.
  AnswerSpec Spec();

 private:
  // Tokens that an answer is made to begin with: characters cut into bytes, whole and broken, thoughts, stop texts.
  std::vector<int32_t> ForcedTokens();

  std::mt19937 random_;
  const Vocab& vocab_;
};

}  // namespace lfm2::test

#endif  // LFM2_TESTS_RUNTIME_SCRIPT_CHOICES_H_
