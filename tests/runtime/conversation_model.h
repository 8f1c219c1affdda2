// A simple model of a conversation: a list of messages and answers that is rendered again for every query, a session
// that only computes logits, and the text of an answer decoded from all its bytes.
#ifndef LFM2_TESTS_RUNTIME_CONVERSATION_MODEL_H_
#define LFM2_TESTS_RUNTIME_CONVERSATION_MODEL_H_

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "lfm2.h"

namespace lfm2::test {

// A message that owns its text.
struct Message {
  ChatRole role = ChatRole::kUser;
  std::string content;
  std::string thinking;
  std::vector<std::string> tool_calls;
};

// What is asked of an answer.
struct AnswerSpec {
  uint32_t max_tokens = 0;
  std::string begin;
  std::vector<std::string> stop_texts;
  uint32_t max_thought_tokens = UINT32_MAX;
  bool has_sampler = false;
  SamplerOptions sampler;
  std::vector<int32_t> forced;   // the first tokens that are chosen: all others are forbidden
  uint32_t pieces = UINT32_MAX;  // that the sink takes before it says no
};

// Where an answer was cut from outside, counted in the call that was cut.
struct Cut {
  bool happened = false;
  bool prompt_done = false;
  uint32_t chosen = 0;  // calls of on_token
  uint32_t emitted = 0;
};

// What one call gives.
struct AnswerResult {
  StatusCode code = StatusCode::kOk;
  AnswerEnd end = AnswerEnd::kStop;
  uint32_t tokens = 0;
  std::vector<std::string> pieces;
  std::vector<int32_t> chosen;
};

// The text of whole characters of these bytes: what is no UTF-8 becomes U+FFFD. final: so does a character that is cut.
std::string WholeText(const std::string& bytes, bool final);

// logits -> those of the forced token only; others keep out tokens that begin a turn, which the list of messages would
// not know of.
void ForceToken(const Vocab& vocab, const std::vector<int32_t>& forced, size_t at, Span<float> logits);

// The date of the chats.
inline constexpr const char* kDate = "2026-11-25";

class ConversationModel {
 public:
  // oracle: an open session of the same weights, used for nothing else. context: number of positions.
  ConversationModel(Session* oracle, uint32_t context, const ChatFormat& format, const std::string& system,
                    const std::vector<std::string>& tools, const SamplerOptions& sampler, bool show_special);

  StatusCode Add(const std::vector<Message>& messages);
  void Compute();
  // asked: the message of Ask; nullptr: Answer.
  AnswerResult Answer(const Message* asked, const AnswerSpec& spec, const Cut& cut);
  StatusCode DropOldest(uint32_t positions);

  struct State;
  // What a mark holds is found by comparing: the ids before it are still there.
  State Mark() const;
  StatusCode Rewind(const State& mark);
  // The state after saving and loading: logits only where the answer can be continued by them.
  void SaveAndLoad();

  std::vector<int32_t> ComputedIds() const;
  uint32_t pending() const { return Size() - state_.computed; }
  uint32_t room() const { return context_ - Size(); }
  bool can_go_on() const;

  // One message, as ids that its turn adds: the text of the turn before it is closed.
  struct Turn {
    ChatRole role = ChatRole::kUser;
    bool generated = false;
    std::vector<int32_t> ids;
  };
  // The answer that can be continued.
  struct Open {
    bool is_open = false;
    bool finished = false;
    int32_t token = -1;          // chosen and not computed
    std::string bytes;           // of emitted tokens
    std::string all_bytes;       // with the text that it began with and special tokens, to look for thoughts
    std::vector<size_t> begins;  // of its tokens, within all_bytes
    size_t shown = 0;            // bytes of its text that the sink was given
    std::vector<std::string> stops;
    std::vector<int32_t> think_end;  // that is being put there
  };
  struct State {
    std::vector<int32_t> system;  // ids; empty: nothing was added yet
    std::vector<Turn> turns;
    uint32_t computed = 0;
    bool has_logits = false;  // of the last position, where an answer continues
    Open open;
    uint64_t random = 0;
  };

 private:
  std::vector<int32_t> AllIds() const;
  uint32_t Size() const { return static_cast<uint32_t>(AllIds().size()); }
  std::vector<int32_t> EncodeText(const std::string& text) const;
  std::vector<int32_t> EncodePrompt(const ChatPrompt& prompt) const;
  // What an answer begins with, of the format and of the caller.
  std::string Begin(const std::string& begin) const;
  std::vector<Turn> Render(const std::vector<Message>& messages, std::vector<int32_t>* system) const;
  Span<const float> Logits();
  int32_t Choose(const AnswerSpec& spec, size_t forced_at);
  // The visible text, and whether a stop text has ended it.
  std::string Visible(bool final, bool* stopped) const;
  bool InThought(uint32_t* tokens) const;
  void TakeToken(int32_t token);

  Session* oracle_;
  const Vocab& vocab_;
  uint32_t context_;
  ChatFormat format_;
  std::string system_;
  std::vector<std::string> tools_;
  bool show_special_;
  Sampler sampler_;
  State state_;
  std::vector<float> logits_;
};

}  // namespace lfm2::test

#endif  // LFM2_TESTS_RUNTIME_CONVERSATION_MODEL_H_
