// Keeping a sequence from C: marks, copies, saved states, and a store on a block device.
#include "check.h"

static TestModel g_model, g_other;
static unsigned char g_mark[65536];

typedef struct File {
  unsigned char bytes[1u << 20];
  size_t size;
  size_t at;
} File;
static File g_file;

static bool Write(void* user, const void* bytes, size_t size) {
  File* const file = user;
  if (size > sizeof(file->bytes) - file->size) return false;
  memcpy(file->bytes + file->size, bytes, size);
  file->size += size;
  return true;
}
static bool Read(void* user, void* bytes, size_t size) {
  File* const file = user;
  if (size > file->size - file->at) return false;
  memcpy(bytes, file->bytes + file->at, size);
  file->at += size;
  return true;
}

static void Ask(lfm2_conversation* chat, const char* question, TestText* text) {
  const lfm2_chat_message message = lfm2_chat_message_of(LFM2_ROLE_USER, question);
  memset(text, 0, sizeof(*text));
  CHECK_OK(lfm2_conversation_ask(chat, &message, NULL, KeepText, text));
}

static void CheckMarks(void) {
  TestText first, again;
  uint64_t bytes;
  uint32_t position;
  Ask(&g_model.chat, "Lock the front door.", &first);
  bytes = lfm2_conversation_mark_bytes(&g_model.chat);
  CHECK(bytes > 0 && bytes <= sizeof(g_mark) && lfm2_session_mark_bytes(&g_model.session) < bytes);
  CHECK_FAILS(lfm2_conversation_mark(&g_model.chat, g_mark, (size_t)bytes - 1), LFM2_OUTPUT_TOO_SMALL, "mark");
  CHECK_OK(lfm2_conversation_mark(&g_model.chat, g_mark, (size_t)bytes));
  position = lfm2_session_position(&g_model.session);
  Ask(&g_model.chat, QUESTION, &first);
  CHECK_OK(lfm2_conversation_rewind(&g_model.chat, g_mark, (size_t)bytes));
  CHECK(lfm2_session_position(&g_model.session) == position);
  Ask(&g_model.chat, QUESTION, &again);
  CHECK(strcmp(first.data, again.data) == 0 && first.size > 0);
  g_mark[9] ^= 1;
  CHECK_FAILS(lfm2_conversation_rewind(&g_model.chat, g_mark, (size_t)bytes), LFM2_CORRUPT, NULL);
  CHECK_FAILS(lfm2_conversation_rewind(&g_model.chat, g_mark, 3), LFM2_CORRUPT, "mark");
  // Of the session alone.
  CHECK_OK(lfm2_session_mark(&g_model.session, g_mark, sizeof(g_mark)));
  position = lfm2_session_position(&g_model.session);
  CHECK_OK(lfm2_session_decode(&g_model.session, 1));
  CHECK_OK(lfm2_session_rewind(&g_model.session, g_mark, sizeof(g_mark)));
  CHECK(lfm2_session_position(&g_model.session) == position);
}

static void CheckFork(void) {
  TestText first, again;
  Ask(&g_model.chat, "Lock the front door.", &first);
  CHECK_OK(lfm2_conversation_fork(&g_other.chat, &g_model.chat));
  Ask(&g_model.chat, QUESTION, &first);
  Ask(&g_other.chat, QUESTION, &again);
  CHECK(strcmp(first.data, again.data) == 0);
  CHECK_FAILS(lfm2_session_fork(&g_model.session, &g_model.session), LFM2_INVALID_ARGUMENT, NULL);
  CHECK_OK(lfm2_session_fork(&g_other.session, &g_model.session));
  CHECK(lfm2_session_position(&g_other.session) == lfm2_session_position(&g_model.session));
}

static void CheckSaved(void) {
  TestText first, again;
  lfm2_state_note note = {5, {'n', 'o', 't', 'e', 0}}, loaded = {0, {0}};
  Ask(&g_model.chat, "Lock the front door.", &first);
  g_file.size = g_file.at = 0;
  CHECK_OK(lfm2_conversation_save(&g_model.chat, Write, &g_file));
  Ask(&g_model.chat, QUESTION, &first);
  CHECK_OK(lfm2_conversation_load(&g_other.chat, Read, &g_file));
  Ask(&g_other.chat, QUESTION, &again);
  CHECK(strcmp(first.data, again.data) == 0);
  // Of the session alone, with a note and the logits.
  CHECK_OK(lfm2_session_decode(&g_model.session, 1));
  g_file.size = g_file.at = 0;
  CHECK_OK(lfm2_session_save(&g_model.session, &note, true, Write, &g_file));
  CHECK(g_file.size ==
        lfm2_session_state_bytes(&g_model.session, lfm2_session_position(&g_model.session), true, note.size));
  CHECK_OK(lfm2_session_load(&g_other.session, &loaded, Read, &g_file));
  CHECK(memcmp(&note, &loaded, sizeof(note)) == 0);
  CHECK(lfm2_session_position(&g_other.session) == lfm2_session_position(&g_model.session));
  CHECK(memcmp(lfm2_session_logits(&g_model.session, NULL), lfm2_session_logits(&g_other.session, NULL),
               lfm2_session_vocab_size(&g_model.session) * sizeof(float)) == 0);
  g_file.at = 0;
  g_file.bytes[g_file.size / 2] ^= 1;
  CHECK_FAILS(lfm2_session_load(&g_other.session, NULL, Read, &g_file), LFM2_CORRUPT, NULL);
  CHECK(lfm2_session_position(&g_other.session) == 0);
  g_file.at = g_file.size - 10;
  CHECK_FAILS(lfm2_session_load(&g_other.session, NULL, Read, &g_file), LFM2_IO, NULL);
  note.size = LFM2_STATE_NOTE_BYTES + 1;
  CHECK_FAILS(lfm2_session_save(&g_model.session, &note, false, Write, &g_file), LFM2_INVALID_ARGUMENT, NULL);
  g_file.size = sizeof(g_file.bytes) - 100;
  CHECK_FAILS(lfm2_session_save(&g_model.session, NULL, false, Write, &g_file), LFM2_IO, NULL);
}

static unsigned char g_flash[2u << 20];
static int ReadFlash(void* user, uint64_t first_block, uint32_t blocks, void* to) {
  (void)user;
  memcpy(to, g_flash + (size_t)first_block * 512, (size_t)blocks * 512);
  return 0;
}
static int WriteFlash(void* user, uint64_t first_block, uint32_t blocks, const void* from) {
  int* const left = user;
  if (--*left < 0) return 30;
  memcpy(g_flash + (size_t)first_block * 512, from, (size_t)blocks * 512);
  return 0;
}

static void CheckStore(void) {
  static lfm2_state_store store;
  static unsigned char block[512] LFM2_ALIGNED(512);
  TestText first, again;
  lfm2_status damage;
  int writes = 1 << 30;
  lfm2_block_device device = lfm2_block_device_default();
  device.user = &writes;
  device.read = ReadFlash;
  device.bytes = sizeof(g_flash);
  CHECK_FAILS(lfm2_state_store_open(&store, &device, block, sizeof(block)), LFM2_INVALID_ARGUMENT, "device.write");
  device.write = WriteFlash;
  CHECK_FAILS(lfm2_state_store_open(&store, &device, block + 1, sizeof(block) - 1), LFM2_INVALID_ARGUMENT, NULL);
  CHECK(!lfm2_state_store_is_open(&store));
  CHECK_OK(lfm2_state_store_open(&store, &device, block, sizeof(block)));
  CHECK_FAILS(lfm2_state_store_open(&store, &device, block, sizeof(block)), LFM2_FAILED_PRECONDITION, "store");
  CHECK(lfm2_state_store_sequence(&store) == 0 && lfm2_state_store_slot_bytes(&store) > 500000);
  CHECK_FAILS(lfm2_state_store_load(&store, &g_other.session, NULL, NULL), LFM2_FAILED_PRECONDITION, NULL);
  Ask(&g_model.chat, "Lock the front door.", &first);
  CHECK_OK(lfm2_state_store_save_conversation(&store, &g_model.chat));
  CHECK(lfm2_state_store_sequence(&store) == 1);
  // The power goes while the next one is written: the old one is still there.
  Ask(&g_model.chat, "What time is it?", &first);
  writes = 3;
  CHECK_FAILS(lfm2_state_store_save_conversation(&store, &g_model.chat), LFM2_IO, NULL);
  lfm2_state_store_close(&store);
  lfm2_state_store_close(&store);
  CHECK_OK(lfm2_state_store_open(&store, &device, block, sizeof(block)));
  CHECK_OK(lfm2_state_store_load_conversation(&store, &g_other.chat, &damage));
  CHECK_OK(damage);
  Ask(&g_other.chat, QUESTION, &first);
  writes = 1 << 30;
  CHECK_OK(lfm2_state_store_load_conversation(&store, &g_model.chat, NULL));
  Ask(&g_model.chat, QUESTION, &again);
  CHECK(strcmp(first.data, again.data) == 0);
  CHECK_OK(lfm2_state_store_save(&store, &g_model.session, NULL, false));
  CHECK_OK(lfm2_state_store_load(&store, &g_other.session, NULL, NULL));
  CHECK(lfm2_session_position(&g_other.session) == lfm2_session_position(&g_model.session));
  CHECK(lfm2_state_store_sequence(&store) == 2);
  lfm2_state_store_close(&store);
}

void TestState(void) {
  void (*const parts[])(void) = {CheckMarks, CheckFork, CheckSaved, CheckStore};
  size_t i;
  for (i = 0; i < sizeof(parts) / sizeof(parts[0]); ++i) {
    OpenTestModel(&g_model, 0);
    OpenTestModel(&g_other, 1);
    parts[i]();
    CloseTestModel(&g_model);
    CloseTestModel(&g_other);
  }
}
