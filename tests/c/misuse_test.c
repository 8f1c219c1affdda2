// Whatever a C program does wrong with an object ends in a status, and its queries in zeros.
#include "check.h"

static TestModel g_model;
static TestModel g_closed;

// Every call with NULL for each pointer that it needs.
static void CheckNull(void) {
  const lfm2_chat_message message = lfm2_chat_message_of(LFM2_ROLE_USER, "x");
  lfm2_image image = {{0}};
  lfm2_storage storage = {{0}};
  lfm2_session session = {{0}};
  lfm2_model_config config;
  lfm2_plan plan;
  size_t n = 0;
  int32_t token = 1;
  char out[8] = {0};
  void* rest = NULL;
  lfm2_chat_format format;
  CHECK_FAILS(lfm2_storage_open_memory(NULL, &n, 1), LFM2_INVALID_ARGUMENT, "storage");
  CHECK_FAILS(lfm2_storage_open_memory(&storage, NULL, 1), LFM2_INVALID_ARGUMENT, "bytes");
  CHECK_FAILS(lfm2_storage_open_blocks(&storage, NULL), LFM2_INVALID_ARGUMENT, "device");
  CHECK_FAILS(lfm2_storage_open_queue(&storage, NULL), LFM2_INVALID_ARGUMENT, "device");
  CHECK_FAILS(lfm2_image_open(NULL, &g_model.storage), LFM2_INVALID_ARGUMENT, "image");
  CHECK_FAILS(lfm2_image_open(&image, NULL), LFM2_INVALID_ARGUMENT, "storage");
  CHECK_FAILS(lfm2_image_open_read(&image, &g_model.storage, NULL, 0, &rest, &n), LFM2_INVALID_ARGUMENT, "arena");
  CHECK_FAILS(lfm2_image_open_read(&image, &g_model.storage, g_arena[1], 4096, NULL, &n), LFM2_INVALID_ARGUMENT,
              "rest");
  CHECK_FAILS(lfm2_image_open_read(&image, &g_model.storage, g_arena[1], 4096, &rest, NULL), LFM2_INVALID_ARGUMENT,
              "rest_bytes");
  CHECK_FAILS(lfm2_image_info_of(NULL, NULL), LFM2_INVALID_ARGUMENT, "image");
  CHECK_FAILS(lfm2_image_info_of(&g_model.image, NULL), LFM2_INVALID_ARGUMENT, "info");
  CHECK_FAILS(lfm2_image_config(&g_model.image, NULL), LFM2_INVALID_ARGUMENT, "config");
  CHECK_FAILS(lfm2_image_token_text(&g_model.image, 1, NULL), LFM2_INVALID_ARGUMENT, "text");
  CHECK_FAILS(lfm2_image_verify(NULL), LFM2_INVALID_ARGUMENT, "image");
  CHECK_FAILS(lfm2_plan_of_config(NULL, NULL, &plan), LFM2_INVALID_ARGUMENT, "config");
  CHECK_OK(lfm2_image_config(&g_model.image, &config));
  CHECK_FAILS(lfm2_plan_of_config(&config, NULL, NULL), LFM2_INVALID_ARGUMENT, "plan");
  CHECK_FAILS(lfm2_plan_of_image(NULL, false, NULL, &plan), LFM2_INVALID_ARGUMENT, "image");
  CHECK_OK(lfm2_plan_of_config(&config, NULL, &plan));  // the options may be left out
  CHECK_FAILS(lfm2_session_open(NULL, &g_model.image, NULL, g_arena[1], ARENA_BYTES, NULL), LFM2_INVALID_ARGUMENT,
              "session");
  CHECK_FAILS(lfm2_session_open(&session, NULL, NULL, g_arena[1], ARENA_BYTES, NULL), LFM2_INVALID_ARGUMENT, "image");
  CHECK_FAILS(lfm2_session_open(&session, &g_model.image, NULL, NULL, ARENA_BYTES, NULL), LFM2_INVALID_ARGUMENT,
              "arena");
  CHECK_FAILS(lfm2_session_step(NULL), LFM2_INVALID_ARGUMENT, "session");
  CHECK_FAILS(lfm2_session_set_poll(NULL, NULL, NULL), LFM2_INVALID_ARGUMENT, "session");
  CHECK_FAILS(lfm2_session_mark(&g_model.session, NULL, 1), LFM2_INVALID_ARGUMENT, "to");
  CHECK_FAILS(lfm2_session_rewind(&g_model.session, NULL, 1), LFM2_INVALID_ARGUMENT, "mark");
  CHECK_FAILS(lfm2_session_save(&g_model.session, NULL, false, NULL, NULL), LFM2_INVALID_ARGUMENT, "sink");
  CHECK_FAILS(lfm2_session_load(&g_model.session, NULL, NULL, NULL), LFM2_INVALID_ARGUMENT, "source");
  CHECK_FAILS(lfm2_session_fork(&g_model.session, NULL), LFM2_INVALID_ARGUMENT, "other");
  CHECK_FAILS(lfm2_encode(NULL, lfm2_text_of("x"), NULL, out, 8, &token, 1, &n), LFM2_INVALID_ARGUMENT, "image");
  CHECK_FAILS(lfm2_encode(&g_model.image, lfm2_text_of("x"), NULL, NULL, 8, &token, 1, &n), LFM2_INVALID_ARGUMENT,
              "scratch");
  CHECK_FAILS(lfm2_encode(&g_model.image, lfm2_text_of("x"), NULL, out, 8, NULL, 1, &n), LFM2_INVALID_ARGUMENT,
              "tokens");
  CHECK_FAILS(lfm2_encode(&g_model.image, lfm2_text_of("x"), NULL, out, 8, &token, 1, NULL), LFM2_INVALID_ARGUMENT,
              "count");
  CHECK_FAILS(lfm2_decode(&g_model.image, &token, 1, true, NULL, 1, &n), LFM2_INVALID_ARGUMENT, "out");
  CHECK_FAILS(lfm2_decode(&g_model.image, &token, 1, true, out, 8, NULL), LFM2_INVALID_ARGUMENT, "bytes");
  CHECK_OK(lfm2_image_chat_format(&g_model.image, &format));
  CHECK_FAILS(lfm2_chat_render(&format, lfm2_text_of(""), NULL, NULL, NULL), LFM2_INVALID_ARGUMENT, "prompt");
  CHECK_FAILS(lfm2_conversation_open(NULL, &g_model.session, NULL), LFM2_INVALID_ARGUMENT, "chat");
  CHECK_FAILS(lfm2_conversation_ask(&g_model.chat, NULL, NULL, KeepText, out), LFM2_INVALID_ARGUMENT, "message");
  CHECK_FAILS(lfm2_conversation_ask(&g_model.chat, &message, NULL, NULL, NULL), LFM2_INVALID_ARGUMENT, "sink");
  CHECK_FAILS(lfm2_conversation_answer(NULL, NULL, KeepText, out), LFM2_INVALID_ARGUMENT, "chat");
  CHECK_FAILS(lfm2_conversation_step(&g_model.chat, NULL, NULL), LFM2_INVALID_ARGUMENT, "sink");
  CHECK_FAILS(lfm2_conversation_add(&g_model.chat, NULL, 2), LFM2_INVALID_ARGUMENT, "messages");
  CHECK_FAILS(lfm2_conversation_mark(&g_model.chat, NULL, 2), LFM2_INVALID_ARGUMENT, "to");
  CHECK(lfm2_status_format(NULL, out, 8) == 0);
}

static void CheckTexts(void) {
  lfm2_chat_message message = lfm2_chat_message_of(LFM2_ROLE_USER, "x");
  lfm2_text text = {NULL, 3};
  lfm2_answer_options answer = lfm2_answer_options_default(1);
  lfm2_conversation_options options = GreedyOptions();
  lfm2_chat_format format;
  message.content = text;
  CHECK_FAILS(lfm2_conversation_add(&g_model.chat, &message, 1), LFM2_INVALID_ARGUMENT, "message.content");
  answer.begin = text;
  CHECK_FAILS(lfm2_conversation_begin_answer(&g_model.chat, &answer), LFM2_INVALID_ARGUMENT, "options.begin");
  options.system = text;
  CHECK_FAILS(lfm2_conversation_open(&g_closed.chat, &g_model.session, &options), LFM2_INVALID_ARGUMENT,
              "options.system");
  options = GreedyOptions();
  options.tools = &text;
  options.tool_count = 1;
  CHECK_FAILS(lfm2_conversation_open(&g_closed.chat, &g_model.session, &options), LFM2_INVALID_ARGUMENT,
              "options.tools");
  options.tools = NULL;
  CHECK_FAILS(lfm2_conversation_open(&g_closed.chat, &g_model.session, &options), LFM2_INVALID_ARGUMENT,
              "options.tools");
  options = GreedyOptions();
  text = lfm2_text_of("{}");
  options.tools = &text;
  options.tool_count = 1;
  options.date = lfm2_text_of("25.11.2026");
  CHECK_FAILS(lfm2_conversation_open(&g_closed.chat, &g_model.session, &options), LFM2_INVALID_ARGUMENT,
              "date");
  options = GreedyOptions();
  CHECK_OK(lfm2_image_chat_format(&g_model.image, &format));
  format.quotes = 9;
  options.chat_format = &format;
  CHECK_FAILS(lfm2_conversation_open(&g_closed.chat, &g_model.session, &options), LFM2_INVALID_ARGUMENT,
              "format.quotes");
  options = GreedyOptions();
  options.sampler.top_p = 7;
  CHECK_FAILS(lfm2_conversation_open(&g_closed.chat, &g_model.session, &options), LFM2_INVALID_ARGUMENT, "top_p");
  memset(&options, 0, sizeof(options));  // nobody called lfm2_conversation_options_default
  CHECK_FAILS(lfm2_conversation_open(&g_closed.chat, &g_model.session, &options), LFM2_INVALID_ARGUMENT, "top_p");
}

static void CheckQueriesGiveNothing(lfm2_image* image, lfm2_session* session, lfm2_conversation* chat) {
  size_t count = 7;
  CHECK(!lfm2_image_is_open(image) && !lfm2_image_is_stop(image, 2) && !lfm2_image_is_special(image, 2));
  CHECK(!lfm2_session_is_open(session) && lfm2_session_position(session) == 0);
  CHECK(lfm2_session_context_length(session) == 0 && lfm2_session_vocab_size(session) == 0);
  CHECK(strcmp(lfm2_session_kernels_name(session), "") == 0 && lfm2_session_steps_left(session) == 0);
  CHECK(lfm2_session_tokens(session, &count) == NULL && count == 0);
  CHECK(lfm2_session_token_room(session, NULL) == NULL && lfm2_session_text_scratch(session, NULL) == NULL);
  CHECK(lfm2_session_logits(session, NULL) == NULL && lfm2_session_hidden(session, NULL) == NULL);
  CHECK(lfm2_session_statistics(session).misses == 0 && lfm2_session_layer_statistics(session, 0).misses == 0);
  CHECK(lfm2_session_mark_bytes(session) == 0 && lfm2_session_state_bytes(session, 1, false, 0) == 0);
  CHECK(!lfm2_conversation_is_open(chat) && !lfm2_conversation_is_busy(chat) && !lfm2_conversation_can_go_on(chat));
  CHECK(lfm2_conversation_answer_tokens(chat) == 0 && lfm2_conversation_answer_end(chat) == LFM2_END_STOP);
  CHECK(lfm2_conversation_pending_tokens(chat) == 0 && lfm2_conversation_room(chat) == 0);
  CHECK(lfm2_conversation_mark_bytes(chat) == 0);
  lfm2_session_reset(session);
  lfm2_session_abort(session);
  lfm2_session_close(session);
  lfm2_image_close(image);
  lfm2_conversation_abort(chat);
  lfm2_conversation_close(chat);
}

// Objects that are not open, never opened or closed again.
static void CheckClosed(TestModel* closed) {
  TestText text = {{0}, 0, 0, 0};
  const lfm2_chat_message message = lfm2_chat_message_of(LFM2_ROLE_USER, "x");
  lfm2_image_info info;
  unsigned char bytes[64];
  const int32_t token = 1;
  CHECK_FAILS(lfm2_image_open(&closed->image, &closed->storage), LFM2_FAILED_PRECONDITION, "storage");
  CHECK_FAILS(lfm2_image_info_of(&closed->image, &info), LFM2_FAILED_PRECONDITION, "image");
  CHECK_FAILS(lfm2_image_verify(&closed->image), LFM2_FAILED_PRECONDITION, "image");
  CHECK_FAILS(lfm2_session_open(&closed->session, &closed->image, NULL, g_arena[1], ARENA_BYTES, NULL),
              LFM2_FAILED_PRECONDITION, "image");
  CHECK_FAILS(lfm2_session_prefill(&closed->session, &token, 1), LFM2_FAILED_PRECONDITION, NULL);
  CHECK_FAILS(lfm2_session_decode(&closed->session, 1), LFM2_FAILED_PRECONDITION, NULL);
  CHECK_FAILS(lfm2_session_begin(&closed->session, &token, 1), LFM2_FAILED_PRECONDITION, NULL);
  CHECK_FAILS(lfm2_session_step(&closed->session), LFM2_FAILED_PRECONDITION, NULL);
  CHECK_FAILS(lfm2_session_mark(&closed->session, bytes, 64), LFM2_FAILED_PRECONDITION, NULL);
  CHECK_FAILS(lfm2_session_rewind(&closed->session, bytes, 64), LFM2_FAILED_PRECONDITION, NULL);
  CHECK_FAILS(lfm2_session_fork(&closed->session, &g_model.session), LFM2_FAILED_PRECONDITION, NULL);
  CHECK_FAILS(lfm2_conversation_open(&closed->chat, &closed->session, NULL), LFM2_FAILED_PRECONDITION, NULL);
  CHECK_FAILS(lfm2_conversation_add(&closed->chat, &message, 1), LFM2_FAILED_PRECONDITION, NULL);
  CHECK_FAILS(lfm2_conversation_compute(&closed->chat), LFM2_FAILED_PRECONDITION, NULL);
  CHECK_FAILS(lfm2_conversation_ask(&closed->chat, &message, NULL, KeepText, &text), LFM2_FAILED_PRECONDITION, NULL);
  CHECK_FAILS(lfm2_conversation_begin_ask(&closed->chat, &message, NULL), LFM2_FAILED_PRECONDITION, NULL);
  CHECK_FAILS(lfm2_conversation_drop_oldest(&closed->chat, 1), LFM2_FAILED_PRECONDITION, NULL);
  CHECK_FAILS(lfm2_conversation_mark(&closed->chat, bytes, 64), LFM2_FAILED_PRECONDITION, NULL);
  CHECK_FAILS(lfm2_conversation_rewind(&closed->chat, bytes, 64), LFM2_FAILED_PRECONDITION, NULL);
  CheckQueriesGiveNothing(&closed->image, &closed->session, &closed->chat);
}

// Memory that was never zeroed, a copy of an open object, and an object that is misaligned.
static void CheckNotObjects(void) {
  static TestModel garbage, copy;
  static unsigned char bytes[sizeof(lfm2_session) + 8] LFM2_ALIGNED(64);
  TestText text = {{0}, 0, 0, 0};
  const lfm2_chat_message message = lfm2_chat_message_of(LFM2_ROLE_USER, "x");
  memset(&garbage, 0xa5, sizeof(garbage));
  memcpy(&copy, &g_model, sizeof(copy));
  CHECK_FAILS(lfm2_storage_open_memory(&garbage.storage, g_image.bytes, g_image.size), LFM2_FAILED_PRECONDITION,
              "storage");
  CHECK_FAILS(lfm2_image_open(&garbage.image, &g_model.storage), LFM2_FAILED_PRECONDITION, "image");
  CHECK_FAILS(lfm2_session_decode(&garbage.session, 1), LFM2_FAILED_PRECONDITION, "session");
  CHECK_FAILS(lfm2_session_decode(&copy.session, 1), LFM2_FAILED_PRECONDITION, "session");
  CHECK_FAILS(lfm2_image_verify(&copy.image), LFM2_FAILED_PRECONDITION, "image");
  CHECK_FAILS(lfm2_conversation_ask(&copy.chat, &message, NULL, KeepText, &text), LFM2_FAILED_PRECONDITION, "chat");
  CHECK_FAILS(lfm2_session_decode((lfm2_session*)(void*)(bytes + 1), 1), LFM2_INVALID_ARGUMENT, "session");
  CheckQueriesGiveNothing(&garbage.image, &garbage.session, &garbage.chat);
  CheckQueriesGiveNothing(&copy.image, &copy.session, &copy.chat);
  CheckQueriesGiveNothing(NULL, NULL, NULL);
  lfm2_storage_close(NULL);
  lfm2_storage_close(&copy.storage);
  // The object itself is as it was.
  CHECK_OK(lfm2_session_decode(&g_model.session, 1));
}

static void CheckMessages(void) {
  char sentence[128], cut[8];
  lfm2_status status = lfm2_session_decode(NULL, 1);
  CHECK(lfm2_status_format(&status, sentence, sizeof(sentence)) == strlen(sentence));
  CHECK(strcmp(sentence, "invalid argument: session is NULL") == 0);
  CHECK(lfm2_status_format(&status, cut, sizeof(cut)) == 7 && strcmp(cut, "invalid") == 0);
  CHECK(lfm2_status_format(&status, cut, 0) == 0 && lfm2_status_format(&status, NULL, 8) == 0);
  memset(&status, 0, sizeof(status));
  CHECK(lfm2_status_format(&status, sentence, sizeof(sentence)) == 2 && strcmp(sentence, "ok") == 0);
  status.code = LFM2_CORRUPT;
  status.index = LFM2_NO_INDEX;
  lfm2_status_format(&status, sentence, sizeof(sentence));
  CHECK(strncmp(sentence, "corrupt:", 8) == 0);
  CHECK(strcmp(lfm2_status_name(LFM2_NOT_FINITE), "not finite") == 0);
  CHECK(strcmp(lfm2_status_name(LFM2_NOT_FINITE + 1), "unknown") == 0 && strcmp(lfm2_status_name(256), "unknown") == 0);
}

void TestMisuse(void) {
  OpenTestModel(&g_model, 0);
  CheckNull();
  CheckTexts();
  CheckClosed(&g_closed);
  OpenTestModel(&g_closed, 1);
  CloseTestModel(&g_closed);
  CheckClosed(&g_closed);
  CheckNotObjects();
  CheckMessages();
  CloseTestModel(&g_model);
}
