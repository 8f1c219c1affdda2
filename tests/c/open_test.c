// Opening a model from C: what it says of itself, what it needs, and what is refused.
#include "check.h"

static lfm2_storage g_storage;
static lfm2_image g_model;
static lfm2_session g_session;

static void CheckInfo(void) {
  lfm2_image_info info;
  lfm2_model_config config;
  lfm2_text text = {NULL, 0};
  CHECK_OK(lfm2_image_info_of(&g_model, &info));
  CHECK(info.file_bytes <= g_image.size && info.file_bytes > 1000000);
  CHECK(info.pinned_bytes < info.front_bytes && info.front_bytes < info.file_bytes);
  CHECK(!info.is_streamed);
  CHECK(strlen(info.name) > 0);
  CHECK(info.fingerprint != 0 && info.tensor_count > 0);
  CHECK_OK(lfm2_image_config(&g_model, &config));
  CHECK(config.layers > 0 && config.layers <= LFM2_MAX_LAYERS);
  CHECK(config.vocab_size > 0 && config.experts >= config.experts_per_token && config.experts_per_token > 0);
  CHECK(info.moe_layers == config.layers - config.dense_layers);
  CHECK(config.head_dim * config.heads > 0 && config.rope_theta > 1);
  CHECK(config.layer_kind[0] == LFM2_LAYER_SHORT_CONV || config.layer_kind[0] == LFM2_LAYER_ATTENTION);
  CHECK_OK(lfm2_image_token_text(&g_model, info.bos, &text));
  CHECK(text.size == strlen("<|startoftext|>") && memcmp(text.data, "<|startoftext|>", text.size) == 0);
  CHECK(lfm2_image_is_special(&g_model, info.bos) && !lfm2_image_is_stop(&g_model, info.bos));
  CHECK(lfm2_image_is_stop(&g_model, info.eos));
  CHECK(!lfm2_image_is_stop(&g_model, -5) && !lfm2_image_is_special(&g_model, 1 << 30));
  CHECK_FAILS(lfm2_image_token_text(&g_model, (int32_t)config.vocab_size, &text), LFM2_INVALID_ARGUMENT, "token");
  CHECK_FAILS(lfm2_image_token_text(&g_model, -1, &text), LFM2_INVALID_ARGUMENT, "token");
}

static void CheckVerify(void) {
  lfm2_image_info info;
  lfm2_model_config config;
  CHECK_OK(lfm2_image_info_of(&g_model, &info));
  CHECK_OK(lfm2_image_config(&g_model, &config));
  CHECK_OK(lfm2_image_verify(&g_model));
  CHECK_OK(lfm2_image_verify_expert(&g_model, info.moe_layers - 1, config.experts - 1));
  CHECK_FAILS(lfm2_image_verify_expert(&g_model, info.moe_layers, 0), LFM2_INVALID_ARGUMENT, "moe_layer");
  CHECK_FAILS(lfm2_image_verify_expert(&g_model, 0, config.experts), LFM2_INVALID_ARGUMENT, "expert");
}

// A plan is what a session takes, to the byte.
static void CheckPlan(void) {
  const lfm2_session_options options = SmallOptions();
  lfm2_model_config config;
  lfm2_plan plan, same;
  uint64_t sum = 0;
  uint32_t i;
  CHECK_OK(lfm2_image_config(&g_model, &config));
  CHECK_OK(lfm2_plan_of_image(&g_model, false, &options, &plan));
  CHECK_OK(lfm2_plan_of_config(&config, &options, &same));
  CHECK(memcmp(&plan, &same, sizeof(plan)) == 0);
  for (i = 0; i < plan.count; ++i) sum += plan.regions[i].bytes;
  CHECK(sum == plan.total_bytes && plan.total_bytes <= ARENA_BYTES && plan.front_bytes == 0 && plan.slots == 0);
  CHECK_FAILS(lfm2_session_open(&g_session, &g_model, &options, g_arena[0], (size_t)plan.total_bytes - 1, NULL),
              LFM2_ARENA_TOO_SMALL, "arena");
  CHECK(!lfm2_session_is_open(&g_session));
  CHECK_OK(lfm2_session_open(&g_session, &g_model, &options, g_arena[0], (size_t)plan.total_bytes, NULL));
  CHECK(lfm2_session_context_length(&g_session) == 256);
  CHECK(lfm2_session_vocab_size(&g_session) == config.vocab_size);
  CHECK(strlen(lfm2_session_kernels_name(&g_session)) > 0);
  lfm2_session_close(&g_session);
  CHECK_OK(lfm2_plan_of_image(&g_model, true, &options, &plan));
  CHECK(plan.front_bytes > 0 && plan.slots > 0 && plan.slot_bytes > 0 && plan.least_bytes <= plan.total_bytes);
  config.heads = 0;
  CHECK_FAILS(lfm2_plan_of_config(&config, &options, &same), LFM2_CORRUPT, "config.heads");
}

static void CheckOptions(void) {
  lfm2_session_options options = SmallOptions();
  options.kv_cache = 3;
  CHECK_FAILS(lfm2_session_open(&g_session, &g_model, &options, g_arena[0], ARENA_BYTES, NULL), LFM2_INVALID_ARGUMENT,
              "options.kv_cache");
  options = SmallOptions();
  options.cpu_target = 256;
  CHECK_FAILS(lfm2_session_open(&g_session, &g_model, &options, g_arena[0], ARENA_BYTES, NULL), LFM2_INVALID_ARGUMENT,
              "options.cpu_target");
  memset(&options, 0, sizeof(options));  // nobody called lfm2_session_options_default
  CHECK_FAILS(lfm2_session_open(&g_session, &g_model, &options, g_arena[0], ARENA_BYTES, NULL), LFM2_INVALID_ARGUMENT,
              "options.prefill_chunk");
  options = SmallOptions();
  options.context_length = 0xffffffffu;
  CHECK_FAILS(lfm2_session_open(&g_session, &g_model, &options, g_arena[0], ARENA_BYTES, NULL), LFM2_INVALID_ARGUMENT,
              "options.context_length");
  options = SmallOptions();
  CHECK_FAILS(lfm2_session_open(&g_session, &g_model, &options, g_arena[0] + 1, ARENA_BYTES - 1, NULL),
              LFM2_INVALID_ARGUMENT, "arena");
}

static void CheckTwice(void) {
  const lfm2_session_options options = SmallOptions();
  CHECK_FAILS(lfm2_storage_open_memory(&g_storage, g_image.bytes, g_image.size), LFM2_FAILED_PRECONDITION, "storage");
  CHECK_FAILS(lfm2_image_open(&g_model, &g_storage), LFM2_FAILED_PRECONDITION, "Image::Open");
  CHECK_OK(lfm2_session_open(&g_session, &g_model, &options, g_arena[0], ARENA_BYTES, NULL));
  CHECK_FAILS(lfm2_session_open(&g_session, &g_model, &options, g_arena[0], ARENA_BYTES, NULL),
              LFM2_FAILED_PRECONDITION, "session");
  CHECK(lfm2_session_is_open(&g_session));
  lfm2_session_close(&g_session);
  lfm2_session_close(&g_session);
  CHECK(!lfm2_session_is_open(&g_session));
}

static void CheckDamage(void) {
  static unsigned char damaged[8u << 20] LFM2_ALIGNED(64);
  lfm2_storage storage = {{0}};
  lfm2_image image = {{0}};
  memcpy(damaged, g_image.bytes, g_image.size);
  damaged[20] ^= 1;
  CHECK_OK(lfm2_storage_open_memory(&storage, damaged, g_image.size));
  CHECK(lfm2_image_open(&image, &storage).code == LFM2_CORRUPT);
  CHECK(!lfm2_image_is_open(&image));
  lfm2_storage_close(&storage);
  CHECK_OK(lfm2_storage_open_memory(&storage, damaged, 100));
  CHECK_FAILS(lfm2_image_open(&image, &storage), LFM2_CORRUPT, "image");
  lfm2_storage_close(&storage);
  CHECK_FAILS(lfm2_image_open(&image, &storage), LFM2_FAILED_PRECONDITION, "storage");
}

void TestOpening(void) {
  CHECK(strcmp(lfm2_version(), LFM2_VERSION_STRING) == 0);
  CHECK(!lfm2_storage_is_open(&g_storage) && lfm2_storage_size(&g_storage) == 0);
  CHECK_OK(lfm2_storage_open_memory(&g_storage, g_image.bytes, g_image.size));
  CHECK(lfm2_storage_is_open(&g_storage) && lfm2_storage_size(&g_storage) == g_image.size);
  CHECK_OK(lfm2_image_open(&g_model, &g_storage));
  CHECK(lfm2_image_is_open(&g_model));
  CheckInfo();
  CheckVerify();
  CheckPlan();
  CheckOptions();
  CheckTwice();
  CheckDamage();
  lfm2_image_close(&g_model);
  lfm2_image_close(&g_model);
  CHECK(!lfm2_image_is_open(&g_model));
  lfm2_storage_close(&g_storage);
  lfm2_storage_close(&g_storage);
}
