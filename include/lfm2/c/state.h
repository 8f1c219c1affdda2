// Marks, forks and saved states of a sequence, and a store for them that survives losses of power. C99.
#ifndef LFM2_C_STATE_H_
#define LFM2_C_STATE_H_

#include "lfm2/c/conversation.h"
#include "lfm2/c/session.h"
#include "lfm2/c/types.h"

#if defined(__cplusplus)
extern "C" {
#endif

// Size of a mark in bytes; 0 while closed.
uint64_t lfm2_session_mark_bytes(const lfm2_session* session);
// Writes a mark of the end of the sequence to `to`, of any alignment, to which rewind can return. Errors:
// LFM2_FAILED_PRECONDITION if not open or while steps are left; LFM2_OUTPUT_TOO_SMALL.
LFM2_MUST_CHECK lfm2_status lfm2_session_mark(const lfm2_session* session, void* to, size_t bytes);
// Returns to a mark, any number of times: later positions are dropped, and there are no logits. Errors, after which the
// sequence is unchanged: LFM2_FAILED_PRECONDITION, also if the sequence no longer begins with the tokens that it had at
// the mark; LFM2_CORRUPT; LFM2_INVALID_ARGUMENT for a mark of another model.
LFM2_MUST_CHECK lfm2_status lfm2_session_rewind(lfm2_session* session, const void* mark, size_t bytes);

// Copies the sequence of the other session, including logits. The other session must have the same model and kv_cache.
// Errors, after which this sequence is unchanged: LFM2_FAILED_PRECONDITION if one is not open or has steps left;
// LFM2_INVALID_ARGUMENT; LFM2_CONTEXT_FULL where its positions do not fit this context.
LFM2_MUST_CHECK lfm2_status lfm2_session_fork(lfm2_session* session, const lfm2_session* other);

// Receives the next bytes of a saved state. Returns false if it cannot store them.
typedef bool (*lfm2_state_sink)(void* user, const void* bytes, size_t size);
// Fills `bytes` with the next bytes of a saved state. Returns false if there are not enough or they cannot be read.
typedef bool (*lfm2_state_source)(void* user, void* bytes, size_t size);

// The capacity of a note in bytes.
#define LFM2_STATE_NOTE_BYTES 256
// Data of the program that is saved with a state. The session does not interpret it.
typedef struct lfm2_state_note {
  uint32_t size;                              // bytes in use
  unsigned char data[LFM2_STATE_NOTE_BYTES];  // the first `size` bytes are kept
} lfm2_state_note;

// Bytes of a saved state with `position` positions of an open session; 0 while closed.
uint64_t lfm2_session_state_bytes(const lfm2_session* session, uint32_t position, bool with_logits,
                                  uint32_t note_bytes);
// Writes the sequence to sink in one pass. note: saved with it; may be NULL. with_logits: also saves logits, if
// available, so that the next token can be chosen without computing the last one again. Errors:
// LFM2_FAILED_PRECONDITION if not open or while steps are left; LFM2_INVALID_ARGUMENT; LFM2_IO where the sink returned
// false.
LFM2_MUST_CHECK lfm2_status lfm2_session_save(const lfm2_session* session, const lfm2_state_note* note,
                                              bool with_logits, lfm2_state_sink sink, void* user);
// Reads what save wrote, on any machine, of the same model and kv_cache. note: NULL if unwanted. Errors:
// LFM2_FAILED_PRECONDITION; all others leave an empty sequence: LFM2_IO where the source returned false; LFM2_CORRUPT;
// LFM2_UNSUPPORTED for a later version; LFM2_INVALID_ARGUMENT for another model or kv_cache; LFM2_CONTEXT_FULL.
LFM2_MUST_CHECK lfm2_status lfm2_session_load(lfm2_session* session, lfm2_state_note* note, lfm2_state_source source,
                                              void* user);

// The same for a conversation, with its state besides the sequence: it continues as if it had never stopped. Appended
// messages must have been computed. After an error of load the conversation starts again.
uint64_t lfm2_conversation_mark_bytes(const lfm2_conversation* chat);
LFM2_MUST_CHECK lfm2_status lfm2_conversation_mark(const lfm2_conversation* chat, void* to, size_t bytes);
LFM2_MUST_CHECK lfm2_status lfm2_conversation_rewind(lfm2_conversation* chat, const void* mark, size_t bytes);
LFM2_MUST_CHECK lfm2_status lfm2_conversation_fork(lfm2_conversation* chat, const lfm2_conversation* other);
LFM2_MUST_CHECK lfm2_status lfm2_conversation_save(const lfm2_conversation* chat, lfm2_state_sink sink, void* user);
LFM2_MUST_CHECK lfm2_status lfm2_conversation_load(lfm2_conversation* chat, lfm2_state_source source, void* user);

// Keeps one state on a block device: a loss of power during any write leaves the old state or the new one. Each half of
// the bytes of the device is a slot; where the device has `erase`, a slot is a whole number of its sectors.
LFM2_OPAQUE(lfm2_state_store, 384, 8);
// Reads the headers of both slots; writes nothing. device: copied; must have `write`. scratch: one block, aligned to
// block_bytes, which must outlive the store. Errors: LFM2_FAILED_PRECONDITION if already open; LFM2_INVALID_ARGUMENT;
// LFM2_IO.
LFM2_MUST_CHECK lfm2_status lfm2_state_store_open(lfm2_state_store* store, const lfm2_block_device* device,
                                                  void* scratch, size_t scratch_bytes);
void lfm2_state_store_close(lfm2_state_store* store);
bool lfm2_state_store_is_open(const lfm2_state_store* store);
// The number of the newest state, incremented by each save. 0: the store is empty.
uint64_t lfm2_state_store_sequence(const lfm2_state_store* store);
// Size of the largest state that fits.
uint64_t lfm2_state_store_slot_bytes(const lfm2_state_store* store);
// Errors, after which the previous state is intact: those of lfm2_session_save; LFM2_OUTPUT_TOO_SMALL where the state
// is larger than a slot; LFM2_IO.
LFM2_MUST_CHECK lfm2_status lfm2_state_store_save(lfm2_state_store* store, const lfm2_session* session,
                                                  const lfm2_state_note* note, bool with_logits);
LFM2_MUST_CHECK lfm2_status lfm2_state_store_save_conversation(lfm2_state_store* store, const lfm2_conversation* chat);
// Loads the newest state or, if that is damaged or cannot be read, the one before it; *damage, which may be NULL, is
// then the error of the newest one. Errors: LFM2_FAILED_PRECONDITION if the store is empty; those of lfm2_session_load.
LFM2_MUST_CHECK lfm2_status lfm2_state_store_load(lfm2_state_store* store, lfm2_session* session, lfm2_state_note* note,
                                                  lfm2_status* damage);
LFM2_MUST_CHECK lfm2_status lfm2_state_store_load_conversation(lfm2_state_store* store, lfm2_conversation* chat,
                                                               lfm2_status* damage);

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // LFM2_C_STATE_H_
