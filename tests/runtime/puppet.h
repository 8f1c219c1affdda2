// A conversation whose model says what a test wants it to say.
#ifndef LFM2_TESTS_RUNTIME_PUPPET_H_
#define LFM2_TESTS_RUNTIME_PUPPET_H_

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lfm2.h"
#include "tests/runtime/test_model.h"

namespace lfm2::test {

// Tokens of single bytes.
inline std::vector<int32_t> ByteTokens(std::string_view text) {
  std::vector<int32_t> ids;
  for (const char byte : text) ids.push_back(static_cast<int32_t>(HomeVocab().ByteToken(static_cast<uint8_t>(byte))));
  return ids;
}

// The tokens to say are chosen because before_choice forbids all others, as a mask of a caller does.
struct Puppet {
  explicit Puppet(const ConversationOptions& options = Greedy(), uint32_t context = 256)
      : own(std::make_unique<OpenSession>(Home().image(), SessionOptionsOf(context))), session(*own->session) {
    LFM2_REQUIRE_OK(chat.Open(&session, options));
  }
  // on: an open session, which outlives this.
  explicit Puppet(Session* on) : session(*on) { LFM2_REQUIRE_OK(chat.Open(on, Greedy())); }
  static SessionOptions SessionOptionsOf(uint32_t context) {
    SessionOptions options;
    options.context_length = context;
    return options;
  }

  void WillSay(std::string_view text) {
    const std::vector<int32_t> ids = ByteTokens(text);
    words.insert(words.end(), ids.begin(), ids.end());
  }
  void WillSay(int32_t token) { words.push_back(token); }
  AnswerOptions Options(uint32_t max_tokens = 0) {
    AnswerOptions options(max_tokens);
    options.context = this;
    options.before_choice = [](void* context, Span<float> logits) {
      Puppet& self = *static_cast<Puppet*>(context);
      if (self.said == self.words.size()) return;
      const size_t word = static_cast<size_t>(self.words[self.said++]);
      const float logit = logits[word];
      for (float& value : logits) value = -std::numeric_limits<float>::infinity();
      logits[word] = logit;
    };
    options.on_token = [](void* context, int32_t token, Span<const float> logits) {
      Puppet& self = *static_cast<Puppet*>(context);
      self.chosen.push_back(token);
      self.put.push_back(logits.empty());
    };
    return options;
  }
  // The pieces that one call passes on. takes: how many the sink accepts.
  std::vector<std::string> Answer(const AnswerOptions& options, size_t takes = SIZE_MAX) {
    std::vector<std::string> pieces;
    const auto sink = [&](std::string_view text) {
      CHECK(pieces.size() < takes);
      pieces.emplace_back(text);
      return pieces.size() < takes;
    };
    LFM2_REQUIRE_OK(chat.Answer(options, sink));
    return pieces;
  }
  std::vector<std::string> Answer(uint32_t max_tokens = 0) { return Answer(Options(max_tokens)); }
  void Say(std::string_view text) { LFM2_REQUIRE_OK(chat.Add({ChatRole::kUser, text})); }

  std::unique_ptr<OpenSession> own;
  Session& session;
  Conversation chat;
  std::vector<int32_t> words;
  size_t said = 0;
  std::vector<int32_t> chosen;
  std::vector<bool> put;
};

using Pieces = std::vector<std::string>;

}  // namespace lfm2::test

#endif  // LFM2_TESTS_RUNTIME_PUPPET_H_
