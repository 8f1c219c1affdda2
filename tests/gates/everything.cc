// Uses the whole library outside posix/ and instantiates its public templates: the input of the gates. Compiled a
// second time under another name (everything_again.cc), so that a program has two translation units of it.
#include <cstring>

#include "lfm2.h"

#include "tests/gates/everything.h"

#ifndef LFM2_GATE_FUNCTION
#define LFM2_GATE_FUNCTION UseEverything
#endif

namespace {

// Firmware has these in static memory and may not run constructors before main: their constructors are constant
// expressions.
template <class T>
constexpr bool IsConstantInitialised() {
  constexpr T object{};
  return sizeof(object) > 0;
}
static_assert(IsConstantInitialised<lfm2::MemoryStorage>() && IsConstantInitialised<lfm2::BlockStorage>());
static_assert(IsConstantInitialised<lfm2::Image>() && IsConstantInitialised<lfm2::Session>());
static_assert(IsConstantInitialised<lfm2::Conversation>() && IsConstantInitialised<lfm2::StateStore>());
static_assert(IsConstantInitialised<lfm2::Sampler>() && IsConstantInitialised<lfm2::TextStream>());
static_assert(IsConstantInitialised<lfm2::StopMatcher>() && IsConstantInitialised<lfm2::ThoughtTracker>());

// Counts the text that it is shown.
struct Counter {
  size_t count = 0;
};

lfm2::Status Answer(const lfm2::Image& image, const lfm2::Executor* executor, const lfm2::SessionOptions& options,
                    const GateMemory& memory, Counter* counter) {
  lfm2::Session session;
  LFM2_RETURN_IF_ERROR(session.Open(image, options, {memory.arena, memory.arena_size}, executor));

  lfm2::Observer observer;
  observer.context = counter;
  observer.hidden = [](void* context, uint32_t, uint32_t, uint32_t tokens, const float*) {
    static_cast<Counter*>(context)->count += tokens;
  };
  observer.routing = [](void* context, uint32_t, uint32_t, const uint16_t*, const float*) {
    ++static_cast<Counter*>(context)->count;
  };
  session.SetObserver(&observer);

  const std::string_view call = "{\"name\": \"start_timer\", \"arguments\": {\"minutes\": 21}}";
  const lfm2::ChatMessage messages[] = {{lfm2::ChatRole::kSystem, "Be brief."},
                                        {lfm2::ChatRole::kUser, "How are you?"},
                                        {lfm2::ChatRole::kAssistant, "Well.", "A greeting.", {&call, 1}},
                                        {lfm2::ChatRole::kTool, "done"}};
  const std::string_view tool = "{\"name\": \"start_timer\"}";
  lfm2::ChatPrompt prompt;
  prompt.messages = {messages, 4};
  prompt.tools = {&tool, 1};
  const lfm2::Span<int32_t> ids(memory.ids, memory.ids_size);
  const lfm2::Tokenizer tokenizer(image.vocab());
  size_t count = 0;
  LFM2_RETURN_IF_ERROR(lfm2::RenderChat(image.vocab().chat_format(), "<|startoftext|>", prompt,
                                        [&](lfm2::ChatPiece piece) { counter->count += piece.text.size(); }));
  LFM2_RETURN_IF_ERROR(
      lfm2::EncodeChat(tokenizer, image.vocab().chat_format(), prompt, false, session.text_scratch(), ids, &count));
  LFM2_RETURN_IF_ERROR(session.Prefill(ids.subspan(0, count)));
  session.Reset();
  LFM2_RETURN_IF_ERROR(tokenizer.Encode("Twenty-one minutes.", {true, true}, session.text_scratch(), ids, &count));
  LFM2_RETURN_IF_ERROR(session.PrefillLogits(
      ids.subspan(0, count), [&](uint32_t, lfm2::Span<const float> logits) { counter->count += logits.size(); }));

  lfm2::SamplerOptions sampling;
  sampling.top_k = 40;
  lfm2::Sampler sampler;
  LFM2_RETURN_IF_ERROR(sampler.Configure(sampling));
  lfm2::TextStream text(image.vocab());
  const std::string_view stop_text = "###";
  lfm2::StopMatcher stop;
  LFM2_RETURN_IF_ERROR(stop.SetTexts({&stop_text, 1}));
  lfm2::ThoughtTracker thoughts;
  const auto show = [&](std::string_view piece) { counter->count += piece.size(); };
  for (;;) {
    int32_t token = 0;
    LFM2_RETURN_IF_ERROR(sampler.Sample(session.logits(), session.tokens(), session.text_scratch(), &token));
    if (image.vocab().IsStop(token)) break;
    text.Put(token, [&](std::string_view piece) { stop.Put(piece, show); });
    if (stop.found() != lfm2::StopMatcher::kNone) break;
    thoughts.Put(image.vocab().TokenBytes(token));
    counter->count += lfm2::LogProbability(session.logits(), token) > -1.0f ? 1 : 0;
    if (thoughts.inside() && thoughts.tokens_inside() == 8) {
      int32_t end[lfm2::kMaxThinkEndTokens];
      const size_t end_tokens = lfm2::ThinkEndTokens(image.vocab(), end);
      LFM2_RETURN_IF_ERROR(session.Prefill({end, end_tokens}));
      continue;
    }
    LFM2_RETURN_IF_ERROR(session.Decode(token));
  }
  text.Flush([&](std::string_view piece) { stop.Put(piece, show); });
  stop.Flush(show);
  if (!stop.SetState(stop.state()) || !thoughts.SetState(thoughts.state())) return lfm2::Status();
  return lfm2::Detokenize(image.vocab(), session.tokens(), true, {memory.text, memory.text_size}, &count);
}

// A chat with a model that is read from a block device, in one call and in steps.
lfm2::Status Talk(const std::byte* image_bytes, size_t image_size, const GateMemory& memory, Counter* counter) {
  struct Bytes {
    const std::byte* data;
  } bytes = {image_bytes};
  lfm2::BlockDevice device;
  device.context = &bytes;
  device.bytes = image_size;
  device.read = [](void* context, uint64_t first_block, uint32_t blocks, std::byte* to) {
    std::memcpy(to, static_cast<Bytes*>(context)->data + static_cast<size_t>(first_block) * 512, size_t{blocks} * 512);
    return 0;
  };
  lfm2::BlockStorage storage;
  LFM2_RETURN_IF_ERROR(storage.Open(device));
  lfm2::Image image;
  lfm2::Span<std::byte> rest;
  LFM2_RETURN_IF_ERROR(image.Open(storage, {memory.arena, memory.arena_size}, &rest));
  lfm2::SessionOptions options;
  options.context_length = 64;
  lfm2::Session session;
  LFM2_RETURN_IF_ERROR(session.Open(image, options, rest));
  lfm2::Conversation chat;
  LFM2_RETURN_IF_ERROR(chat.Open(&session, {}));
  const auto show = [&](std::string_view piece) { counter->count += piece.size(); };
  LFM2_RETURN_IF_ERROR(chat.Ask("How are you?", 4, show));
  LFM2_RETURN_IF_ERROR(chat.BeginAsk("And now?", 4));
  while (chat.is_busy()) LFM2_RETURN_IF_ERROR(chat.Step(show));
  counter->count += static_cast<size_t>(session.statistics().hits + session.layer_statistics(0).misses);
  return lfm2::Status();
}

// The calls of an answer, complete and as it is decoded.
lfm2::Status ReadCalls(std::string_view answer, const GateMemory& memory, Counter* counter) {
  const auto show = [&](std::string_view piece) { counter->count += piece.size(); };
  const auto act = [&](const lfm2::ToolCall& call) {
    int64_t integer = 0;
    double number = 0;
    bool on = false;
    std::string_view text;
    const lfm2::Status results[] = {call.GetInteger("minutes", &integer), call.GetNumber("celsius", &number),
                                    call.GetBool("on", &on), call.GetString("room", {memory.text, 64}, &text)};
    for (const lfm2::Status& result : results) counter->count += static_cast<size_t>(result.code());
    lfm2::ToolItem item;
    for (lfm2::ToolItems items = call.arguments(); items.Next(&item);) {
      item.name.ForEach(show);
      lfm2::ToolJsonWriter(show).Value(item.value);
    }
    counter->count += static_cast<size_t>(lfm2::WriteToolCall(call, {memory.text, memory.text_size}, &text).code());
  };
  lfm2::ToolCallReader reader(answer);
  const std::string_view parameter = "minutes";
  for (lfm2::ToolCall call; reader.Next(&call); act(call)) LFM2_RETURN_IF_ERROR(call.NameArguments({&parameter, 1}));
  LFM2_RETURN_IF_ERROR(reader.status());
  lfm2::ToolCallStream stream(lfm2::Span<char>(memory.text, memory.text_size));
  LFM2_RETURN_IF_ERROR(stream.Put(answer, show, act));
  return stream.End(show, act);
}

// Answers constrained by grammars of each kind.
lfm2::Status Constrain(const lfm2::Image& image, const lfm2::TokenTrie& trie, lfm2::Span<std::byte> memory,
                       Counter* counter) {
  constexpr size_t kCompiled = 65536, kMatcher = 131072;
  const lfm2::Span<std::byte> compiled = memory.subspan(0, kCompiled), matcher = memory.subspan(kCompiled, kMatcher);
  lfm2::SessionOptions session_options;
  session_options.context_length = 64;
  lfm2::Session session;
  LFM2_RETURN_IF_ERROR(
      session.Open(image, session_options, memory.subspan(kCompiled + kMatcher, memory.size() - kCompiled - kMatcher)));
  const std::string_view tool = "{\"name\": \"start_timer\", \"parameters\": {\"type\": \"object\"}}";
  for (uint32_t kind = 0; kind < 3; ++kind) {
    lfm2::Span<const std::byte> bytes;
    lfm2::Status status = lfm2::CompileGbnf("root ::= \"yes\" | \"no\"", compiled, &bytes);
    if (kind == 1) status = lfm2::CompileJsonSchema("{\"type\": \"boolean\"}", {}, compiled, &bytes);
    if (kind == 2) status = lfm2::CompileTools({&tool, 1}, {}, compiled, &bytes);
    LFM2_RETURN_IF_ERROR(status);
    lfm2::Grammar grammar;
    LFM2_RETURN_IF_ERROR(lfm2::Grammar::Open(bytes, &grammar));
    lfm2::ConstraintOptions options;
    options.scope = kind == 2 ? lfm2::ConstraintScope::kCalls : lfm2::ConstraintScope::kAnswer;
    lfm2::GrammarConstraint constraint;
    LFM2_RETURN_IF_ERROR(constraint.Open(image.vocab(), grammar, trie, options, matcher));
    lfm2::Conversation chat;
    LFM2_RETURN_IF_ERROR(chat.Open(&session, {}));
    lfm2::AnswerOptions answer(4);
    answer.constraint = &constraint;
    LFM2_RETURN_IF_ERROR(chat.Ask("Yes?", answer, [&](std::string_view text) { counter->count += text.size(); }));
    counter->count += constraint.is_complete() ? 1 : 0;
  }
  return lfm2::Status();
}

// Saves, loads and forks; the store's flash discards everything.
lfm2::Status Keep(const lfm2::Image& image, const GateMemory& memory, Counter* counter) {
  lfm2::SessionOptions options;
  options.context_length = 64;
  const size_t arena_bytes = static_cast<size_t>(lfm2::MakePlan(image.config(), options).total_bytes);
  lfm2::Session session, fork;
  LFM2_RETURN_IF_ERROR(session.Open(image, options, {memory.arena, arena_bytes}));
  LFM2_RETURN_IF_ERROR(fork.Open(image, options, {memory.arena + arena_bytes, arena_bytes}));
  LFM2_RETURN_IF_ERROR(session.Decode(1));
  LFM2_RETURN_IF_ERROR(fork.ForkFrom(session));
  LFM2_RETURN_IF_ERROR(session.Save([&](lfm2::Span<const std::byte> bytes) { counter->count += bytes.size(); }));
  lfm2::StateNote note;
  const lfm2::Status refused = fork.Load([](lfm2::Span<std::byte>) { return false; }, &note);
  lfm2::BlockDevice device;
  device.bytes = size_t{1} << 30;
  device.read = [](void*, uint64_t, uint32_t blocks, std::byte* to) {
    std::memset(to, 0, size_t{blocks} * 512);
    return 0;
  };
  device.write = [](void*, uint64_t, uint32_t, const std::byte*) { return 0; };
  alignas(512) std::byte block[512];
  lfm2::StateStore store;
  LFM2_RETURN_IF_ERROR(store.Open(device, block));
  LFM2_RETURN_IF_ERROR(store.Save(session, note, true));
  const lfm2::Status lost = store.Load(&session, &note);
  store.Close();
  counter->count += static_cast<size_t>(refused.code()) + static_cast<size_t>(lost.code());
  return lfm2::Status();
}

lfm2::Status Run(const std::byte* image_bytes, size_t image_size, const GateMemory& memory, Counter* counter) {
  const lfm2::MemoryStorage storage(lfm2::Span<const std::byte>(image_bytes, image_size));
  lfm2::Image image;
  LFM2_RETURN_IF_ERROR(image.Open(storage));
  LFM2_RETURN_IF_ERROR(image.VerifyPinned());
  LFM2_RETURN_IF_ERROR(image.VerifyRecord(0, 0));
  lfm2::TokenTrie trie;
  lfm2::Span<std::byte> rest;
  LFM2_RETURN_IF_ERROR(lfm2::OpenTokenTrie(image, {memory.arena, memory.arena_size}, &rest, &trie));
  LFM2_RETURN_IF_ERROR(Constrain(image, trie, rest, counter));

  LFM2_RETURN_IF_ERROR(Talk(image_bytes, image_size, memory, counter));
  LFM2_RETURN_IF_ERROR(Keep(image, memory, counter));
  LFM2_RETURN_IF_ERROR(ReadCalls("<|tool_call_start|>[start_timer(21)]<|tool_call_end|>", memory, counter));

  lfm2::Executor executor;
  executor.run = [](void*, uint32_t tasks, void (*task)(void*, uint32_t), void* argument) {
    for (uint32_t i = 0; i < tasks; ++i) task(argument, i);
  };
  lfm2::SessionOptions options;
  options.context_length = 64;
  LFM2_RETURN_IF_ERROR(Answer(image, &executor, options, memory, counter));
  options.kv_cache = lfm2::KvCacheType::kF32;
  LFM2_RETURN_IF_ERROR(Answer(image, nullptr, options, memory, counter));
  options.kernels = lfm2::ReferenceKernelTable();
  return Answer(image, nullptr, options, memory, counter);
}

}  // namespace

// Firmware computes the arena's size at compile time.
static_assert(lfm2::ArenaBytes(lfm2::kLfm2_8B_A1B, lfm2::SessionOptions()) > 0);

size_t LFM2_GATE_FUNCTION(const std::byte* image_bytes, size_t image_size, const GateMemory& memory) {
  Counter counter;
  const lfm2::Status status = Run(image_bytes, image_size, memory, &counter);
  if (!status.ok()) return status.Format(memory.text, memory.text_size);
  return counter.count;
}
