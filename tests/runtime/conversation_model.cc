#include "tests/runtime/conversation_model.h"

#include <algorithm>
#include <deque>

#include "tests/runtime/test_model.h"

namespace lfm2::test {
namespace {

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// A ChatMessage of a Message, with what it points to.
struct MessageViews {
  explicit MessageViews(const std::vector<Message>& messages) {
    for (const Message& m : messages) {
      calls.emplace_back(m.tool_calls.begin(), m.tool_calls.end());
      ChatMessage view = {m.role, m.content, m.thinking, {}};
      view.tool_calls = {calls.back().data(), calls.back().size()};
      views.push_back(view);
    }
  }
  std::deque<std::vector<std::string_view>> calls;
  std::vector<ChatMessage> views;
};

}  // namespace

std::string WholeText(const std::string& bytes, bool final) {
  std::string text;
  for (std::string_view rest = bytes; !rest.empty();) {
    const Utf8Char c = ReadUtf8(rest);
    if (c.kind == Utf8Char::Kind::kIncomplete && !final) break;
    text += c.kind == Utf8Char::Kind::kValid ? rest.substr(0, c.length) : std::string_view("\xef\xbf\xbd");
    rest.remove_prefix(c.length);
  }
  return text;
}

void ForceToken(const Vocab& vocab, const std::vector<int32_t>& forced, size_t at, Span<float> logits) {
  const float never = -std::numeric_limits<float>::infinity();
  for (size_t i = 0; i < logits.size(); ++i) {
    const bool begins_turn = vocab.TokenBytes(static_cast<int32_t>(i)) == "<|im_start|>";
    if (begins_turn || (at < forced.size() && static_cast<int32_t>(i) != forced[at])) logits[i] = never;
  }
}

ConversationModel::ConversationModel(Session* oracle, uint32_t context, const ChatFormat& format,
                                     const std::string& system, const std::vector<std::string>& tools,
                                     const SamplerOptions& sampler, bool show_special)
    : oracle_(oracle),
      vocab_(oracle->image().vocab()),
      context_(context),
      format_(format),
      system_(system),
      tools_(tools),
      show_special_(show_special) {
  LFM2_REQUIRE_OK(sampler_.Configure(sampler));
}

std::vector<int32_t> ConversationModel::EncodeText(const std::string& text) const {
  std::vector<std::byte> scratch(Tokenizer::ScratchBytes(text.size()));
  std::vector<int32_t> ids(text.size() + 1);
  size_t count = 0;
  LFM2_REQUIRE_OK(Tokenizer(vocab_).Encode(text, {true, false}, scratch, ids, &count));
  ids.resize(count);
  return ids;
}

std::string ConversationModel::Begin(const std::string& begin) const {
  const std::string always(format_.answer);
  return begin.rfind(always, 0) == 0 ? begin : always + begin;
}

std::vector<int32_t> ConversationModel::EncodePrompt(const ChatPrompt& prompt) const {
  std::vector<std::byte> scratch(ChatScratchBytes(4096));
  std::vector<int32_t> ids(8192);
  size_t count = 0;
  LFM2_REQUIRE_OK(EncodeChat(Tokenizer(vocab_), format_, prompt, false, scratch, ids, &count));
  ids.resize(count);
  return ids;
}

// All messages in one rendering. Where the context begins, system text and tools are rendered with them.
std::vector<ConversationModel::Turn> ConversationModel::Render(const std::vector<Message>& messages,
                                                               std::vector<int32_t>* system) const {
  const bool begins = state_.system.empty();
  const bool own_system = !messages.empty() && messages[0].role == ChatRole::kSystem;
  std::vector<Message> all = messages;
  if (begins && !own_system) all.insert(all.begin(), Message{ChatRole::kSystem, system_, "", {}});
  const MessageViews views(all);
  const std::vector<std::string_view> tools(tools_.begin(), tools_.end());
  ChatPrompt prompt;
  prompt.messages = {views.views.data(), views.views.size()};
  prompt.add_generation_prompt = false;
  prompt.continues = !begins;
  if (begins) prompt.tools = {tools.data(), tools.size()};
  prompt.date = kDate;
  const std::vector<int32_t> ids = EncodePrompt(prompt);
  // Every turn begins with <|im_start|>, which no content can become.
  const int32_t start = EncodeText("<|im_start|>")[0];
  std::vector<std::vector<int32_t>> parts(1);
  for (const int32_t id : ids) {
    if (id == start) parts.emplace_back();
    parts.back().push_back(id);
  }
  size_t part = 1;
  if (begins) {
    *system = parts[0];
    const bool has_system = !all[0].content.empty() || !tools_.empty();
    if (has_system) {
      system->insert(system->end(), parts[1].begin(), parts[1].end());
      part = 2;
    }
    all.erase(all.begin());
  } else {
    REQUIRE(parts[0].empty());
  }
  REQUIRE(parts.size() - part == all.size());
  std::vector<Turn> turns;
  for (size_t i = 0; i < all.size(); ++i) turns.push_back({all[i].role, false, parts[part + i]});
  return turns;
}

std::vector<int32_t> ConversationModel::AllIds() const {
  std::vector<int32_t> ids = state_.system;
  for (const Turn& turn : state_.turns) ids.insert(ids.end(), turn.ids.begin(), turn.ids.end());
  return ids;
}

std::vector<int32_t> ConversationModel::ComputedIds() const {
  std::vector<int32_t> ids = AllIds();
  ids.resize(state_.computed);
  return ids;
}

StatusCode ConversationModel::Add(const std::vector<Message>& messages) {
  const bool own_system = !messages.empty() && messages[0].role == ChatRole::kSystem;
  if (state_.system.empty() && own_system && !system_.empty()) return StatusCode::kInvalidArgument;
  const State before = state_;
  std::vector<int32_t> system = state_.system;
  std::vector<Turn> turns = Render(messages, &system);
  state_.system = system;
  if (state_.open.is_open) {  // the answer's turn ends
    const std::vector<int32_t> end = EncodeText("<|im_end|>\n");
    std::vector<int32_t>& ids = state_.turns.back().ids;
    ids.insert(ids.end(), end.begin(), end.end());
  }
  state_.turns.insert(state_.turns.end(), turns.begin(), turns.end());
  state_.open = Open();
  if (Size() <= context_) return StatusCode::kOk;
  state_ = before;
  return StatusCode::kContextFull;
}

void ConversationModel::Compute() {
  if (pending() == 0) return;
  state_.computed = Size();
  state_.has_logits = true;
}

bool ConversationModel::can_go_on() const {
  const Open& open = state_.open;
  return open.is_open && !open.finished && (pending() > 0 || open.token >= 0 || state_.has_logits);
}

Span<const float> ConversationModel::Logits() {
  const std::vector<int32_t> want = ComputedIds();
  const Span<const int32_t> have = oracle_->tokens();
  const bool continues = have.size() <= want.size() && std::equal(have.begin(), have.end(), want.begin());
  if (!continues || (have.size() == want.size() && oracle_->logits().empty())) oracle_->Reset();
  const size_t at = oracle_->position();
  if (at < want.size()) LFM2_REQUIRE_OK(oracle_->Prefill({want.data() + at, want.size() - at}));
  logits_.assign(oracle_->logits().begin(), oracle_->logits().end());
  return {logits_.data(), logits_.size()};
}

int32_t ConversationModel::Choose(const AnswerSpec& spec, size_t forced_at) {
  Logits();
  ForceToken(vocab_, spec.forced, forced_at, {logits_.data(), logits_.size()});
  const std::vector<int32_t> history = ComputedIds();
  std::vector<std::byte> scratch(Sampler::ScratchBytes(logits_.size()));
  int32_t token = -1;
  LFM2_REQUIRE_OK(sampler_.Sample({logits_.data(), logits_.size()}, {history.data(), history.size()}, scratch, &token));
  return token;
}

// Reads all that the answer has from its begin.
bool ConversationModel::InThought(uint32_t* tokens) const {
  const std::string& all = state_.open.all_bytes;
  std::vector<bool> inside(all.size() + 1, false);
  bool in = false;
  for (size_t at = 0; at < all.size();) {
    const std::string marker = in ? "</think>" : "<think>";
    if (all.compare(at, marker.size(), marker) == 0) {
      for (size_t i = 0; i < marker.size(); ++i) inside[at + i] = in;
      at += marker.size();
      in = !in;
      inside[at] = in;
    } else {
      inside[at++] = in;
      inside[at] = in;
    }
  }
  *tokens = 0;
  for (const size_t begin : state_.open.begins) *tokens += inside[begin] ? 1 : 0;
  return in;
}

std::string ConversationModel::Visible(bool final, bool* stopped) const {
  const std::string text = WholeText(state_.open.bytes, final);
  *stopped = false;
  for (size_t end = 1; end <= text.size(); ++end) {
    size_t longest = 0;
    for (const std::string& stop : state_.open.stops) {
      if (EndsWith(std::string_view(text).substr(0, end), stop)) longest = std::max(longest, stop.size());
    }
    if (longest == 0) continue;
    *stopped = true;
    return text.substr(0, end - longest);
  }
  if (final) return text;
  for (size_t begin = 0; begin < text.size(); ++begin) {
    for (const std::string& stop : state_.open.stops) {
      if (stop.compare(0, text.size() - begin, text, begin) == 0) return text.substr(0, begin);
    }
  }
  return text;
}

void ConversationModel::TakeToken(int32_t token) {
  Open& open = state_.open;
  const std::string bytes(vocab_.TokenBytes(token));
  open.token = -1;
  open.begins.push_back(open.all_bytes.size());
  open.all_bytes += bytes;
  if (show_special_ || !vocab_.IsSpecial(token)) open.bytes += bytes;
}

AnswerResult ConversationModel::Answer(const Message* asked, const AnswerSpec& spec, const Cut& cut) {
  AnswerResult result;
  const State before = state_;
  if (asked != nullptr) {
    result.code = Add({*asked});
    if (result.code != StatusCode::kOk) return result;
  }
  const auto refuse = [&](StatusCode code) {
    state_ = before;
    result.code = code;
    return result;
  };
  Open& open = state_.open;
  const bool goes_on = can_go_on();
  if (goes_on && !spec.begin.empty()) return refuse(StatusCode::kInvalidArgument);
  if (!goes_on) {
    if (open.is_open || state_.system.empty()) return refuse(StatusCode::kFailedPrecondition);
    const std::vector<int32_t> prompt = EncodeText("<|im_start|>assistant\n" + Begin(spec.begin));
    if (Size() + prompt.size() > context_) return refuse(StatusCode::kContextFull);
    if (spec.has_sampler) LFM2_REQUIRE_OK(sampler_.Configure(spec.sampler));
    if (cut.happened && !cut.prompt_done) {
      if (asked != nullptr) state_ = before;
      open.finished = true;
      return result;
    }
    state_.turns.push_back({ChatRole::kAssistant, true, prompt});
    open = Open();
    open.is_open = true;
    open.all_bytes = Begin(spec.begin);
    open.stops = spec.stop_texts;
  } else if (pending() > 0 && cut.happened && !cut.prompt_done) {
    return result;
  }
  Compute();
  const auto show = [&](bool final) {
    bool stopped = false;
    const std::string text = Visible(final, &stopped);
    if (text.size() > open.shown && result.pieces.size() < spec.pieces) {
      result.pieces.push_back(text.substr(open.shown));
      open.shown = text.size();
    }
    return stopped;
  };
  const auto is_cut = [&] {
    return cut.happened && result.chosen.size() == cut.chosen && result.tokens == cut.emitted;
  };
  for (size_t forced = 0;;) {
    if (is_cut()) return result;
    if (spec.max_tokens > 0 && result.tokens == spec.max_tokens) {
      result.end = AnswerEnd::kMaxTokens;
      const std::vector<std::string> stops = std::move(open.stops);
      open.stops.clear();
      show(false);
      open.stops = stops;
      return result;
    }
    if (open.token < 0) {
      uint32_t inside = 0;
      if (open.think_end.empty() && InThought(&inside) && inside >= spec.max_thought_tokens) {
        open.think_end = EncodeText("</think>");
      }
      if (open.think_end.empty()) {
        open.token = Choose(spec, forced++);
      } else {
        open.token = open.think_end.front();
        open.think_end.erase(open.think_end.begin());
      }
      result.chosen.push_back(open.token);
    }
    if (vocab_.IsStop(open.token)) {
      open.token = -1;
      open.finished = true;
      show(true);
      result.end = AnswerEnd::kStop;
      return result;
    }
    const int32_t token = open.token;
    const bool full = state_.computed == context_;
    if (is_cut()) return result;
    TakeToken(token);
    if (!full) {
      state_.turns.back().ids.push_back(token);
      state_.computed = Size();
      state_.has_logits = true;
    }
    ++result.tokens;
    const size_t taken = result.pieces.size();
    const bool stopped = show(false);
    if (stopped) {
      open.finished = true;
      result.end = AnswerEnd::kStopText;
      return result;
    }
    const bool interrupted = result.pieces.size() == spec.pieces && result.pieces.size() > taken;
    if (full) {
      if (!interrupted) show(true);
      open.finished = true;
      result.end = AnswerEnd::kContextFull;
      return result;
    }
    if (interrupted) {
      result.end = AnswerEnd::kInterrupted;
      return result;
    }
  }
}

StatusCode ConversationModel::DropOldest(uint32_t positions) {
  if (room() >= positions) return StatusCode::kOk;
  uint32_t dropped = 0;
  for (size_t i = 0; i < state_.turns.size(); ++i) {
    const bool fits = uint64_t{Size()} - dropped + positions <= context_;
    if (i > 0 && state_.turns[i].role == ChatRole::kUser && fits) {
      state_.turns.erase(state_.turns.begin(), state_.turns.begin() + static_cast<std::ptrdiff_t>(i));
      state_.computed = 0;
      state_.has_logits = false;
      return StatusCode::kOk;
    }
    dropped += static_cast<uint32_t>(state_.turns[i].ids.size());
  }
  return StatusCode::kContextFull;
}

ConversationModel::State ConversationModel::Mark() const {
  State mark = state_;
  mark.random = sampler_.random_state();
  return mark;
}

StatusCode ConversationModel::Rewind(const State& mark) {
  const std::vector<int32_t> now = ComputedIds();
  State then = mark;
  std::swap(state_, then);
  const std::vector<int32_t> ids = ComputedIds();
  if (ids.size() > now.size() || !std::equal(ids.begin(), ids.end(), now.begin())) {
    std::swap(state_, then);
    return StatusCode::kFailedPrecondition;
  }
  // Stop texts are not part of a mark, nor what was held back for them.
  state_.has_logits = false;
  state_.open.stops.clear();
  state_.open.think_end.clear();
  state_.open.shown = WholeText(state_.open.bytes, false).size();
  sampler_.SetRandomState(mark.random);
  return StatusCode::kOk;
}

void ConversationModel::SaveAndLoad() {
  const bool by_logits = can_go_on() && state_.open.token < 0;
  REQUIRE(Rewind(Mark()) == StatusCode::kOk);
  state_.has_logits = by_logits;
}

}  // namespace lfm2::test
