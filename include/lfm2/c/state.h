// A sequence as a value: marks, copies, saved states and the store that a loss of power cannot spoil. C99.
#ifndef LFM2_C_STATE_H_
#define LFM2_C_STATE_H_

#include "lfm2/c/conversation.h"
#include "lfm2/c/session.h"
#include "lfm2/c/types.h"

#if defined(__cplusplus)
extern "C" {
#endif

// Bytes of a mark; 0 while closed.
uint64_t lfm2_session_mark_bytes(const lfm2_session* session);
// Notes the end of the sequence in `to`, of any alignment, so that rewind can come back to it. Errors:
// LFM2_FAILED_PRECONDITION if not open or while steps are left; LFM2_OUTPUT_TOO_SMALL.
LFM2_MUST_CHECK lfm2_status lfm2_session_mark(const lfm2_session* session, void* to, size_t bytes);
// Goes back to a mark, as often as one likes: positions after it are forgotten, and there are no logits. Errors, after
// which the sequence is as it was: LFM2_FAILED_PRECONDITION, also where the sequence no longer begins with the tokens
// that it had at the mark; LFM2_CORRUPT; LFM2_INVALID_ARGUMENT for a mark of another model.
LFM2_MUST_CHECK lfm2_status lfm2_session_rewind(lfm2_session* session, const void* mark, size_t bytes);

// Becomes a copy of the other session's sequence, logits included. The other has the same model and kv_cache. Errors,
// after which this sequence is as it was: LFM2_FAILED_PRECONDITION if one is not open or has steps left;
// LFM2_INVALID_ARGUMENT; LFM2_CONTEXT_FULL where its positions do not fit this context.
LFM2_MUST_CHECK lfm2_status lfm2_session_fork(lfm2_session* session, const lfm2_session* other);

// Takes the next bytes of a saved state; false: it cannot.
typedef bool (*lfm2_state_sink)(void* user, const void* bytes, size_t size);
// Fills `bytes` with the next bytes of a saved state; false: there are not so many, or they cannot be read.
typedef bool (*lfm2_state_source)(void* user, void* bytes, size_t size);

#define LFM2_STATE_NOTE_BYTES 256
// What a program keeps with a state: the session does not know what it means.
typedef struct lfm2_state_note {
  uint32_t size;  // bytes in use
  unsigned char data[LFM2_STATE_NOTE_BYTES];
} lfm2_state_note;

// Bytes of a saved state of `position` positions of an open session; 0 while closed.
uint64_t lfm2_session_state_bytes(const lfm2_session* session, uint32_t position, bool with_logits,
                                  uint32_t note_bytes);
// Writes the sequence to sink in one pass. note: kept with it; may be NULL. with_logits: if there are any, so that the
// next token can be chosen without computing the last one again. Errors: LFM2_FAILED_PRECONDITION if not open or while
// steps are left; LFM2_INVALID_ARGUMENT; LFM2_IO where the sink said false.
LFM2_MUST_CHECK lfm2_status lfm2_session_save(const lfm2_session* session, const lfm2_state_note* note,
                                              bool with_logits, lfm2_state_sink sink, void* user);
// Reads what save wrote, on any machine, of the same model and kv_cache. note: NULL if unwanted. Errors:
// LFM2_FAILED_PRECONDITION; all others leave an empty sequence: LFM2_IO where the source said false; LFM2_CORRUPT;
// LFM2_UNSUPPORTED for a later version; LFM2_INVALID_ARGUMENT for another model or kv_cache; LFM2_CONTEXT_FULL.
LFM2_MUST_CHECK lfm2_status lfm2_session_load(lfm2_session* session, lfm2_state_note* note, lfm2_state_source source,
                                              void* user);

// The same of a conversation, with what it knows beside the sequence: it goes on as if it had never stopped. Not while
// messages were added and not computed. After an error of load the conversation begins anew.
uint64_t lfm2_conversation_mark_bytes(const lfm2_conversation* chat);
LFM2_MUST_CHECK lfm2_status lfm2_conversation_mark(const lfm2_conversation* chat, void* to, size_t bytes);
LFM2_MUST_CHECK lfm2_status lfm2_conversation_rewind(lfm2_conversation* chat, const void* mark, size_t bytes);
LFM2_MUST_CHECK lfm2_status lfm2_conversation_fork(lfm2_conversation* chat, const lfm2_conversation* other);
LFM2_MUST_CHECK lfm2_status lfm2_conversation_save(const lfm2_conversation* chat, lfm2_state_sink sink, void* user);
LFM2_MUST_CHECK lfm2_status lfm2_conversation_load(lfm2_conversation* chat, lfm2_state_source source, void* user);

// A place for one state on a block device: a loss of power while anything is written leaves the old state or the new
// one. Each half of the device's bytes is a slot, where there is `erase` a whole number of its sectors.
LFM2_OPAQUE(lfm2_state_store, 384, 8);
// Looks which states there are; writes nothing. device: copied; has `write`. scratch: one block, aligned to
// block_bytes, which outlives the store. Errors: LFM2_FAILED_PRECONDITION if open; LFM2_INVALID_ARGUMENT; LFM2_IO.
LFM2_MUST_CHECK lfm2_status lfm2_state_store_open(lfm2_state_store* store, const lfm2_block_device* device,
                                                  void* scratch, size_t scratch_bytes);
void lfm2_state_store_close(lfm2_state_store* store);
bool lfm2_state_store_is_open(const lfm2_state_store* store);
// The number of the newest state: each save counts on. 0: there is none.
uint64_t lfm2_state_store_sequence(const lfm2_state_store* store);
// The size of the largest state that fits.
uint64_t lfm2_state_store_slot_bytes(const lfm2_state_store* store);
// Errors, after which the state that was there is there: lfm2_session_save's; LFM2_OUTPUT_TOO_SMALL where the state is
// larger than a slot; LFM2_IO.
LFM2_MUST_CHECK lfm2_status lfm2_state_store_save(lfm2_state_store* store, const lfm2_session* session,
                                                  const lfm2_state_note* note, bool with_logits);
LFM2_MUST_CHECK lfm2_status lfm2_state_store_save_conversation(lfm2_state_store* store, const lfm2_conversation* chat);
// Loads the newest state or, where its bytes are damaged or cannot be read, the one before; *damage, which may be NULL,
// says what was wrong. Errors: LFM2_FAILED_PRECONDITION if there is none; lfm2_session_load's.
LFM2_MUST_CHECK lfm2_status lfm2_state_store_load(lfm2_state_store* store, lfm2_session* session, lfm2_state_note* note,
                                                  lfm2_status* damage);
LFM2_MUST_CHECK lfm2_status lfm2_state_store_load_conversation(lfm2_state_store* store, lfm2_conversation* chat,
                                                               lfm2_status* damage);

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // LFM2_C_STATE_H_
