// A chat from C: answers, steps, stop texts, several messages, cancelling, and what is refused.
#include "check.h"

static TestModel g_model;

static void CheckAsk(void) {
  TestText text = {{0}, 0, 0, 0};
  const lfm2_chat_message question = lfm2_chat_message_of(LFM2_ROLE_USER, QUESTION);
  const lfm2_chat_message result = lfm2_chat_message_of(LFM2_ROLE_TOOL, "{\"ok\": true}");
  lfm2_answer_options options = lfm2_answer_options_default(64);
  CHECK_OK(lfm2_conversation_ask(&g_model.chat, &question, &options, KeepText, &text));
  CHECK(strcmp(text.data, ANSWER) == 0);
  CHECK(lfm2_conversation_answer_end(&g_model.chat) == LFM2_END_STOP);
  CHECK(lfm2_conversation_answer_tokens(&g_model.chat) > 3);
  CHECK(!lfm2_conversation_can_go_on(&g_model.chat));
  CHECK_OK(lfm2_conversation_add(&g_model.chat, &result, 1));
  CHECK(lfm2_conversation_pending_tokens(&g_model.chat) > 0);
  memset(&text, 0, sizeof(text));
  CHECK_OK(lfm2_conversation_answer(&g_model.chat, NULL, KeepText, &text));
  CHECK(text.size > 5);
  CHECK_FAILS(lfm2_conversation_answer(&g_model.chat, NULL, KeepText, &text), LFM2_FAILED_PRECONDITION,
              "Conversation::Answer");
}

static void CheckSteps(void) {
  TestText text = {{0}, 0, 0, 0};
  const lfm2_chat_message question = lfm2_chat_message_of(LFM2_ROLE_USER, QUESTION);
  const lfm2_answer_options options = lfm2_answer_options_default(64);
  const uint32_t room = lfm2_conversation_room(&g_model.chat);
  int steps = 0;
  CHECK_FAILS(lfm2_conversation_step(&g_model.chat, KeepText, &text), LFM2_FAILED_PRECONDITION, NULL);
  CHECK_OK(lfm2_conversation_begin_ask(&g_model.chat, &question, &options));
  CHECK_OK(lfm2_conversation_step(&g_model.chat, KeepText, &text));
  CHECK(lfm2_conversation_is_busy(&g_model.chat));
  CHECK_FAILS(lfm2_conversation_add(&g_model.chat, &question, 1), LFM2_FAILED_PRECONDITION, "Conversation::Add");
  CHECK_FAILS(lfm2_conversation_begin_answer(&g_model.chat, &options), LFM2_FAILED_PRECONDITION, NULL);
  lfm2_conversation_abort(&g_model.chat);
  lfm2_conversation_abort(&g_model.chat);
  CHECK(!lfm2_conversation_is_busy(&g_model.chat) && lfm2_conversation_room(&g_model.chat) == room);
  CHECK(lfm2_conversation_answer_end(&g_model.chat) == LFM2_END_CANCELLED);
  CHECK_OK(lfm2_conversation_begin_ask(&g_model.chat, &question, &options));
  while (lfm2_conversation_is_busy(&g_model.chat) && steps < 100000) {
    CHECK_OK(lfm2_conversation_step(&g_model.chat, KeepText, &text));
    ++steps;
  }
  CHECK(strcmp(text.data, ANSWER) == 0 && steps > 50);
}

static void CheckStopTexts(void) {
  TestText text = {{0}, 0, 0, 0};
  const lfm2_chat_message question = lfm2_chat_message_of(LFM2_ROLE_USER, QUESTION);
  lfm2_text stops[LFM2_MAX_STOP_TEXTS + 1];
  lfm2_answer_options options = lfm2_answer_options_default(64);
  int i;
  for (i = 0; i < LFM2_MAX_STOP_TEXTS + 1; ++i) stops[i] = lfm2_text_of(i == 0 ? "never" : "(minutes");
  options.stop_texts = stops;
  options.stop_text_count = LFM2_MAX_STOP_TEXTS + 1;
  CHECK_FAILS(lfm2_conversation_ask(&g_model.chat, &question, &options, KeepText, &text), LFM2_INVALID_ARGUMENT,
              "options.stop_texts");
  options.stop_text_count = 2;
  stops[0].size = 0;
  CHECK_FAILS(lfm2_conversation_ask(&g_model.chat, &question, &options, KeepText, &text), LFM2_INVALID_ARGUMENT, NULL);
  stops[0] = lfm2_text_of("never");
  CHECK_OK(lfm2_conversation_ask(&g_model.chat, &question, &options, KeepText, &text));
  CHECK(strcmp(text.data, "<|tool_call_start|>[start_timer") == 0);
  CHECK(lfm2_conversation_answer_end(&g_model.chat) == LFM2_END_STOP_TEXT);
}

// Text that the answer begins with, and an answer that is cut off and continued.
static void CheckGoingOn(void) {
  TestText text = {{0}, 0, 0, 0};
  const lfm2_chat_message question = lfm2_chat_message_of(LFM2_ROLE_USER, QUESTION);
  lfm2_answer_options options = lfm2_answer_options_default(3);
  options.begin = lfm2_text_of("<|tool_call_start|>");
  CHECK_OK(lfm2_conversation_add(&g_model.chat, &question, 1));
  CHECK_OK(lfm2_conversation_compute(&g_model.chat));
  CHECK(lfm2_conversation_pending_tokens(&g_model.chat) == 0);
  CHECK_OK(lfm2_conversation_answer(&g_model.chat, &options, KeepText, &text));
  CHECK(lfm2_conversation_answer_end(&g_model.chat) == LFM2_END_MAX_TOKENS);
  CHECK(lfm2_conversation_can_go_on(&g_model.chat) && lfm2_conversation_answer_tokens(&g_model.chat) == 3);
  CHECK_FAILS(lfm2_conversation_answer(&g_model.chat, &options, KeepText, &text), LFM2_INVALID_ARGUMENT,
              "options.begin");
  text.stop_at = text.size + 1;
  CHECK_OK(lfm2_conversation_answer(&g_model.chat, NULL, KeepText, &text));
  CHECK(lfm2_conversation_answer_end(&g_model.chat) == LFM2_END_INTERRUPTED && text.calls_after_stop == 0);
  text.stop_at = 0;
  CHECK_OK(lfm2_conversation_answer(&g_model.chat, NULL, KeepText, &text));
  CHECK(strcmp(text.data, "[start_timer(minutes=21)]<|tool_call_end|>") == 0);
}

typedef struct Hooks {
  int before;
  int tokens;
  int32_t forbidden;
  int32_t last;
  size_t vocab;
  float log_probability;
} Hooks;
static void BeforeChoice(void* user, float* logits, size_t count) {
  Hooks* const hooks = user;
  ++hooks->before;
  hooks->vocab = count;
  if (hooks->forbidden >= 0) logits[hooks->forbidden] = -1e38f * 10;
}
static void OnToken(void* user, int32_t token, const float* logits, size_t count) {
  Hooks* const hooks = user;
  ++hooks->tokens;
  hooks->last = token;
  hooks->log_probability = lfm2_log_probability(logits, count, token);
}

static void CheckHooks(void) {
  TestText text = {{0}, 0, 0, 0};
  Hooks hooks = {0, 0, -1, 0, 0, 0};
  const lfm2_chat_message question = lfm2_chat_message_of(LFM2_ROLE_USER, QUESTION);
  lfm2_answer_options options = lfm2_answer_options_default(1);
  options.user = &hooks;
  options.before_choice = BeforeChoice;
  options.on_token = OnToken;
  CHECK_OK(lfm2_conversation_ask(&g_model.chat, &question, &options, KeepText, &text));
  CHECK(hooks.before == 1 && hooks.tokens == 1 && hooks.vocab == lfm2_session_vocab_size(&g_model.session));
  CHECK(hooks.log_probability <= 0 && hooks.log_probability > -1);
  CHECK(strcmp(text.data, "<|tool_call_start|>") == 0);
  // What is forbidden does not come.
  hooks.forbidden = hooks.last;
  lfm2_conversation_close(&g_model.chat);
  {
    const lfm2_conversation_options greedy = GreedyOptions();
    CHECK_OK(lfm2_conversation_open(&g_model.chat, &g_model.session, &greedy));
  }
  CHECK_OK(lfm2_conversation_ask(&g_model.chat, &question, &options, KeepText, &text));
  CHECK(hooks.last != hooks.forbidden && hooks.tokens == 2);
}

static bool StopAt(void* user) {
  int* const left = user;
  return --*left > 0;
}

static void CheckPoll(void) {
  TestText text = {{0}, 0, 0, 0};
  int left = 3;
  const lfm2_chat_message question = lfm2_chat_message_of(LFM2_ROLE_USER, QUESTION);
  const uint32_t room = lfm2_conversation_room(&g_model.chat);
  CHECK_OK(lfm2_session_set_poll(&g_model.session, StopAt, &left));
  CHECK_FAILS(lfm2_conversation_ask(&g_model.chat, &question, NULL, KeepText, &text), LFM2_CANCELLED, NULL);
  CHECK(lfm2_conversation_answer_end(&g_model.chat) == LFM2_END_CANCELLED);
  CHECK(lfm2_conversation_room(&g_model.chat) == room && text.size == 0);
  CHECK_OK(lfm2_session_set_poll(&g_model.session, NULL, NULL));
  CHECK_OK(lfm2_conversation_ask(&g_model.chat, &question, NULL, KeepText, &text));
  CHECK(strcmp(text.data, ANSWER) == 0);
}

// A history, tools and a system text become the tokens of the chat that is rendered from them at once.
static void CheckHistory(void) {
  static int32_t want[256];
  const lfm2_text tools[2] = {lfm2_text_of("{\"name\":\"start_timer\"}"), lfm2_text_of("{\"name\": \"lock\"}")};
  lfm2_chat_message messages[4];
  lfm2_chat_prompt prompt;
  lfm2_conversation_options options = GreedyOptions();
  size_t count = 0, have = 0, scratch_bytes = 0;
  void* scratch;
  const int32_t* tokens;
  messages[0] = lfm2_chat_message_of(LFM2_ROLE_SYSTEM, "Be brief.");
  messages[1] = lfm2_chat_message_of(LFM2_ROLE_USER, QUESTION);
  messages[2] = lfm2_chat_message_of(LFM2_ROLE_ASSISTANT, ANSWER);
  messages[3] = lfm2_chat_message_of(LFM2_ROLE_TOOL, "{\"ok\": true}");
  options.system = messages[0].content;
  options.tools = tools;
  options.tool_count = 2;
  memset(&prompt, 0, sizeof(prompt));
  prompt.messages = messages;
  prompt.message_count = 4;
  prompt.tools = tools;
  prompt.tool_count = 2;
  prompt.no_generation_prompt = true;
  scratch = lfm2_session_text_scratch(&g_model.session, &scratch_bytes);
  CHECK_OK(lfm2_chat_encode(&g_model.image, NULL, &prompt, false, scratch, scratch_bytes, want, 256,
                            &count));
  CHECK_OK(lfm2_conversation_open(&g_model.chat, &g_model.session, &options));
  CHECK_FAILS(lfm2_conversation_add(&g_model.chat, messages, 4), LFM2_INVALID_ARGUMENT, "messages");
  CHECK_OK(lfm2_conversation_add(&g_model.chat, messages + 1, 3));
  CHECK_OK(lfm2_conversation_compute(&g_model.chat));
  tokens = lfm2_session_tokens(&g_model.session, &have);
  CHECK(have == count && count > 30 && memcmp(tokens, want, count * sizeof(*want)) == 0);
  // The same with the system text as the first message.
  options.system = lfm2_text_of(NULL);
  CHECK_OK(lfm2_conversation_open(&g_model.chat, &g_model.session, &options));
  CHECK_OK(lfm2_conversation_add(&g_model.chat, messages, 4));
  CHECK_OK(lfm2_conversation_compute(&g_model.chat));
  tokens = lfm2_session_tokens(&g_model.session, &have);
  CHECK(have == count && memcmp(tokens, want, count * sizeof(*want)) == 0);
}

static void CheckDropOldest(void) {
  TestText text = {{0}, 0, 0, 0};
  const lfm2_chat_message question = lfm2_chat_message_of(LFM2_ROLE_USER, QUESTION);
  uint32_t before;
  int turns = 0;
  lfm2_status status = lfm2_conversation_ask(&g_model.chat, &question, NULL, KeepText, &text);
  while (status.code == LFM2_OK && ++turns < 40) {
    text.size = 0;
    status = lfm2_conversation_ask(&g_model.chat, &question, NULL, KeepText, &text);
  }
  CHECK_FAILS(status, LFM2_CONTEXT_FULL, NULL);
  before = lfm2_conversation_room(&g_model.chat);
  CHECK_OK(lfm2_conversation_drop_oldest(&g_model.chat, 100));
  CHECK(lfm2_conversation_room(&g_model.chat) >= 100 && lfm2_conversation_room(&g_model.chat) > before);
  CHECK_FAILS(lfm2_conversation_drop_oldest(&g_model.chat, 256), LFM2_CONTEXT_FULL, "messages");
  text.size = 0;
  CHECK_OK(lfm2_conversation_ask(&g_model.chat, &question, NULL, KeepText, &text));
  text.data[text.size] = '\0';
  CHECK(strcmp(text.data, ANSWER) == 0);
}

void TestConversation(void) {
  void (*const parts[])(void) = {CheckAsk,  CheckSteps,   CheckStopTexts, CheckGoingOn, CheckHooks,
                                 CheckPoll, CheckHistory, CheckDropOldest};
  size_t i;
  for (i = 0; i < sizeof(parts) / sizeof(parts[0]); ++i) {
    OpenTestModel(&g_model, 0);
    parts[i]();
    CloseTestModel(&g_model);
  }
}
