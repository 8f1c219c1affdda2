// A conversation with a small model, by a caller who does anything in any order. Input: a script of calls, of messages,
// options, masks and places to give up.
#include <algorithm>
#include <limits>
#include <memory>

#include "lfm2.h"
#include "tests/fuzz/targets.h"
#include "tests/fuzz/tiny_image.h"
#include "tests/fuzz/tiny_vocab.h"

namespace lfm2::fuzz {
namespace conversation {

constexpr uint32_t kContext = 64;
constexpr size_t kMaxArenaBytes = 1u << 20, kMaxStateBytes = 1u << 18, kMaxActions = 24, kNoteBytes = 40;

ModelConfig SmallConfig() {
  ModelConfig c;
  c.hidden_size = 32;
  c.layers = 2;
  c.heads = 2;
  c.kv_heads = 1;
  c.head_dim = 32;
  c.conv_kernel = 3;
  c.dense_layers = 1;
  c.dense_ff_size = 32;
  c.experts = 2;
  c.experts_per_token = 1;
  c.expert_ff_size = 32;
  c.vocab_size = TinyVocab().size();
  c.context_length = kContext;
  c.tied_embedding = true;
  c.layer_kind[0] = LayerKind::kShortConv;
  c.layer_kind[1] = LayerKind::kAttention;
  return c;
}

// A session that is open, of weights in [-0.5, 0.5).
struct Engine {
  Engine() : memory(kMaxArenaBytes) {
    const std::string vocab = BuiltVocab(TinyVocabSource());
    const std::string metadata = LayOut(SmallConfig(), "", vocab.size());
    const ImageHeader header = LoadAs<ImageHeader>(metadata.data());
    file.resize(static_cast<size_t>(RoundUp<uint64_t>(header.file_bytes, kAlignment)) + kAlignment);
    test::XorShift random(5);
    for (size_t i = 0; i + 4 <= file.size(); i += 4) {
      const float value = static_cast<float>(random.Below(1000)) / 1000.0f - 0.5f;
      std::memcpy(file.data() + i, &value, sizeof(value));
    }
    const uintptr_t address = reinterpret_cast<uintptr_t>(file.data());
    std::byte* const begin = file.data() + (RoundUp<uintptr_t>(address, kAlignment) - address);
    std::memcpy(begin, metadata.data(), metadata.size());
    std::memcpy(begin + header.pinned_offset, vocab.data(), vocab.size());
    std::string with_crc = metadata;
    PatchMetadata(nullptr, 0, &with_crc);
    std::memcpy(begin, with_crc.data(), with_crc.size());
    storage = std::make_unique<MemoryStorage>(Span<const std::byte>{begin, static_cast<size_t>(header.file_bytes)});
    LFM2_HOLDS(image.Open(*storage).ok());
    SessionOptions options;
    options.prefill_chunk = 16;
    options.max_word_bytes = 64;
    arena = memory.Block(static_cast<size_t>(MakePlan(image.config(), options).total_bytes));
    LFM2_HOLDS(session.Open(image, options, arena).ok());
  }

  std::vector<std::byte> file;
  std::unique_ptr<MemoryStorage> storage;
  Memory memory;
  Span<std::byte> arena;
  Image image;
  Session session;
};

void CheckIsWhole(std::string_view text) {
  LFM2_HOLDS(!text.empty());
  while (!text.empty()) {
    const Utf8Char c = ReadUtf8(text);
    LFM2_HOLDS(c.kind == Utf8Char::Kind::kValid);
    text.remove_prefix(c.length);
  }
}

class Caller {
 public:
  Caller(Session* session, std::string_view bytes) : session_(*session), input_(bytes) { Open(); }

  void Run() {
    for (size_t actions = 0; actions < kMaxActions && !input_.empty(); ++actions) {
      Act(input_.Below(12));
      Check();
    }
    chat_.Close();
    LFM2_HOLDS(!chat_.is_open() && session_.steps_left() == 0);
  }

 private:
  void Open() {
    const uint8_t flags = input_.Byte();
    ConversationOptions options;
    const auto formats = tools::KnownChatFormats();
    if ((flags & 1) != 0) options.chat_format = &formats[flags / 16 % formats.size()];
    if ((flags & 16) != 0) options.date = "2026-11-25";
    options.show_special = (flags & 2) != 0;
    if ((flags & 4) != 0) system_ = std::string(input_.Part());
    if ((flags & 8) != 0) tool_ = std::string(input_.Part());
    options.system = system_;
    tool_view_ = tool_;
    if ((flags & 8) != 0) options.tools = {&tool_view_, 1};
    options.sampler = Sampler();
    const Status status = chat_.Open(&session_, options);
    CheckSentence(status);
    LFM2_HOLDS(status.ok() == chat_.is_open());
    if (!status.ok()) LFM2_HOLDS(chat_.Open(&session_, ConversationOptions()).ok());
    LFM2_HOLDS(session_.position() == 0);
  }

  SamplerOptions Sampler() {
    SamplerOptions sampler;
    const uint8_t kind = input_.Byte();
    if (kind % 4 == 0) sampler.temperature = 0.0f;
    if (kind % 4 == 1) sampler.temperature = 1.0f + kind;
    if (kind % 16 == 2) sampler.temperature = input_.Take<float>();
    sampler.top_k = kind / 16;
    sampler.seed = kind;
    return sampler;
  }

  ChatMessage Message() {
    const uint8_t kind = input_.Byte();
    ChatMessage message = {static_cast<ChatRole>(kind % 16 == 15 ? kind : kind % 4), input_.Part()};
    if ((kind & 64) != 0) message.thinking = input_.Part();
    call_ = (kind & 128) != 0 ? input_.Part() : std::string_view();
    if ((kind & 128) != 0) message.tool_calls = {&call_, 1};
    return message;
  }

  void Act(uint32_t action) {
    switch (action) {
      case 0: return Note(chat_.Add(Message()));
      case 1: return AddMany();
      case 2: return Compute();
      case 3:
      case 4:
      case 5: return Answer(true);
      case 6:
      case 7: return Answer(false);
      case 8: return Mark();
      case 9: return Rewind();
      case 10: {
        const uint32_t positions = input_.Byte();
        const Status status = chat_.DropOldest(positions);
        if (status.ok()) LFM2_HOLDS(chat_.room() >= positions);
        return Note(status);
      }
      default:
        if (input_.Below(4) == 0) return Open();
        SaveAndLoad();
    }
  }
  static void Note(const Status& status) { CheckSentence(status); }

  void AddMany() {
    std::vector<ChatMessage> messages;
    for (uint32_t n = input_.Below(4); n > 0; --n) {
      messages.push_back(Message());
      messages.back().tool_calls = {};
    }
    const uint32_t before = chat_.pending_tokens();
    const Status status = chat_.Add({messages.data(), messages.size()});
    Note(status);
    LFM2_HOLDS(status.ok() || chat_.pending_tokens() == before);
  }

  void SetPoll() {
    const uint8_t after = input_.Byte();
    if (after < 128) return;
    polls_left_ = after - 128;
    poll_.context = &polls_left_;
    poll_.go_on = [](void* left) { return --*static_cast<int*>(left) >= 0; };
    session_.SetPoll(&poll_);
  }
  void Compute() {
    SetPoll();
    const Status status = chat_.Compute();
    session_.SetPoll(nullptr);
    Note(status);
    LFM2_HOLDS(status.ok() ? chat_.pending_tokens() == 0 : status.code() == StatusCode::kCancelled);
  }

  void Answer(bool asks) {
    const ChatMessage asked = asks ? Message() : ChatMessage{ChatRole::kUser, ""};
    const uint8_t flags = input_.Byte();
    AnswerOptions options(flags % 8);
    if ((flags & 8) != 0) options.begin = input_.Part();
    std::string_view stops[2];
    stops[0] = (flags & 16) != 0 ? input_.Part() : std::string_view();
    stops[1] = (flags & 16) != 0 ? input_.Part() : std::string_view();
    if ((flags & 16) != 0) options.stop_texts = {stops, stops[1].empty() ? 1u : 2u};
    if ((flags & 32) != 0) options.max_thought_tokens = input_.Below(4);
    SamplerOptions sampler;
    if ((flags & 64) != 0) {
      sampler = Sampler();
      options.sampler = &sampler;
    }
    forced_ = (flags & 128) != 0 ? input_.Part() : std::string_view();
    options.context = this;
    options.before_choice = [](void* self, Span<float> logits) { static_cast<Caller*>(self)->Force(logits); };
    tokens_seen_ = 0;
    options.on_token = [](void* self, int32_t token, Span<const float> logits) {
      Caller& caller = *static_cast<Caller*>(self);
      LFM2_HOLDS(caller.session_.image().vocab().Contains(token));
      LFM2_HOLDS(logits.empty() || logits.size() == caller.session_.config().vocab_size);
      ++caller.tokens_seen_;
    };
    uint32_t takes = 1 + input_.Below(16);
    const auto sink = [&](std::string_view text) {
      LFM2_HOLDS(takes > 0);
      CheckIsWhole(text);
      return --takes > 0 || flags % 2 == 0;
    };
    const auto unlimited = [&](std::string_view text) {
      CheckIsWhole(text);
      return true;
    };
    const TextSink to = flags % 2 == 0 ? TextSink(unlimited) : TextSink(sink);
    const bool in_steps = input_.Below(2) == 0;
    Status status;
    if (in_steps) {
      status = asks ? chat_.BeginAsk(asked, options) : chat_.BeginAnswer(options);
      LFM2_HOLDS(status.ok() == chat_.is_busy());
      for (uint32_t steps = input_.Byte(); status.ok() && chat_.is_busy() && steps > 0; --steps)
        status = chat_.Step(to);
      const bool was_busy = chat_.is_busy();
      chat_.Abort();
      if (was_busy) LFM2_HOLDS(chat_.answer_end() == AnswerEnd::kCancelled);
    } else {
      SetPoll();
      status = asks ? chat_.Ask(asked, options, to) : chat_.Answer(options, to);
      session_.SetPoll(nullptr);
    }
    Note(status);
    LFM2_HOLDS(!chat_.is_busy());
    if (status.ok()) LFM2_HOLDS(options.max_tokens == 0 || chat_.answer_tokens() <= options.max_tokens);
    // A token from an earlier call may be the first, and the last one may be still to come.
    if (status.ok()) LFM2_HOLDS(tokens_seen_ <= chat_.answer_tokens() + 1 && chat_.answer_tokens() <= tokens_seen_ + 1);
  }

  // One byte of the script for each choice: none, all or all but one are forbidden.
  void Force(Span<float> logits) {
    if (forced_.empty()) return;
    const uint8_t byte = static_cast<uint8_t>(forced_[0]);
    forced_.remove_prefix(1);
    if (byte == 1) return;
    const size_t only = byte < 32 ? byte % logits.size() : session_.image().vocab().ByteToken(byte);
    for (size_t i = 0; i < logits.size(); ++i) {
      if (i != only || byte == 2) logits[i] = -std::numeric_limits<float>::infinity();
    }
  }

  void Mark() {
    mark_.resize(static_cast<size_t>(Conversation::MarkBytes(session_.config())));
    const Status status = chat_.Mark({mark_.data(), mark_.size()});
    Note(status);
    LFM2_HOLDS(status.ok() == (chat_.pending_tokens() == 0));
    if (!status.ok()) mark_.clear();
  }
  static void Sign(std::byte* part, size_t bytes) {
    const uint32_t crc = Crc32c(0, part, bytes);
    std::memcpy(part + bytes, &crc, sizeof(crc));
  }
  // What a hostile storage would say of the conversation: any bytes with the right CRC.
  void EditNote(std::byte* note, uint32_t edits) {
    for (uint32_t i = 0; i < edits; ++i) note[input_.Byte() % kNoteBytes] = static_cast<std::byte>(input_.Byte());
    if (edits > 0) Sign(note, kNoteBytes - sizeof(uint32_t));
  }
  void Rewind() {
    std::vector<std::byte> mark = mark_;
    const uint32_t edits = input_.Below(3);
    if (mark.size() > kNoteBytes) EditNote(mark.data(), edits);
    const std::vector<int32_t> before(session_.tokens().begin(), session_.tokens().end());
    const Status status = chat_.Rewind({mark.data(), mark.size()});
    Note(status);
    if (status.ok()) {
      LFM2_HOLDS(chat_.pending_tokens() == 0 && session_.position() <= before.size());
    } else {
      LFM2_HOLDS(session_.position() == before.size());
    }
    LFM2_HOLDS(std::equal(session_.tokens().begin(), session_.tokens().end(), before.begin()));
  }
  void SaveAndLoad() {
    std::vector<std::byte> bytes;
    const Status saved = chat_.Save([&](Span<const std::byte> more) {
      bytes.insert(bytes.end(), more.begin(), more.end());
      return true;
    });
    Note(saved);
    LFM2_HOLDS(saved.ok() == (chat_.pending_tokens() == 0));
    if (!saved.ok()) return;
    LFM2_HOLDS(bytes.size() <= kMaxStateBytes);
    enum : uint32_t { kWhole, kDamaged, kHostileNote, kHostileIds };
    const uint32_t edit = input_.Below(4);
    if (edit == kDamaged) bytes[input_.Take<uint16_t>() % bytes.size()] ^= std::byte{1};
    if (edit >= kHostileNote) {
      std::byte* const note = bytes.data() + sizeof(SavedStateHeader);
      EditNote(note, input_.Below(8));
      Sign(note, kNoteBytes);
      std::byte* const ids = note + kNoteBytes + sizeof(uint32_t);
      const size_t ids_bytes = size_t{3} * session_.position();
      if (edit == kHostileIds && ids_bytes > 0) {
        ids[input_.Byte() % ids_bytes] = static_cast<std::byte>(input_.Byte());
        Sign(ids, ids_bytes);
      }
    }
    size_t at = 0;
    const bool goes_on = chat_.can_go_on();
    const Status loaded = chat_.Load([&](Span<std::byte> to) {
      if (to.size() > bytes.size() - at) return false;
      std::copy_n(bytes.data() + at, to.size(), to.data());
      at += to.size();
      return true;
    });
    Note(loaded);
    if (edit <= kDamaged) LFM2_HOLDS(loaded.ok() == (edit == kWhole));
    if (edit == kWhole) LFM2_HOLDS(chat_.can_go_on() == goes_on);
    if (!loaded.ok()) LFM2_HOLDS(session_.position() == 0 && !chat_.can_go_on());
  }

  void Check() {
    LFM2_HOLDS(chat_.is_open() && !chat_.is_busy() && session_.steps_left() == 0);
    LFM2_HOLDS(uint64_t{session_.position()} + chat_.pending_tokens() + chat_.room() == kContext);
    for (const int32_t token : session_.tokens()) LFM2_HOLDS(session_.image().vocab().Contains(token));
    LFM2_HOLDS(chat_.Step([](std::string_view) {}).code() == StatusCode::kFailedPrecondition);
  }

  Session& session_;
  Input input_;
  Conversation chat_;
  std::string system_, tool_;
  std::string_view tool_view_, call_, forced_;
  uint32_t tokens_seen_ = 0;
  std::vector<std::byte> mark_;
  Poll poll_;
  int polls_left_ = 0;
};

void Run(std::string_view bytes) {
  static Engine engine;
  Caller(&engine.session, bytes).Run();
}

std::vector<std::string> Seeds() {
  const std::string end = "\xff";
  const auto ask = [&](const std::string& text, const std::string& rest) { return "\3\1" + text + end + rest; };
  return {
      std::string("\2\0", 2) + ask("hi", "\5\1\1\1"),
      // A character cut into bytes, in calls of one token.
      std::string("\3\0", 2) + ask("a", "\201\xf0\x9f\x99\x82" + end + "\1\1\1\1") + "\6\1\1\1\1\6\1\1\1\1",
      // Thoughts that are too long, stop texts, an answer that begins with text.
      std::string("\2\1", 2) + ask("b", "\75<think>" + end + "ab" + end + "e" + end + "\1\1\1\1\1"),
      std::string("\7\0sys"
                  "\xff"
                  "\0",
                  6) +
          "\1\3\0one\xff\3two\xff\2three\xff\2\1\6\3\1\1\1\10\11\1\4\1\12\20",
      std::string("\2\0", 2) + ask("c", std::string("\3\1\0\5", 4)) + "\10" + ask("d", "\3\1\1\1") +
          std::string("\11\0\13\1\0\13\1\1\3", 9),
      // States that somebody has changed: no token to come, not finished; a token to come; another id.
      std::string("\2\0", 2) + ask("e", "\3\1\1\1") + std::string("\13\1\2\4\20\xff\21\xff\22\xff\23\xff\6\3\1\1", 16),
      std::string("\2\0", 2) + ask("f", "\3\1\1\1") + std::string("\13\1\3\4\20\3\21\0\22\0\23\0\2\5\6\3\1\1", 18)};
}

std::vector<std::string> Words() {
  return {
      "\xff",   "<think>", "</think>", "<|im_end|>", "<|im_start|>user", "\xf0\x9f\x99\x82", "\xf0\x9f", "the ", "\3\1",
      "\6\3\1", "\10",     "\11",      "\13\1"};
}

}  // namespace conversation

const Target kConversation = {"conversation", 256, &conversation::Run, &conversation::Seeds, &conversation::Words};

}  // namespace lfm2::fuzz
