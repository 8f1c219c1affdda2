// A session from C: logits, steps, abort, poll, hidden states, observers and executors.
#include "check.h"

static TestModel g_model;
static float g_logits[8192];
static size_t g_count;
static int32_t g_prompt[64];
static size_t g_prompt_count;

static void EncodePrompt(void) {
  size_t scratch_bytes = 0;
  void* const scratch = lfm2_session_text_scratch(&g_model.session, &scratch_bytes);
  lfm2_encode_options options = {false, true};
  CHECK_OK(lfm2_encode(&g_model.image, lfm2_text_of("Turn on the light in the hallway."), &options, scratch,
                       scratch_bytes, g_prompt, 64, &g_prompt_count));
  CHECK(g_prompt_count > 5);
}

static void KeepLogits(void) {
  const float* const logits = lfm2_session_logits(&g_model.session, &g_count);
  CHECK(logits != NULL && g_count == lfm2_session_vocab_size(&g_model.session) && g_count <= 8192);
  if (logits != NULL) memcpy(g_logits, logits, g_count * sizeof(float));
}

static bool SameLogits(void) {
  size_t count = 0;
  const float* const logits = lfm2_session_logits(&g_model.session, &count);
  return logits != NULL && count == g_count && memcmp(logits, g_logits, count * sizeof(float)) == 0;
}

// Prefill, tokens one by one, and steps give the same logits, bit for bit.
static void CheckWaysToFeed(void) {
  size_t i, count = 0;
  const int32_t* tokens;
  CHECK(lfm2_session_logits(&g_model.session, NULL) == NULL && lfm2_session_hidden(&g_model.session, NULL) == NULL);
  CHECK_OK(lfm2_session_prefill(&g_model.session, g_prompt, g_prompt_count));
  CHECK(lfm2_session_position(&g_model.session) == g_prompt_count);
  tokens = lfm2_session_tokens(&g_model.session, &count);
  CHECK(count == g_prompt_count && memcmp(tokens, g_prompt, count * sizeof(*tokens)) == 0);
  KeepLogits();
  lfm2_session_reset(&g_model.session);
  CHECK(lfm2_session_position(&g_model.session) == 0);
  for (i = 0; i < g_prompt_count; ++i) CHECK_OK(lfm2_session_decode(&g_model.session, g_prompt[i]));
  CHECK(SameLogits());
  lfm2_session_reset(&g_model.session);
  CHECK_FAILS(lfm2_session_step(&g_model.session), LFM2_FAILED_PRECONDITION, NULL);
  CHECK_OK(lfm2_session_begin(&g_model.session, g_prompt, g_prompt_count));
  CHECK(lfm2_session_steps_left(&g_model.session) > 4);
  CHECK_OK(lfm2_session_step(&g_model.session));
  CHECK_FAILS(lfm2_session_prefill(&g_model.session, g_prompt, 1), LFM2_FAILED_PRECONDITION, NULL);
  CHECK(lfm2_session_token_room(&g_model.session, &count) == NULL && count == 0);
  CHECK(lfm2_session_text_scratch(&g_model.session, &count) == NULL && count == 0);
  lfm2_session_abort(&g_model.session);
  CHECK(lfm2_session_steps_left(&g_model.session) == 0 && lfm2_session_position(&g_model.session) == 0);
  CHECK_OK(lfm2_session_begin(&g_model.session, g_prompt, g_prompt_count));
  CHECK_OK(lfm2_session_step(&g_model.session));
  CHECK_OK(lfm2_session_finish(&g_model.session));
  CHECK(SameLogits());
}

static void CheckRefused(void) {
  const int32_t outside[2] = {1, (int32_t)lfm2_session_vocab_size(&g_model.session)};
  static int32_t many[300];
  const lfm2_status status = lfm2_session_prefill(&g_model.session, outside, 2);
  CHECK_FAILS(status, LFM2_INVALID_ARGUMENT, NULL);
  CHECK(status.index == 1);
  CHECK_FAILS(lfm2_session_prefill(&g_model.session, g_prompt, 0), LFM2_INVALID_ARGUMENT, "tokens");
  CHECK_FAILS(lfm2_session_prefill(&g_model.session, NULL, 2), LFM2_INVALID_ARGUMENT, "tokens");
  CHECK_FAILS(lfm2_session_prefill(&g_model.session, many, 300), LFM2_CONTEXT_FULL, NULL);
  CHECK_FAILS(lfm2_session_decode(&g_model.session, -1), LFM2_INVALID_ARGUMENT, NULL);
  CHECK_FAILS(lfm2_session_prefill_logits(&g_model.session, g_prompt, 1, NULL, NULL), LFM2_INVALID_ARGUMENT, "sink");
  CHECK(lfm2_session_position(&g_model.session) == 0);
}

static bool Twice(void* user) { return ++*(int*)user < 3; }

static void CheckPoll(void) {
  int asked = 0;
  CHECK_OK(lfm2_session_set_poll(&g_model.session, Twice, &asked));
  CHECK_FAILS(lfm2_session_prefill(&g_model.session, g_prompt, g_prompt_count), LFM2_CANCELLED, NULL);
  CHECK(asked == 3 && lfm2_session_position(&g_model.session) == 0);
  CHECK_OK(lfm2_session_set_poll(&g_model.session, NULL, NULL));
  CHECK_OK(lfm2_session_prefill(&g_model.session, g_prompt, g_prompt_count));
  CHECK(SameLogits());
}

typedef struct Positions {
  uint32_t next;
  size_t count;
  float last[8192];
} Positions;
static Positions g_positions;
static void KeepPosition(void* user, uint32_t position, const float* values, size_t count) {
  Positions* const to = user;
  CHECK(position == to->next);
  to->next = position + 1;
  to->count = count;
  if (count <= 8192) memcpy(to->last, values, count * sizeof(float));
}

static void CheckPositions(void) {
  size_t count = 0;
  const float* hidden;
  lfm2_model_config config;
  CHECK_OK(lfm2_image_config(&g_model.image, &config));
  CHECK_OK(lfm2_session_prefill_logits(&g_model.session, g_prompt, g_prompt_count, KeepPosition, &g_positions));
  CHECK(g_positions.next == g_prompt_count && g_positions.count == config.vocab_size);
  CHECK(memcmp(g_positions.last, g_logits, g_count * sizeof(float)) == 0);
  hidden = lfm2_session_hidden(&g_model.session, &count);
  CHECK(hidden != NULL && count == config.hidden_size);
  if (hidden != NULL) memcpy(g_logits, hidden, count * sizeof(float));
  lfm2_session_reset(&g_model.session);
  g_positions.next = 0;
  CHECK_OK(lfm2_session_prefill_hidden(&g_model.session, g_prompt, g_prompt_count, KeepPosition, &g_positions));
  CHECK(g_positions.next == g_prompt_count && g_positions.count == config.hidden_size);
  CHECK(memcmp(g_positions.last, g_logits, count * sizeof(float)) == 0);
  CHECK(lfm2_session_logits(&g_model.session, NULL) == NULL);
}

typedef struct Seen {
  uint32_t layers;
  uint32_t routed;
  uint32_t experts;
} Seen;
static void SeeHidden(void* user, uint32_t layer, uint32_t position, uint32_t tokens, const float* x) {
  Seen* const seen = user;
  if (position + tokens == g_prompt_count && x[0] == x[0]) seen->layers = layer;
}
static void SeeRouting(void* user, uint32_t layer, uint32_t position, const uint16_t* experts, const float* weights) {
  Seen* const seen = user;
  if (layer > 0 && position < g_prompt_count && weights[0] > 0 && experts[0] < seen->experts) ++seen->routed;
}

static void CheckObserver(void) {
  Seen seen = {0, 0, 0};
  lfm2_model_config config;
  lfm2_observer observer = {NULL, SeeHidden, SeeRouting};
  CHECK_OK(lfm2_image_config(&g_model.image, &config));
  observer.user = &seen;
  seen.experts = config.experts;
  CHECK_OK(lfm2_session_set_observer(&g_model.session, &observer));
  memset(&observer, 0, sizeof(observer));  // it was copied
  CHECK_OK(lfm2_session_prefill(&g_model.session, g_prompt, g_prompt_count));
  CHECK(seen.layers == config.layers);
  CHECK(seen.routed == g_prompt_count * (config.layers - config.dense_layers));
  CHECK_OK(lfm2_session_set_observer(&g_model.session, NULL));
}

static void RunTasks(void* user, uint32_t tasks, void (*task)(void* argument, uint32_t index), void* argument) {
  uint32_t i;
  ++*(int*)user;
  for (i = tasks; i > 0; --i) task(argument, i - 1);  // in any order
}

// An executor of the program's own, which is copied; the same logits.
static void CheckExecutor(void) {
  int runs = 0;
  lfm2_executor executor = {NULL, 2, RunTasks};
  const lfm2_session_options options = SmallOptions();
  CHECK_OK(lfm2_session_prefill(&g_model.session, g_prompt, g_prompt_count));
  KeepLogits();
  CloseTestModel(&g_model);
  OpenTestModel(&g_model, 0);
  lfm2_conversation_close(&g_model.chat);
  lfm2_session_close(&g_model.session);
  executor.workers = 0;
  CHECK_FAILS(lfm2_session_open(&g_model.session, &g_model.image, &options, g_arena[0], ARENA_BYTES, &executor),
              LFM2_INVALID_ARGUMENT, "executor.workers");
  executor.workers = 2;
  executor.run = NULL;
  CHECK_FAILS(lfm2_session_open(&g_model.session, &g_model.image, &options, g_arena[0], ARENA_BYTES, &executor),
              LFM2_INVALID_ARGUMENT, "executor.run");
  executor.run = RunTasks;
  executor.user = &runs;
  CHECK_OK(lfm2_session_open(&g_model.session, &g_model.image, &options, g_arena[0], ARENA_BYTES, &executor));
  memset(&executor, 0, sizeof(executor));
  CHECK_OK(lfm2_session_prefill(&g_model.session, g_prompt, g_prompt_count));
  CHECK(runs > 10 && SameLogits());
}

static uint64_t EqualTimes(void* user) { return *(uint64_t*)user += 1000; }

// A session that guesses tokens gives the same logits, and says how often it was right.
static void CheckDrafts(void) {
  uint64_t now = 0;
  lfm2_session_options options = SmallOptions();
  lfm2_draft_statistics statistics;
  int i;
  for (i = 0; i < 100; ++i) CHECK_OK(lfm2_session_decode(&g_model.session, g_prompt[i % 4]));
  KeepLogits();
  statistics = lfm2_session_draft_statistics(&g_model.session);
  CHECK(statistics.passes == 0 && statistics.drafted == 0 && statistics.accepted == 0);
  lfm2_session_close(&g_model.session);
  options.draft_tokens = 17;
  options.now_ns = EqualTimes;
  options.clock_user = &now;
  CHECK_FAILS(lfm2_session_open(&g_model.session, &g_model.image, &options, g_arena[0], ARENA_BYTES, NULL),
              LFM2_INVALID_ARGUMENT, "options.draft_tokens");
  options.draft_tokens = 5;
  options.now_ns = NULL;
  CHECK_FAILS(lfm2_session_open(&g_model.session, &g_model.image, &options, g_arena[0], ARENA_BYTES, NULL),
              LFM2_INVALID_ARGUMENT, "options.now_ns");
  options.now_ns = EqualTimes;
  CHECK_OK(lfm2_session_open(&g_model.session, &g_model.image, &options, g_arena[0], ARENA_BYTES, NULL));
  for (i = 0; i < 100; ++i) CHECK_OK(lfm2_session_decode(&g_model.session, g_prompt[i % 4]));
  CHECK(SameLogits());
  statistics = lfm2_session_draft_statistics(&g_model.session);
  CHECK(statistics.accepted > 50 && statistics.accepted <= statistics.drafted && statistics.passes >= 10);
  lfm2_session_close(&g_model.session);
  statistics = lfm2_session_draft_statistics(&g_model.session);
  CHECK(statistics.passes == 0);
}

#if defined(LFM2_POSIX)
static void CheckThreads(void) {
  static lfm2_thread_pool pool;
  const lfm2_session_options options = SmallOptions();
  lfm2_session_close(&g_model.session);
  CHECK(lfm2_monotonic_ns(NULL) <= lfm2_monotonic_ns(NULL));
  CHECK(lfm2_usable_cores() >= 1 && lfm2_thread_pool_executor(&pool) == NULL);
  CHECK_FAILS(lfm2_thread_pool_open(&pool, 2, 7), LFM2_INVALID_ARGUMENT, "pinning");
  CHECK_FAILS(lfm2_thread_pool_open(&pool, 100000, LFM2_PIN_NONE), LFM2_INVALID_ARGUMENT, "threads");
  CHECK_OK(lfm2_thread_pool_open(&pool, 3, LFM2_PIN_NONE));
  CHECK_FAILS(lfm2_thread_pool_open(&pool, 3, LFM2_PIN_NONE), LFM2_FAILED_PRECONDITION, NULL);
  CHECK(lfm2_thread_pool_executor(&pool)->workers == 3);
  CHECK_OK(lfm2_session_open(&g_model.session, &g_model.image, &options, g_arena[0], ARENA_BYTES,
                             lfm2_thread_pool_executor(&pool)));
  CHECK_OK(lfm2_session_prefill(&g_model.session, g_prompt, g_prompt_count));
  CHECK(SameLogits());
  lfm2_session_close(&g_model.session);
  lfm2_thread_pool_close(&pool);
  lfm2_thread_pool_close(&pool);
  CHECK(lfm2_thread_pool_executor(&pool) == NULL);
}
#endif

void TestSession(void) {
  void (*const parts[])(void) = {
    CheckWaysToFeed,
    CheckRefused,
    CheckPoll,
    CheckPositions,
    CheckObserver,
    CheckDrafts,
    CheckExecutor,  // CheckThreads compares with its logits
#if defined(LFM2_POSIX)
    CheckThreads
#endif
  };
  size_t i;
  for (i = 0; i < sizeof(parts) / sizeof(parts[0]); ++i) {
    OpenTestModel(&g_model, 0);
    if (i == 0) EncodePrompt();
    parts[i]();
    CloseTestModel(&g_model);
  }
}
