// The C interface and the C++ one side by side: the same numbers, bit for bit.
#include <doctest/doctest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "lfm2/c/object.h"
#include "lfm2/posix/direct_file.h"
#include "lfm2_c.h"
#include "tests/runtime/test_model.h"

namespace lfm2::test {
namespace {

std::string Format(const lfm2_status& status) {
  char text[512];
  return std::string(text, lfm2_status_format(&status, text, sizeof(text)));
}

#define REQUIRE_C_OK(expression)                  \
  do {                                            \
    const lfm2_status status_here = (expression); \
    INFO(Format(status_here));                    \
    REQUIRE(status_here.code == LFM2_OK);         \
  } while (false)

bool Append(void* user, const char* text, size_t bytes) {
  static_cast<std::string*>(user)->append(text, bytes);
  return true;
}

// The small model, by C.
struct CModel {
  explicit CModel(const lfm2_session_options& options) : image(), session(), storage() {
    const Image& home = Home().image();
    const size_t bytes = static_cast<size_t>(home.file_bytes());
    REQUIRE_C_OK(lfm2_storage_open_memory(&storage, home.storage().Map(0, bytes), bytes));
    REQUIRE_C_OK(lfm2_image_open(&image, &storage));
    lfm2_plan plan;
    REQUIRE_C_OK(lfm2_plan_of_image(&image, false, &options, &plan));
    total_bytes = plan.total_bytes;
    arena.resize(static_cast<size_t>(plan.total_bytes) + kAlignment);
    void* begin = arena.data();
    size_t room = arena.size();
    REQUIRE(std::align(kAlignment, static_cast<size_t>(plan.total_bytes), begin, room) != nullptr);
    REQUIRE_C_OK(lfm2_session_open(&session, &image, &options, begin, static_cast<size_t>(plan.total_bytes), nullptr));
  }
  ~CModel() {
    lfm2_session_close(&session);
    lfm2_image_close(&image);
    lfm2_storage_close(&storage);
  }
  uint64_t total_bytes = 0;
  std::vector<unsigned char> arena;
  lfm2_image image;
  lfm2_session session;
  lfm2_storage storage;
};

lfm2_session_options COptions() {
  lfm2_session_options options = lfm2_session_options_default();
  options.context_length = 256;
  options.prefill_chunk = 16;
  options.kv_cache = LFM2_KV_INT8;
  return options;
}
SessionOptions CppOptions() {
  SessionOptions options;
  options.context_length = 256;
  options.prefill_chunk = 16;
  options.kv_cache = KvCacheType::kInt8;
  return options;
}

std::vector<int32_t> Prompt() {
  std::vector<int32_t> ids(64);
  std::vector<std::byte> scratch(4096);
  size_t count = 0;
  LFM2_REQUIRE_OK(Tokenizer(Home().image().vocab())
                      .Encode("Turn on the light in the hallway, please.", {false, true}, scratch, ids, &count));
  ids.resize(count);
  return ids;
}

TEST_CASE("a status of C reads as the one of C++ does") {
  for (uint32_t code = 0; code <= LFM2_NOT_FINITE; ++code) {
    const Status all[] = {Status(static_cast<StatusCode>(code), "a", "is b"),
                          Status(static_cast<StatusCode>(code), "a", "is b", 7),
                          Status(static_cast<StatusCode>(code), "a", "is b", 7, 9).At(3)};
    for (const Status& status : all) {
      const lfm2_status c = c_api::ToC(status);
      CHECK(c.code == code);
      CHECK(std::string(c.where) == status.where());
      CHECK(std::string(c.what) == status.what());
      CHECK(c.value == status.value());
      CHECK(c.limit == status.limit() + status.offset());
      CHECK(c.index == status.index());
      CHECK(Format(c) == Text(status));
    }
    CHECK(std::string(lfm2_status_name(code)) == Status::CodeName(static_cast<StatusCode>(code)));
  }
}

TEST_CASE("defaults of C are those of C++") {
  const lfm2_session_options options = lfm2_session_options_default();
  const SessionOptions want;
  CHECK(options.context_length == want.context_length);
  CHECK(options.prefill_chunk == want.prefill_chunk);
  CHECK(options.kv_cache == static_cast<uint32_t>(want.kv_cache));
  CHECK(options.logits_rows == want.logits_rows);
  CHECK(options.max_word_bytes == want.max_word_bytes);
  CHECK(options.arena_bytes == want.arena_bytes);
  CHECK(options.read_retries == want.read_retries);
  CHECK(options.read_ahead == want.read_ahead);
  CHECK(options.prefer_resident == want.prefer_resident);
  CHECK(options.drop_below == want.drop_below);
  CHECK(options.draft_tokens == want.draft_tokens);
  CHECK((options.now_ns == nullptr));
  CHECK(options.cpu_target == static_cast<uint32_t>(want.cpu_target));
  CHECK(options.kernels == nullptr);
  const lfm2_sampler_options sampler = lfm2_sampler_options_default();
  const SamplerOptions drawn;
  CHECK(sampler.temperature == drawn.temperature);
  CHECK(sampler.top_k == drawn.top_k);
  CHECK(sampler.top_p == drawn.top_p);
  CHECK(sampler.min_p == drawn.min_p);
  CHECK(sampler.repetition_penalty == drawn.repetition_penalty);
  CHECK(sampler.seed == drawn.seed);
  const lfm2_conversation_options chat = lfm2_conversation_options_default();
  CHECK(chat.show_special == ConversationOptions().show_special);
  CHECK(chat.chat_format == nullptr);
  const lfm2_constraint_options constraint = lfm2_constraint_options_default();
  const ConstraintOptions constrained;
  CHECK(constraint.scope == static_cast<uint32_t>(constrained.scope));
  CHECK(constraint.tool_choice == static_cast<uint32_t>(constrained.tool_choice));
  CHECK(constraint.thoughts == constrained.thoughts);
  CHECK(constraint.canonical == constrained.canonical);
  CHECK(constraint.max_threads == constrained.matcher.max_threads);
  CHECK(constraint.max_frames == constrained.matcher.max_frames);
  CHECK(constraint.max_lists == constrained.matcher.max_lists);
  CHECK(lfm2_answer_options_default(9).constraint == nullptr);
  CHECK(lfm2_answer_options_default(9).max_thought_tokens == AnswerOptions(9).max_thought_tokens);
  const lfm2_block_device device = lfm2_block_device_default();
  CHECK(device.block_bytes == BlockDevice().block_bytes);
  CHECK(device.piece_bytes == BlockDevice().piece_bytes);
  CHECK((device.read == nullptr && device.write == nullptr && device.now_ns == nullptr));
  const lfm2_direct_file_options file = lfm2_direct_file_options_default();
  CHECK(file.queue_depth == posix::DirectFileOptions().queue_depth);
  CHECK(file.piece_bytes == posix::DirectFileOptions().piece_bytes);
  CHECK(file.timeout_ms == posix::DirectFileOptions().timeout_ms);
}

TEST_CASE("shape and plan are the same") {
  const lfm2_session_options options = COptions();
  CModel c(options);
  lfm2_model_config config;
  REQUIRE_C_OK(lfm2_image_config(&c.image, &config));
  const ModelConfig& want = Home().config();
  CHECK(config.hidden_size == want.hidden_size);
  CHECK(config.layers == want.layers);
  CHECK(config.experts_per_token == want.experts_per_token);
  CHECK(config.vocab_size == want.vocab_size);
  CHECK(config.context_length == want.context_length);
  CHECK(config.tied_embedding == want.tied_embedding);
  CHECK(config.norm_eps == want.norm_eps);
  CHECK(config.routed_scaling_factor == want.routed_scaling_factor);
  for (uint32_t layer = 0; layer < want.layers; ++layer) {
    CHECK(config.layer_kind[layer] == static_cast<uint8_t>(want.layer_kind[layer]));
  }
  CHECK(c.total_bytes == MakePlan(want, CppOptions()).total_bytes);
  lfm2_plan plan;
  REQUIRE_C_OK(lfm2_plan_of_image(&c.image, true, &options, &plan));
  const Plan streamed = MakePlan(want, CppOptions(), StreamShapeOf(Home().image(), true));
  CHECK(plan.total_bytes == streamed.total_bytes);
  CHECK(plan.least_bytes == streamed.least_bytes);
  CHECK(plan.slots == streamed.slots.total);
  REQUIRE(plan.count == streamed.count);
  for (uint32_t i = 0; i < plan.count; ++i) {
    CHECK(std::string(plan.regions[i].name) == streamed.regions[i].name);
    CHECK(plan.regions[i].bytes == streamed.regions[i].bytes);
  }
  lfm2_image_info info;
  REQUIRE_C_OK(lfm2_image_info_of(&c.image, &info));
  CHECK(info.fingerprint == Home().image().fingerprint());
  CHECK(std::string(info.name) == Home().image().name());
}

TEST_CASE("tokens and logits are the same, bit for bit") {
  CModel c(COptions());
  OpenSession cpp(Home().image(), CppOptions());
  const std::vector<int32_t> prompt = Prompt();

  std::vector<int32_t> ids(64);
  std::vector<unsigned char> scratch(4096);
  size_t count = 0;
  const lfm2_encode_options encode = {false, true};
  REQUIRE_C_OK(lfm2_encode(&c.image, lfm2_text_of("Turn on the light in the hallway, please."), &encode, scratch.data(),
                           scratch.size(), ids.data(), ids.size(), &count));
  ids.resize(count);
  CHECK(ids == prompt);

  REQUIRE_C_OK(lfm2_session_prefill(&c.session, ids.data(), ids.size()));
  LFM2_REQUIRE_OK(cpp.session->Prefill(prompt));
  CHECK(std::string(lfm2_session_kernels_name(&c.session)) == cpp.session->kernels_name());
  for (int i = 0; i < 20; ++i) {
    size_t size = 0;
    const float* const logits = lfm2_session_logits(&c.session, &size);
    const Span<const float> want = cpp.session->logits();
    REQUIRE(size == want.size());
    REQUIRE(std::memcmp(logits, want.data(), size * sizeof(float)) == 0);
    const float* const hidden = lfm2_session_hidden(&c.session, &size);
    REQUIRE(size == cpp.session->hidden().size());
    REQUIRE(std::memcmp(hidden, cpp.session->hidden().data(), size * sizeof(float)) == 0);
    const float of_c = lfm2_log_probability(logits, want.size(), i);
    CHECK(of_c == LogProbability(want, i));
    REQUIRE_C_OK(lfm2_session_decode(&c.session, i));
    LFM2_REQUIRE_OK(cpp.session->Decode(i));
  }
}

TEST_CASE("a chat that draws tokens at random says the same") {
  CModel c(COptions());
  OpenSession cpp(Home().image(), CppOptions());
  lfm2_conversation_options c_options = lfm2_conversation_options_default();
  c_options.sampler.temperature = 2.0f;
  c_options.sampler.min_p = 0;
  c_options.sampler.seed = 77;
  ConversationOptions cpp_options;
  cpp_options.sampler.temperature = 2.0f;
  cpp_options.sampler.min_p = 0;
  cpp_options.sampler.seed = 77;
  lfm2_conversation c_chat = {};
  Conversation cpp_chat;
  REQUIRE_C_OK(lfm2_conversation_open(&c_chat, &c.session, &c_options));
  LFM2_REQUIRE_OK(cpp_chat.Open(cpp.session.get(), cpp_options));
  for (const char* question : {"Could you remind me in 21 minutes please.", "And now?", "Lock the door."}) {
    std::string of_c, of_cpp;
    const lfm2_chat_message message = lfm2_chat_message_of(LFM2_ROLE_USER, question);
    const lfm2_answer_options options = lfm2_answer_options_default(20);
    REQUIRE_C_OK(lfm2_conversation_ask(&c_chat, &message, &options, &Append, &of_c));
    LFM2_REQUIRE_OK(cpp_chat.Ask(question, 20, [&](std::string_view text) { of_cpp += text; }));
    CHECK(!of_c.empty());
    CHECK(of_c == of_cpp);
    CHECK(lfm2_conversation_answer_end(&c_chat) == static_cast<uint32_t>(cpp_chat.answer_end()));
    CHECK(lfm2_conversation_answer_tokens(&c_chat) == cpp_chat.answer_tokens());
    CHECK(lfm2_conversation_room(&c_chat) == cpp_chat.room());
  }
  size_t count = 0;
  const int32_t* const tokens = lfm2_session_tokens(&c.session, &count);
  REQUIRE(count == cpp.session->position());
  CHECK(std::memcmp(tokens, cpp.session->tokens().data(), count * sizeof(int32_t)) == 0);
  lfm2_conversation_close(&c_chat);
}

// What Session::Save of C++ wrote is read by C, and the other way round.
TEST_CASE("saved states are one format") {
  CModel c(COptions());
  OpenSession cpp(Home().image(), CppOptions());
  const std::vector<int32_t> prompt = Prompt();
  LFM2_REQUIRE_OK(cpp.session->Prefill(prompt));
  REQUIRE_C_OK(lfm2_session_prefill(&c.session, prompt.data(), prompt.size()));
  std::string of_c, of_cpp;
  LFM2_REQUIRE_OK(cpp.session->Save(
      [&](Span<const std::byte> bytes) {
        of_cpp.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return true;
      },
      StateNote(), true));
  const auto append = [](void* user, const void* bytes, size_t size) {
    static_cast<std::string*>(user)->append(static_cast<const char*>(bytes), size);
    return true;
  };
  REQUIRE_C_OK(lfm2_session_save(&c.session, nullptr, true, append, &of_c));
  CHECK(of_c == of_cpp);
}

}  // namespace
}  // namespace lfm2::test
