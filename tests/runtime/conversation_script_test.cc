// A conversation against a straightforward model of it, fed by random scripts. If they differ, what a user reads is not
// what the model has in its context, or the context contains text that was never said.
#include <doctest/doctest.h>

#include <cstdio>
#include <memory>

#include "programs/text/chat_formats.h"
#include "tests/runtime/conversation_model.h"
#include "tests/runtime/saved_bytes.h"
#include "tests/runtime/script_choices.h"
#include "tests/runtime/streamed_session.h"

namespace lfm2::test {
namespace {

constexpr uint32_t kOracleContext = 256;

// What happened in all scripts: a case that never happens is not tested.
struct ScriptCounts {
  uint64_t actions = 0, ends[7] = {}, cuts[3] = {}, errors[2] = {}, rewinds[2] = {}, drops[2] = {}, loads = 0;
  uint64_t tokens = 0, multibyte = 0, replacements = 0, went_on = 0;
};

bool IsReadError(StatusCode code) {
  return code == StatusCode::kIo || code == StatusCode::kTimeout || code == StatusCode::kCorrupt;
}

SessionOptions OptionsOf(uint32_t context, uint32_t chunk) {
  SessionOptions options;
  options.context_length = context;
  options.prefill_chunk = chunk;
  return options;
}

// A session that conversations run on, and its drive if it has one.
struct Place {
  Session* session = nullptr;
  SimulatedDevice* drive = nullptr;
};

// What the functions of AnswerOptions do.
struct Hooks {
  const Vocab* vocab = nullptr;
  std::vector<int32_t> forced;
  size_t at = 0;
  std::vector<int32_t> chosen;
};

class Script {
 public:
  Script(uint32_t seed, const Place& place, Session* oracle, ScriptCounts* counts)
      : choices_(seed, place.session->image().vocab()), place_(place), session_(*place.session), counts_(counts) {
    const auto formats = tools::KnownChatFormats();
    options_.chat_format = &formats[Below(static_cast<uint32_t>(formats.size()))];
    options_.date = kDate;
    system_ = Below(3) == 0 ? choices_.Text(3) : "";
    for (uint32_t n = Below(4) == 0 ? 1 + Below(2) : 0; n > 0; --n) tools_.push_back("{\"name\": \"f\"}");
    tool_views_.assign(tools_.begin(), tools_.end());
    options_.system = system_;
    options_.tools = {tool_views_.data(), tool_views_.size()};
    options_.show_special = Below(3) != 0;
    options_.sampler = choices_.Sampler();
    LFM2_REQUIRE_OK(conversation_.Open(&session_, options_));
    model_ = std::make_unique<ConversationModel>(oracle, session_.options().context_length, *options_.chat_format,
                                                 system_, tools_, options_.sampler, options_.show_special);
  }

  void Run() {
    for (uint32_t n = 8 + Below(16); n > 0; --n) {
      ++counts_->actions;
      const uint32_t action = Below(20);
      log_ += " " + std::to_string(action);
      CAPTURE(log_);
      switch (action) {
        case 0: Add(); break;
        case 1: AddHistory(); break;
        case 2: Compute(); break;
        case 3:
        case 4: Mark(); break;
        case 5:
        case 6:
        case 7: Rewind(); break;
        case 8:
        case 9: DropOldest(); break;
        case 10: SaveAndLoad(); break;
        case 11: WrongRole(); break;
        case 12:
        case 13:
        case 14:
        case 15: Answer(true); break;
        default: Answer(false);
      }
      Compare();
    }
    conversation_.Close();
  }

 private:
  uint32_t Below(uint32_t n) { return choices_.Below(n); }

  void AddAll(const std::vector<Message>& messages) {
    std::vector<std::vector<std::string_view>> calls(messages.size());
    std::vector<ChatMessage> views;
    for (size_t i = 0; i < messages.size(); ++i) {
      const Message& m = messages[i];
      calls[i].assign(m.tool_calls.begin(), m.tool_calls.end());
      views.push_back({m.role, m.content, m.thinking, {calls[i].data(), calls[i].size()}});
    }
    const Status status = conversation_.Add({views.data(), views.size()});
    const StatusCode want = model_->Add(messages);
    INFO(Text(status));
    CHECK(status.code() == want);
    if (want == StatusCode::kContextFull) ++counts_->errors[0];
  }
  void Add() {
    std::vector<Message> messages(Below(4));
    for (Message& message : messages) message = choices_.NextMessage(false);
    AddAll(messages);
  }
  void AddHistory() {
    std::vector<Message> messages(1 + Below(4));
    for (Message& message : messages) message = choices_.NextMessage(true);
    AddAll(messages);
  }
  void WrongRole() {
    const ChatMessage messages[] = {{ChatRole::kUser, "x"}, {static_cast<ChatRole>(4 + Below(250)), "y"}};
    CHECK(conversation_.Add(messages).code() == StatusCode::kInvalidArgument);
  }

  // A poll that says stop at some time, or a drive that fails.
  void Disturb() {
    polls_left_ = Below(3) == 0 ? static_cast<int>(Below(60)) : INT32_MAX;
    poll_.context = &polls_left_;
    poll_.go_on = [](void* left) { return --*static_cast<int*>(left) >= 0; };
    session_.SetPoll(&poll_);
    if (place_.drive == nullptr || Below(2) == 0) return;
    FaultRates rates;
    rates.io_error = rates.short_read = rates.bad_bits = rates.timeout = 0.003;
    place_.drive->SetRates(rates);
  }
  void Calm() {
    session_.SetPoll(nullptr);
    if (place_.drive != nullptr) place_.drive->Heal();
  }
  bool IsCut(const Status& status) {
    const bool cancelled = status.code() == StatusCode::kCancelled, failed = IsReadError(status.code());
    counts_->cuts[0] += cancelled ? 1 : 0;
    counts_->cuts[1] += failed ? 1 : 0;
    if (cancelled) CHECK(polls_left_ < 0);
    if (failed) CHECK(place_.drive != nullptr);
    return cancelled || failed;
  }

  void Compute() {
    Disturb();
    const Status status = conversation_.Compute();
    Calm();
    if (IsCut(status)) return;
    LFM2_REQUIRE_OK(status);
    model_->Compute();
  }

  void Mark() {
    marks_.emplace_back();
    marks_.back().bytes.resize(static_cast<size_t>(Conversation::MarkBytes(session_.config())));
    const Status status = conversation_.Mark({marks_.back().bytes.data(), marks_.back().bytes.size()});
    CHECK(status.code() == (model_->pending() > 0 ? StatusCode::kFailedPrecondition : StatusCode::kOk));
    marks_.back().state = model_->Mark();
    if (!status.ok()) marks_.pop_back();
  }
  void Rewind() {
    if (marks_.empty()) return;
    const Marked& mark = marks_[Below(static_cast<uint32_t>(marks_.size()))];
    const Status status = conversation_.Rewind({mark.bytes.data(), mark.bytes.size()});
    CHECK(status.code() == model_->Rewind(mark.state));
    ++counts_->rewinds[status.ok() ? 0 : 1];
  }
  void SaveAndLoad() {
    Bytes bytes;
    const Status saved = conversation_.Save([&](Span<const std::byte> more) {
      bytes.insert(bytes.end(), more.begin(), more.end());
      return true;
    });
    CHECK(saved.code() == (model_->pending() > 0 ? StatusCode::kFailedPrecondition : StatusCode::kOk));
    if (!saved.ok()) return;
    BytesSource source({bytes.data(), bytes.size()});
    LFM2_REQUIRE_OK(conversation_.Load(source));
    model_->SaveAndLoad();
    ++counts_->loads;
  }
  void DropOldest() {
    const uint32_t positions = Below(session_.options().context_length);
    const bool goes_on = conversation_.can_go_on();
    const Status status = conversation_.DropOldest(positions);
    CHECK(status.code() == model_->DropOldest(positions));
    if (!status.ok()) CHECK(status.code() == StatusCode::kContextFull);
    if (status.ok()) CHECK(conversation_.room() >= positions);
    // The rest is computed again, so that an answer whose logits Rewind has dropped can be continued.
    if (goes_on) CHECK(conversation_.can_go_on());
    ++counts_->drops[status.ok() ? 0 : 1];
  }

  void Answer(bool asks) {
    const Message asked = {ChatRole::kUser, choices_.Text(4), "", {}};
    const AnswerSpec spec = choices_.Spec();
    std::vector<std::string_view> stops(spec.stop_texts.begin(), spec.stop_texts.end());
    Hooks hooks;
    hooks.vocab = &session_.image().vocab();
    hooks.forced = spec.forced;
    AnswerOptions options(spec.max_tokens);
    options.begin = spec.begin;
    options.stop_texts = {stops.data(), stops.size()};
    options.max_thought_tokens = spec.max_thought_tokens;
    options.sampler = spec.has_sampler ? &spec.sampler : nullptr;
    options.context = &hooks;
    options.before_choice = [](void* context, Span<float> logits) {
      Hooks& h = *static_cast<Hooks*>(context);
      ForceToken(*h.vocab, h.forced, h.at++, logits);
    };
    options.on_token = [](void* context, int32_t token, Span<const float>) {
      static_cast<Hooks*>(context)->chosen.push_back(token);
    };
    std::vector<std::string> pieces;
    const auto sink = [&](std::string_view text) {
      CHECK(pieces.size() < spec.pieces);
      CHECK(!text.empty());
      CHECK(WholeText(std::string(text), true) == text);
      CHECK(WholeText(std::string(text), false) == text);
      pieces.emplace_back(text);
      return pieces.size() < spec.pieces;
    };
    counts_->went_on += !asks && conversation_.can_go_on() ? 1 : 0;
    const uint32_t position = session_.position();
    Cut cut;
    Status status;
    if (Below(2) == 0) {
      Disturb();
      status = asks ? conversation_.Ask(asked.content, options, sink) : conversation_.Answer(options, sink);
    } else {
      status = asks ? conversation_.BeginAsk(asked.content, options) : conversation_.BeginAnswer(options);
      Disturb();
      uint32_t steps = Below(2) == 0 ? UINT32_MAX : Below(80);
      while (status.ok() && conversation_.is_busy() && steps > 0) {
        CheckRefusals();
        status = conversation_.Step(sink);
        --steps;
      }
      cut.happened = status.ok() && conversation_.is_busy();
      conversation_.Abort();
      counts_->cuts[2] += cut.happened ? 1 : 0;
    }
    Calm();
    const bool was_cut = IsCut(status);
    cut.happened = was_cut || cut.happened;
    cut.prompt_done = session_.position() > position || session_.position() < position;
    cut.chosen = static_cast<uint32_t>(hooks.chosen.size());
    cut.emitted = conversation_.answer_tokens();
    const AnswerResult want = model_->Answer(asks ? &asked : nullptr, spec, cut);
    INFO(Text(status));
    if (cut.happened) {
      CHECK(conversation_.answer_end() == (IsReadError(status.code()) ? AnswerEnd::kError : AnswerEnd::kCancelled));
    } else {
      CHECK(status.code() == want.code);
    }
    if (!status.ok() && !was_cut) {
      ++counts_->errors[1];
      return;
    }
    CHECK(pieces == want.pieces);
    CHECK(hooks.chosen == want.chosen);
    CHECK(conversation_.answer_tokens() == want.tokens);
    if (!cut.happened) CHECK(conversation_.answer_end() == want.end);
    Count(pieces, want, cut);
  }
  // Between two steps no other call may be started.
  void CheckRefusals() {
    if (Below(50) != 0) return;
    CHECK(conversation_.Add({ChatRole::kUser, "x"}).code() == StatusCode::kFailedPrecondition);
    CHECK(conversation_.BeginAnswer(1).code() == StatusCode::kFailedPrecondition);
    CHECK(conversation_.DropOldest(1).code() == StatusCode::kFailedPrecondition);
    CHECK(conversation_.Compute().code() == StatusCode::kFailedPrecondition);
  }
  void Count(const std::vector<std::string>& pieces, const AnswerResult& result, const Cut& cut) {
    counts_->tokens += result.tokens;
    if (!cut.happened) ++counts_->ends[static_cast<int>(result.end)];
    for (const std::string& piece : pieces) {
      counts_->multibyte += piece.find('\xf0') != std::string::npos ? 1 : 0;
      counts_->replacements += piece.find("\xef\xbf\xbd") != std::string::npos ? 1 : 0;
    }
  }

  void Compare() {
    CHECK(!conversation_.is_busy());
    CHECK(session_.steps_left() == 0);
    const std::vector<int32_t> ids(session_.tokens().begin(), session_.tokens().end());
    REQUIRE(ids == model_->ComputedIds());
    CHECK(conversation_.pending_tokens() == model_->pending());
    CHECK(conversation_.room() == model_->room());
    CHECK(conversation_.can_go_on() == model_->can_go_on());
  }

  struct Marked {
    Bytes bytes;
    ConversationModel::State state;
  };

  ScriptChoices choices_;
  std::string log_;  // of actions, to find the one that went wrong
  Place place_;
  Session& session_;
  ScriptCounts* counts_;
  std::string system_;
  std::vector<std::string> tools_;
  std::vector<std::string_view> tool_views_;
  ConversationOptions options_;
  Conversation conversation_;
  std::unique_ptr<ConversationModel> model_;
  std::vector<Marked> marks_;
  Poll poll_;
  int polls_left_ = 0;
};

}  // namespace

TEST_CASE(
    "1,000 random scripts: a conversation has the ids and the text of a plain model of it, whole characters only") {
  OpenSession oracle(Home().image(), OptionsOf(kOracleContext, 64));
  OpenSession small(Home().image(), OptionsOf(70, 4)), medium(Home().image(), OptionsOf(110, 64)),
      large(Home().image(), OptionsOf(200, 16));
  SessionOptions options = OptionsOf(120, 16);
  options.read_retries = 0;
  options.arena_bytes = ArenaFor(Home().image(), options, 16);
  StreamedSession streamed(Home().image(), DriveOptions(4, 16 * kBlock), options);
  const Place places[] = {{small.session.get(), nullptr},
                          {medium.session.get(), nullptr},
                          {large.session.get(), nullptr},
                          {streamed.session.get(), &streamed.streamed.drive}};
  ScriptCounts counts;
  for (uint32_t seed = 1; seed <= 1000; ++seed) {
    CAPTURE(seed);
    Script(seed, places[seed % 4], oracle.session.get(), &counts).Run();
  }
  CHECK(streamed.streamed.watched.mistakes() == "");
  CHECK(streamed.streamed.arena.RimIsIntact());
  for (const OpenSession* open : {&oracle, &small, &medium, &large}) CHECK(open->arena.RimIsIntact());
  std::printf("%llu actions, %llu tokens\n", static_cast<unsigned long long>(counts.actions),
              static_cast<unsigned long long>(counts.tokens));
  // Everything has happened, and often.
  for (const AnswerEnd end : {AnswerEnd::kStop, AnswerEnd::kStopText, AnswerEnd::kMaxTokens, AnswerEnd::kContextFull,
                              AnswerEnd::kInterrupted}) {
    CAPTURE(static_cast<int>(end));
    CHECK(counts.ends[static_cast<int>(end)] > 50);
  }
  for (const uint64_t(*list)[2] : {&counts.errors, &counts.rewinds, &counts.drops}) {
    CAPTURE((*list)[0]);
    CAPTURE((*list)[1]);
    for (const uint64_t count : *list) CHECK(count > 50);
  }
  for (const uint64_t count : counts.cuts) {
    CAPTURE(&count - counts.cuts);
    CHECK(count > 50);
  }
  CHECK(counts.loads > 50);
  CHECK(counts.multibyte > 50);
  CHECK(counts.replacements > 50);
  CHECK(counts.went_on > 50);
}

}  // namespace lfm2::test
