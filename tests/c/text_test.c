// Text from C: tokens and back, rendered chats, and the choice of a token.
#include "check.h"

static TestModel g_model;
static unsigned char g_scratch[65536];

static const char* const kTexts[] = {"",
                                     "x",
                                     "Turn on the light!",
                                     "na\xc3\xafve \xe6\xbc\xa2\xe5\xad\x97 \xf0\x9f\x98\x80",
                                     "<|im_end|> stays text",
                                     "\xff\xfe bytes"};

static bool IgnoreText(void* user, const char* text, size_t bytes) {
  (void)user;
  (void)text;
  (void)bytes;
  return true;
}

static void CheckRoundTrip(void) {
  int32_t tokens[128];
  char out[256];
  size_t i, count = 0, bytes = 0;
  for (i = 0; i < sizeof(kTexts) / sizeof(kTexts[0]); ++i) {
    const lfm2_text text = lfm2_text_of(kTexts[i]);
    CHECK_OK(lfm2_encode(&g_model.image, text, NULL, g_scratch, sizeof(g_scratch), tokens, 128, &count));
    CHECK_OK(lfm2_decode(&g_model.image, tokens, count, true, out, sizeof(out), &bytes));
    CHECK(bytes == text.size && memcmp(out, kTexts[i], bytes) == 0);
  }
}

static void CheckEncodeOptions(void) {
  int32_t tokens[32];
  char out[64];
  size_t count = 0, bytes = 0;
  lfm2_encode_options options = {true, true};
  lfm2_image_info info;
  CHECK_OK(lfm2_image_info_of(&g_model.image, &info));
  CHECK_OK(lfm2_encode(&g_model.image, lfm2_text_of("<|im_end|>"), &options, g_scratch, sizeof(g_scratch), tokens, 32,
                       &count));
  CHECK(count == 2 && tokens[0] == info.bos && lfm2_image_is_special(&g_model.image, tokens[1]));
  CHECK_OK(lfm2_decode(&g_model.image, tokens, count, false, out, sizeof(out), &bytes));
  CHECK(bytes == 0);
}

static void CheckTooSmall(void) {
  int32_t tokens[32];
  char out[64];
  size_t count = 0, bytes = 0;
  lfm2_status status = lfm2_encode(&g_model.image, lfm2_text_of("Turn on the light!"), NULL, g_scratch,
                                   sizeof(g_scratch), NULL, 0, &count);
  CHECK_FAILS(status, LFM2_OUTPUT_TOO_SMALL, "tokens");
  CHECK(count > 1 && count < 32 && status.value == count && status.limit == 0);
  CHECK_OK(lfm2_encode(&g_model.image, lfm2_text_of("Turn on the light!"), NULL, g_scratch, sizeof(g_scratch), tokens,
                       count, &count));
  CHECK_FAILS(lfm2_decode(&g_model.image, tokens, count, true, out, 3, &bytes), LFM2_OUTPUT_TOO_SMALL, "text");
  CHECK(bytes == strlen("Turn on the light!"));
  CHECK_FAILS(lfm2_encode(&g_model.image, lfm2_text_of("Turn"), NULL, g_scratch, 1, tokens, 32, &count),
              LFM2_ARENA_TOO_SMALL, NULL);
  CHECK(lfm2_encode_scratch_bytes(4) > 4 && lfm2_encode_scratch_bytes(4) < lfm2_encode_scratch_bytes(400));
  tokens[0] = -7;
  CHECK_FAILS(lfm2_decode(&g_model.image, tokens, 1, true, out, 64, &bytes), LFM2_INVALID_ARGUMENT, "token");
}

// Characters come whole, though their bytes are tokens of their own.
static void CheckStream(void) {
  static lfm2_text_stream stream;
  TestText text = {{0}, 0, 0, 0};
  int32_t tokens[64];
  size_t i, count = 0;
  const lfm2_text want = lfm2_text_of(kTexts[3]);
  CHECK_FAILS(lfm2_text_stream_put(&stream, 1, KeepText, &text), LFM2_FAILED_PRECONDITION, "stream");
  CHECK_OK(lfm2_encode(&g_model.image, want, NULL, g_scratch, sizeof(g_scratch), tokens, 64, &count));
  CHECK_OK(lfm2_text_stream_open(&stream, &g_model.image, false));
  for (i = 0; i < count; ++i) {
    const size_t before = text.size;
    CHECK_OK(lfm2_text_stream_put(&stream, tokens[i], KeepText, &text));
    CHECK(text.size == before || ((unsigned char)text.data[before] & 0xc0) != 0x80);
  }
  CHECK_OK(lfm2_text_stream_flush(&stream, KeepText, &text));
  CHECK(text.size == want.size && memcmp(text.data, want.data, want.size) == 0);
  CHECK_OK(lfm2_text_stream_put(&stream, -3, IgnoreText, NULL));
}

typedef struct Rendered {
  char text[512];
  size_t size;
  int contents;
} Rendered;
static void KeepPiece(void* user, const char* text, size_t bytes, bool is_template) {
  Rendered* const to = user;
  if (bytes > sizeof(to->text) - 1 - to->size) return;
  memcpy(to->text + to->size, text, bytes);
  to->size += bytes;
  if (!is_template) ++to->contents;
}

static void CheckRender(void) {
  Rendered rendered = {{0}, 0, 0};
  const lfm2_text calls[2] = {lfm2_text_of("{\"name\":\"f\",\"arguments\":{\"x\":1}}"),
                              lfm2_text_of("{\"name\":\"g\"}")};
  const lfm2_text tool = lfm2_text_of("{\"name\":\"f\"}");
  lfm2_chat_message messages[2];
  lfm2_chat_prompt prompt;
  lfm2_chat_format format, none;
  CHECK_OK(lfm2_image_chat_format(&g_model.image, &format));
  CHECK(format.name.size == 4 && memcmp(format.name.data, "lfm2", 4) == 0);
  CHECK(format.response_begin.size > 0 && format.answer.size == 0 && format.calls == LFM2_CALLS_NOT_WRITTEN);
  memset(&none, 0, sizeof(none));
  messages[0] = lfm2_chat_message_of(LFM2_ROLE_USER, "Hi <|im_end|>");
  messages[1] = lfm2_chat_message_of(LFM2_ROLE_ASSISTANT, "Done.");
  messages[1].thinking = lfm2_text_of("Hm.");
  messages[1].tool_calls = calls;
  messages[1].tool_call_count = 2;
  memset(&prompt, 0, sizeof(prompt));
  prompt.messages = messages;
  prompt.message_count = 2;
  prompt.tools = &tool;
  prompt.tool_count = 1;
  prompt.answer = lfm2_text_of("<think>");
  // As Liquid AI's template of LFM2.5-8B-A1B writes it.
  format.flags = LFM2_CHAT_THINKING | LFM2_CHAT_GIVEN_EMPTY;
  format.thoughts = LFM2_THOUGHTS_AFTER_LAST_USER;
  format.calls = LFM2_CALLS_AFTER_CONTENT;
  format.calls_begin = lfm2_text_of("<|tool_call_start|>[");
  format.calls_end = lfm2_text_of("]<|tool_call_end|>");
  format.date_begin = lfm2_text_of("Today's date: ");
  format.date_end = lfm2_text_of("\n\n");
  format.tools_begin = lfm2_text_of("List of tools: [");
  format.tools_end = lfm2_text_of("]");
  CHECK_FAILS(lfm2_chat_render(&format, lfm2_text_of(""), &prompt, KeepPiece, &rendered), LFM2_INVALID_ARGUMENT,
              "date");
  prompt.date = lfm2_text_of("2026-11-25");
  CHECK_OK(lfm2_chat_render(&format, lfm2_text_of("<|startoftext|>"), &prompt, KeepPiece, &rendered));
  CHECK(strcmp(rendered.text,
               "<|startoftext|><|im_start|>system\nToday's date: 2026-11-25\n\nList of tools: [{\"name\": "
               "\"f\"}]<|im_end|>\n"
               "<|im_start|>user\nHi <|im_end|><|im_end|>\n"
               "<|im_start|>assistant\n<think>Hm.</think>Done.<|tool_call_start|>[f(x=1), g()]<|tool_call_end|>"
               "<|im_end|>\n<|im_start|>assistant\n<think>") == 0);
  CHECK(rendered.contents >= 5);
  CHECK_FAILS(lfm2_chat_render(&none, lfm2_text_of(""), &prompt, KeepPiece, &rendered), LFM2_UNSUPPORTED,
              "chat template");
  none.lists = 2;
  CHECK_FAILS(lfm2_chat_render(&none, lfm2_text_of(""), &prompt, KeepPiece, &rendered), LFM2_INVALID_ARGUMENT,
              "format.lists");
  CHECK_FAILS(lfm2_chat_render(NULL, lfm2_text_of(""), &prompt, KeepPiece, &rendered), LFM2_INVALID_ARGUMENT, "format");
  messages[1].role = 4;
  {
    const lfm2_status status = lfm2_chat_render(&format, lfm2_text_of(""), &prompt, KeepPiece, &rendered);
    CHECK_FAILS(status, LFM2_INVALID_ARGUMENT, "message.role");
    CHECK(status.index == 1 && status.value == 4 && status.limit == 3);
  }
  messages[1].role = 256 + LFM2_ROLE_USER;  // is no user
  CHECK_FAILS(lfm2_chat_render(&format, lfm2_text_of(""), &prompt, KeepPiece, &rendered), LFM2_INVALID_ARGUMENT,
              "message.role");
  messages[1].role = LFM2_ROLE_ASSISTANT;
  messages[1].tool_calls = &prompt.date;
  messages[1].tool_call_count = 1;
  {
    const lfm2_status status = lfm2_chat_render(&format, lfm2_text_of(""), &prompt, KeepPiece, &rendered);
    CHECK_FAILS(status, LFM2_INVALID_ARGUMENT, "tool call");
    CHECK(status.index == 1);
  }
  messages[1].tool_calls = NULL;
  CHECK_FAILS(lfm2_chat_render(&format, lfm2_text_of(""), &prompt, KeepPiece, &rendered), LFM2_INVALID_ARGUMENT,
              "message.tool_calls");
}

static void CheckSampler(void) {
  static lfm2_sampler sampler;
  float logits[4] = {0, 3, 1, 2};
  const int32_t history[1] = {1};
  uint64_t state = 0;
  int32_t token = -1, first;
  lfm2_sampler_options options = lfm2_sampler_options_default();
  CHECK_FAILS(lfm2_sampler_random_state(&sampler, &state), LFM2_FAILED_PRECONDITION, "sampler");
  // Nothing is set, and this model's publisher recommends nothing.
  CHECK(options.temperature == LFM2_UNSET && options.top_k == LFM2_UNSET_COUNT && options.min_p == LFM2_UNSET);
  options.top_k = 3;
  CHECK_OK(lfm2_image_sampling(&g_model.image, &options));
  CHECK(options.temperature == LFM2_UNSET && options.top_k == LFM2_UNSET_COUNT && options.top_p == LFM2_UNSET &&
        options.min_p == LFM2_UNSET && options.repetition_penalty == LFM2_UNSET && options.seed == 0);
  CHECK_FAILS(lfm2_image_sampling(&g_model.image, NULL), LFM2_INVALID_ARGUMENT, "options");
  CHECK_FAILS(lfm2_image_sampling(NULL, &options), LFM2_INVALID_ARGUMENT, "image");
  options.temperature = 1000;
  CHECK_FAILS(lfm2_sampler_configure(&sampler, &options), LFM2_INVALID_ARGUMENT, "temperature");
  options.temperature = 0;
  options.repetition_penalty = 16;
  CHECK_OK(lfm2_sampler_configure(&sampler, &options));
  CHECK_OK(lfm2_sampler_sample(&sampler, logits, 4, NULL, 0, g_scratch, sizeof(g_scratch), &token));
  CHECK(token == 1);
  CHECK_OK(lfm2_sampler_sample(&sampler, logits, 4, history, 1, g_scratch, sizeof(g_scratch), &token));
  CHECK(token == 3);
  CHECK_FAILS(lfm2_sampler_sample(&sampler, logits, 4, NULL, 0, g_scratch, 4, &token), LFM2_ARENA_TOO_SMALL, NULL);
  CHECK(lfm2_sampler_scratch_bytes(4) <= 32);
  // The random sequence continues where it was.
  options = lfm2_sampler_options_default();
  options.temperature = 100;
  options.min_p = 0;
  options.seed = 5;
  CHECK_OK(lfm2_sampler_configure(&sampler, &options));
  CHECK_OK(lfm2_sampler_random_state(&sampler, &state));
  CHECK_OK(lfm2_sampler_sample(&sampler, logits, 4, NULL, 0, g_scratch, sizeof(g_scratch), &first));
  CHECK_OK(lfm2_sampler_set_random_state(&sampler, state));
  CHECK_OK(lfm2_sampler_sample(&sampler, logits, 4, NULL, 0, g_scratch, sizeof(g_scratch), &token));
  CHECK(token == first);
  // log(e^3 / (e^0 + e^1 + e^2 + e^3)) = -0.44018969...
  CHECK(lfm2_log_probability(logits, 4, 1) < -0.440189f && lfm2_log_probability(logits, 4, 1) > -0.440190f);
  CHECK(lfm2_log_probability(NULL, 4, 1) != lfm2_log_probability(NULL, 4, 1));
  logits[2] = lfm2_log_probability(NULL, 0, 0);
  CHECK_FAILS(lfm2_sampler_sample(&sampler, logits, 4, NULL, 0, g_scratch, sizeof(g_scratch), &token),
              LFM2_INVALID_ARGUMENT, "logits");
}

void TestTokens(void) {
  OpenTestModel(&g_model, 0);
  CheckRoundTrip();
  CheckEncodeOptions();
  CheckTooSmall();
  CheckStream();
  CheckRender();
  CheckSampler();
  CloseTestModel(&g_model);
}
