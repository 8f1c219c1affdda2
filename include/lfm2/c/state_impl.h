// Definitions of state.h.
#ifndef LFM2_C_STATE_IMPL_H_
#define LFM2_C_STATE_IMPL_H_

#include <cstring>

#include "lfm2.h"
#include "lfm2/c/conversation_impl.h"
#include "lfm2/c/object.h"
#include "lfm2/c/session_impl.h"
#include "lfm2/c/state.h"
#include "lfm2/c/storage_impl.h"

namespace lfm2::c_api {

struct StateStoreObject {
  StateStore store;
  CBlockDevice device;
};
template <>
struct ContentOf<lfm2_state_store> {
  using Type = StateStoreObject;
  static constexpr const char* kName = "store";
  static constexpr bool kHasResources = false;
};

inline StateNote NoteFromC(const lfm2_state_note* c) {
  StateNote note;
  static_assert(sizeof(note.data) == LFM2_STATE_NOTE_BYTES, "the same size");
  if (c == nullptr) return note;
  note.size = c->size;  // Save checks it
  std::memcpy(note.data, c->data, sizeof(note.data));
  return note;
}
inline void NoteToC(const StateNote& note, lfm2_state_note* c) {
  if (c == nullptr) return;
  c->size = note.size;
  std::memcpy(c->data, note.data, sizeof(note.data));
}

// Adapts functions of a C program to C++.
struct CStateSink {
  lfm2_state_sink sink;
  void* user;
  bool operator()(Span<const std::byte> bytes) const { return sink(user, bytes.data(), bytes.size()); }
};
struct CStateSource {
  lfm2_state_source source;
  void* user;
  bool operator()(Span<std::byte> bytes) const { return source(user, bytes.data(), bytes.size()); }
};

inline lfm2_status StoreLoaded(const Status& status, const Status& damage, lfm2_status* to) {
  if (to != nullptr) *to = ToC(damage);
  return ToC(status);
}

}  // namespace lfm2::c_api

uint64_t lfm2_session_mark_bytes(const lfm2_session* session) {
  const lfm2::Session* const open = lfm2::c_api::PeekSession(session);
  return open == nullptr ? 0 : lfm2::Session::MarkBytes(open->config());
}

lfm2_status lfm2_session_mark(const lfm2_session* session, void* to, size_t bytes) {
  using namespace lfm2;
  const c_api::SessionObject* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(session, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckPointer(to, "to"));
  return c_api::ToC(object->session.Mark(c_api::BytesOf(to, bytes)));
}

lfm2_status lfm2_session_rewind(lfm2_session* session, const void* mark, size_t bytes) {
  using namespace lfm2;
  c_api::SessionObject* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(session, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckPointer(mark, "mark"));
  return c_api::ToC(object->session.Rewind(c_api::BytesOf(mark, bytes)));
}

lfm2_status lfm2_session_fork(lfm2_session* session, const lfm2_session* other) {
  using namespace lfm2;
  c_api::SessionObject* object = nullptr;
  const c_api::SessionObject* from = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(session, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckPointer(other, "other"));
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(other, &from));
  return c_api::ToC(object->session.ForkFrom(from->session));
}

uint64_t lfm2_session_state_bytes(const lfm2_session* session, uint32_t position, bool with_logits,
                                  uint32_t note_bytes) {
  const lfm2::Session* const open = lfm2::c_api::PeekSession(session);
  if (open == nullptr) return 0;
  return lfm2::SavedStateBytes(open->config(), open->options(), position, with_logits, note_bytes);
}

lfm2_status lfm2_session_save(const lfm2_session* session, const lfm2_state_note* note, bool with_logits,
                              lfm2_state_sink sink, void* user) {
  using namespace lfm2;
  const c_api::SessionObject* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(session, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckFunction(sink, "sink"));
  return c_api::ToC(object->session.Save(c_api::CStateSink{sink, user}, c_api::NoteFromC(note), with_logits));
}

lfm2_status lfm2_session_load(lfm2_session* session, lfm2_state_note* note, lfm2_state_source source, void* user) {
  using namespace lfm2;
  c_api::SessionObject* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(session, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckFunction(source, "source"));
  StateNote loaded;
  LFM2_C_RETURN_IF_ERROR(object->session.Load(c_api::CStateSource{source, user}, &loaded));
  c_api::NoteToC(loaded, note);
  return c_api::ToC(Status());
}

uint64_t lfm2_conversation_mark_bytes(const lfm2_conversation* chat) {
  if (!lfm2_conversation_is_open(chat)) return 0;
  return lfm2::Conversation::MarkBytes(lfm2::c_api::Peek(chat)->session->config());
}

lfm2_status lfm2_conversation_mark(const lfm2_conversation* chat, void* to, size_t bytes) {
  using namespace lfm2;
  const c_api::ConversationObject* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(chat, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckPointer(to, "to"));
  return c_api::ToC(object->chat.Mark(c_api::BytesOf(to, bytes)));
}

lfm2_status lfm2_conversation_rewind(lfm2_conversation* chat, const void* mark, size_t bytes) {
  using namespace lfm2;
  c_api::ConversationObject* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(chat, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckPointer(mark, "mark"));
  return c_api::ToC(object->chat.Rewind(c_api::BytesOf(mark, bytes)));
}

lfm2_status lfm2_conversation_fork(lfm2_conversation* chat, const lfm2_conversation* other) {
  using namespace lfm2;
  c_api::ConversationObject* object = nullptr;
  const c_api::ConversationObject* from = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(chat, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckPointer(other, "other"));
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(other, &from));
  return c_api::ToC(object->chat.ForkFrom(from->chat));
}

lfm2_status lfm2_conversation_save(const lfm2_conversation* chat, lfm2_state_sink sink, void* user) {
  using namespace lfm2;
  const c_api::ConversationObject* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(chat, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckFunction(sink, "sink"));
  return c_api::ToC(object->chat.Save(c_api::CStateSink{sink, user}));
}

lfm2_status lfm2_conversation_load(lfm2_conversation* chat, lfm2_state_source source, void* user) {
  using namespace lfm2;
  c_api::ConversationObject* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(chat, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckFunction(source, "source"));
  return c_api::ToC(object->chat.Load(c_api::CStateSource{source, user}));
}

lfm2_status lfm2_state_store_open(lfm2_state_store* store, const lfm2_block_device* device, void* scratch,
                                  size_t scratch_bytes) {
  using namespace lfm2;
  c_api::StateStoreObject* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(store, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckPointer(device, "device"));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckPointer(scratch, "scratch"));
  if (object->store.is_open()) {
    return c_api::ToC(Status(StatusCode::kFailedPrecondition, "store", "is open already"));
  }
  object->device.c = *device;
  BlockDevice to = object->device.Device();
  to.write = device->write == nullptr ? nullptr : &c_api::CBlockDevice::Write;
  to.erase = device->erase == nullptr ? nullptr : &c_api::CBlockDevice::Erase;
  return c_api::ToC(object->store.Open(to, c_api::BytesOf(scratch, scratch_bytes)));
}

void lfm2_state_store_close(lfm2_state_store* store) {
  lfm2::c_api::StateStoreObject* const object = lfm2::c_api::Peek(store);
  if (object != nullptr) object->store.Close();
}

bool lfm2_state_store_is_open(const lfm2_state_store* store) {
  const lfm2::c_api::StateStoreObject* const object = lfm2::c_api::Peek(store);
  return object != nullptr && object->store.is_open();
}

uint64_t lfm2_state_store_sequence(const lfm2_state_store* store) {
  const lfm2::c_api::StateStoreObject* const object = lfm2::c_api::Peek(store);
  return object == nullptr ? 0 : object->store.sequence();
}

uint64_t lfm2_state_store_slot_bytes(const lfm2_state_store* store) {
  const lfm2::c_api::StateStoreObject* const object = lfm2::c_api::Peek(store);
  return object == nullptr ? 0 : object->store.slot_bytes();
}

lfm2_status lfm2_state_store_save(lfm2_state_store* store, const lfm2_session* session, const lfm2_state_note* note,
                                  bool with_logits) {
  using namespace lfm2;
  c_api::StateStoreObject* object = nullptr;
  const c_api::SessionObject* from = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(store, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(session, &from));
  return c_api::ToC(object->store.Save(from->session, c_api::NoteFromC(note), with_logits));
}

lfm2_status lfm2_state_store_save_conversation(lfm2_state_store* store, const lfm2_conversation* chat) {
  using namespace lfm2;
  c_api::StateStoreObject* object = nullptr;
  const c_api::ConversationObject* from = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(store, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(chat, &from));
  return c_api::ToC(object->store.SaveBy([&](StateSink sink) { return from->chat.Save(sink); }));
}

lfm2_status lfm2_state_store_load(lfm2_state_store* store, lfm2_session* session, lfm2_state_note* note,
                                  lfm2_status* damage) {
  using namespace lfm2;
  c_api::StateStoreObject* object = nullptr;
  c_api::SessionObject* to = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(store, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(session, &to));
  StateNote loaded;
  Status damaged;
  const Status status = object->store.Load(&to->session, &loaded, &damaged);
  if (status.ok()) c_api::NoteToC(loaded, note);
  return c_api::StoreLoaded(status, damaged, damage);
}

lfm2_status lfm2_state_store_load_conversation(lfm2_state_store* store, lfm2_conversation* chat, lfm2_status* damage) {
  using namespace lfm2;
  c_api::StateStoreObject* object = nullptr;
  c_api::ConversationObject* to = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(store, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(chat, &to));
  Status damaged;
  const Status status = object->store.LoadBy([&](StateSource source) { return to->chat.Load(source); }, &damaged);
  return c_api::StoreLoaded(status, damaged, damage);
}

#endif  // LFM2_C_STATE_IMPL_H_
