// A model from C that is not addressable: by a driver's function, by a device that reads by itself, and from files.
#include "check.h"

static lfm2_storage g_storage;
static lfm2_image g_model;
static lfm2_session g_session;
static lfm2_conversation g_chat;

typedef struct Drive {
  int reads;
  int fails;  // so many of the next reads
} Drive;

static int ReadBlocks(void* user, uint64_t first_block, uint32_t blocks, void* to) {
  Drive* const drive = user;
  const uint64_t at = (first_block - 7) * 512;
  size_t bytes = (size_t)blocks * 512;
  ++drive->reads;
  if (drive->fails > 0) {
    --drive->fails;
    return -5;
  }
  if (at >= g_image.size) return 6;
  if (bytes > g_image.size - at) bytes = (size_t)(g_image.size - at);
  memcpy(to, g_image.bytes + at, bytes);
  return 0;
}

static lfm2_block_device DeviceOf(Drive* drive) {
  lfm2_block_device device = lfm2_block_device_default();
  device.user = drive;
  device.read = ReadBlocks;
  device.first_block = 7;
  device.bytes = g_image.size;
  return device;
}

static lfm2_status Answer(TestText* text) {
  const lfm2_conversation_options greedy = GreedyOptions();
  const lfm2_chat_message question = lfm2_chat_message_of(LFM2_ROLE_USER, QUESTION);
  const lfm2_status status = lfm2_conversation_open(&g_chat, &g_session, &greedy);
  memset(text, 0, sizeof(*text));
  if (status.code != LFM2_OK) return status;
  return lfm2_conversation_ask(&g_chat, &question, NULL, KeepText, text);
}

static void CloseAll(void) {
  lfm2_conversation_close(&g_chat);
  lfm2_session_close(&g_session);
  lfm2_image_close(&g_model);
  lfm2_storage_close(&g_storage);
}

// The model opens from whatever storage is open, in an arena of `bytes`, and answers.
static void CheckAnswer(size_t bytes) {
  TestText text;
  lfm2_stream_statistics all, sum = {0, 0, 0, 0, 0, 0, 0, 0};
  lfm2_image_info info;
  uint32_t i;
  const lfm2_session_options options = SmallOptions();
  CHECK_OK(lfm2_open_model(&g_storage, &options, g_arena[0], bytes, &g_model, &g_session, NULL));
  CHECK_OK(lfm2_image_info_of(&g_model, &info));
  CHECK(info.is_streamed);
  CHECK_OK(Answer(&text));
  CHECK(strcmp(text.data, ANSWER) == 0);
  all = lfm2_session_statistics(&g_session);
  CHECK(all.misses > 0 && all.bytes > 0);
  for (i = 0; i < info.moe_layers; ++i) sum.misses += lfm2_session_layer_statistics(&g_session, i).misses;
  CHECK(sum.misses == all.misses && lfm2_session_layer_statistics(&g_session, info.moe_layers).misses == 0);
  CHECK_FAILS(lfm2_image_verify_expert(&g_model, 0, 0), LFM2_FAILED_PRECONDITION, NULL);
  CHECK_OK(lfm2_image_verify(&g_model));
}

static void CheckBlocks(void) {
  Drive drive = {0, 0};
  lfm2_block_device device = DeviceOf(&drive);
  lfm2_session_options options = SmallOptions();
  lfm2_status status;
  TestText text;
  void* rest = NULL;
  size_t rest_bytes = 0;
  CHECK_OK(lfm2_storage_open_blocks(&g_storage, &device));
  memset(&device, 0, sizeof(device));  // it was copied
  CHECK_FAILS(lfm2_image_open(&g_model, &g_storage), LFM2_INVALID_ARGUMENT, "storage");
  CHECK_FAILS(lfm2_open_model_in_place(&g_storage, &options, g_arena[0], ARENA_BYTES, &g_model, &g_session, NULL),
              LFM2_INVALID_ARGUMENT, "storage");
  CHECK_FAILS(lfm2_image_open_read(&g_model, &g_storage, g_arena[0] + 64, 8192, &rest, &rest_bytes),
              LFM2_INVALID_ARGUMENT, "arena");
  CHECK_FAILS(lfm2_open_model(&g_storage, &options, g_arena[0], 4096, &g_model, &g_session, NULL),
              LFM2_ARENA_TOO_SMALL, "arena");
  CHECK(!lfm2_image_is_open(&g_model) && !lfm2_session_is_open(&g_session));
  CheckAnswer(2560 * 1024);
  CHECK(drive.reads > 10);
  // A permanent error, and a temporary one.
  drive.fails = 1000000;
  status = Answer(&text);
  CHECK_FAILS(status, LFM2_IO, "expert record");
  CHECK(status.value == 5 && status.index != LFM2_NO_INDEX);
  drive.fails = 1;
  CHECK_OK(Answer(&text));
  CHECK(strcmp(text.data, ANSWER) == 0);
  lfm2_conversation_close(&g_chat);
  lfm2_session_close(&g_session);
  lfm2_image_close(&g_model);
  // The same in two calls.
  CHECK_OK(lfm2_image_open_read(&g_model, &g_storage, g_arena[1], ARENA_BYTES, &rest, &rest_bytes));
  CHECK((unsigned char*)rest > g_arena[1] && (unsigned char*)rest + rest_bytes == g_arena[1] + ARENA_BYTES);
  CHECK_OK(lfm2_session_open(&g_session, &g_model, &options, rest, rest_bytes, NULL));
  CHECK_OK(Answer(&text));
  CHECK(strcmp(text.data, ANSWER) == 0);
  CloseAll();
  device = DeviceOf(&drive);
  device.block_bytes = 500;
  CHECK_FAILS(lfm2_storage_open_blocks(&g_storage, &device), LFM2_INVALID_ARGUMENT, "device.block_bytes");
  device = DeviceOf(&drive);
  device.read = NULL;
  CHECK_FAILS(lfm2_storage_open_blocks(&g_storage, &device), LFM2_INVALID_ARGUMENT, "device.read");
  CHECK(!lfm2_storage_is_open(&g_storage));
}

// A device whose reads end later, and in another order.
typedef struct Queue {
  struct {
    uint64_t offset;
    uint64_t bytes;
    void* to;
    uint32_t tag;
  } reads[4];
  uint32_t count;
  uint32_t most;
  bool dead;
} Queue;

static int Submit(void* user, uint64_t offset, uint64_t bytes, void* to, uint32_t tag) {
  Queue* const queue = user;
  if (queue->count == 4 || offset % 512 != 0 || bytes % 512 != 0 || (uintptr_t)to % 512 != 0) return 22;
  queue->reads[queue->count].offset = offset;
  queue->reads[queue->count].bytes = bytes;
  queue->reads[queue->count].to = to;
  queue->reads[queue->count].tag = tag;
  ++queue->count;
  if (queue->count > queue->most) queue->most = queue->count;
  return 0;
}
static bool Wait(void* user, uint32_t* tag, int* error) {
  Queue* const queue = user;
  size_t bytes;
  if (queue->count == 0 || queue->dead) return false;
  --queue->count;  // the last first
  bytes = (size_t)queue->reads[queue->count].bytes;
  if (bytes > g_image.size - queue->reads[queue->count].offset) {
    bytes = (size_t)(g_image.size - queue->reads[queue->count].offset);
  }
  memcpy(queue->reads[queue->count].to, g_image.bytes + queue->reads[queue->count].offset, bytes);
  *tag = queue->reads[queue->count].tag;
  *error = 0;
  return true;
}
static bool Poll(void* user, uint32_t* tag, int* error) {
  (void)user;
  (void)tag;
  (void)error;
  return false;
}

static void CheckQueue(void) {
  static Queue queue;
  TestText text;
  lfm2_queue_device device;
  memset(&device, 0, sizeof(device));
  device.user = &queue;
  device.submit = Submit;
  device.poll = Poll;
  CHECK_FAILS(lfm2_storage_open_queue(&g_storage, &device), LFM2_INVALID_ARGUMENT, "device.wait");
  device.wait = Wait;
  CHECK_FAILS(lfm2_storage_open_queue(&g_storage, &device), LFM2_INVALID_ARGUMENT, "device.bytes");
  device.bytes = g_image.size;
  CHECK_FAILS(lfm2_storage_open_queue(&g_storage, &device), LFM2_INVALID_ARGUMENT, "device.alignment_bytes");
  device.alignment_bytes = 512;
  CHECK_FAILS(lfm2_storage_open_queue(&g_storage, &device), LFM2_INVALID_ARGUMENT, "device.capacity");
  device.capacity = 4;
  CHECK_FAILS(lfm2_storage_open_queue(&g_storage, &device), LFM2_INVALID_ARGUMENT, "device.piece_bytes");
  device.piece_bytes = 8192;
  device.timeout_ms = 1234;
  CHECK_OK(lfm2_storage_open_queue(&g_storage, &device));
  CheckAnswer(2560 * 1024);
  CHECK(queue.most == 4);
  queue.dead = true;
  {
    const lfm2_status status = Answer(&text);
    CHECK_FAILS(status, LFM2_TIMEOUT, NULL);
    CHECK(status.value == 1234);
  }
  queue.dead = false;
  CHECK_OK(Answer(&text));
  CHECK(strcmp(text.data, ANSWER) == 0);
  CloseAll();
}

#if defined(LFM2_POSIX)
static void CheckFiles(void) {
  static lfm2_direct_file file;
  lfm2_direct_file_options how = lfm2_direct_file_options_default();
  const lfm2_session_options options = SmallOptions();
  lfm2_status status;
  TestText text;
  status = lfm2_storage_open_mapped_file(&g_storage, "/nowhere/model.lfm2");
  CHECK_FAILS(status, LFM2_IO, "file");
  CHECK(status.value == 2);
  CHECK_FAILS(lfm2_storage_open_mapped_file(&g_storage, "/"), LFM2_INVALID_ARGUMENT, "file");
  CHECK(!lfm2_storage_is_open(&g_storage));
  CHECK_OK(lfm2_storage_open_mapped_file(&g_storage, g_image.path));
  CHECK(lfm2_storage_size(&g_storage) == g_image.size);
  CHECK_OK(lfm2_open_model(&g_storage, &options, g_arena[0], ARENA_BYTES, &g_model, &g_session, NULL));
  CHECK_OK(Answer(&text));
  CHECK(strcmp(text.data, ANSWER) == 0);
  CloseAll();
  how.backend = 3;
  CHECK_FAILS(lfm2_storage_open_direct_file(&g_storage, &file, g_image.path, &how), LFM2_INVALID_ARGUMENT,
              "options.backend");
  how.backend = LFM2_READ_THREADS;
  CHECK_OK(lfm2_storage_open_direct_file(&g_storage, &file, g_image.path, &how));
  CHECK(!lfm2_direct_file_uses_io_uring(&file));
  CheckAnswer(2560 * 1024);
  CloseAll();
  CHECK_OK(lfm2_storage_open_direct_file(&g_storage, &file, g_image.path, NULL));
  CheckAnswer(2560 * 1024);
  CloseAll();
  CHECK(!lfm2_direct_file_is_direct(&file));
}
#endif

void TestStreaming(void) {
  CheckBlocks();
  CheckQueue();
#if defined(LFM2_POSIX)
  CheckFiles();
#endif
}
