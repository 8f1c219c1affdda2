// Definitions of session.h that change a session.
#ifndef LFM2_C_SESSION_IMPL_H_
#define LFM2_C_SESSION_IMPL_H_

#include <cstring>
#include <type_traits>

#include "lfm2.h"
#include "lfm2/c/image_impl.h"
#include "lfm2/c/object.h"
#include "lfm2/c/session.h"
#include "lfm2/c/storage_impl.h"

namespace lfm2::c_api {

// A session, and copies of the caller's arguments.
struct SessionObject {
  Session session;
  Executor executor;
  Observer observer;
  Poll poll;
};
template <>
struct ContentOf<lfm2_session> {
  using Type = SessionObject;
  static constexpr const char* kName = "session";
  static constexpr bool kHasResources = false;
};

static_assert(LFM2_KV_INT8 == static_cast<int>(KvCacheType::kInt8) &&
                  LFM2_CPU_SVE2 == static_cast<int>(CpuTarget::kSve2),
              "the same numbers");
static_assert(sizeof(lfm2_stream_statistics) == sizeof(StreamStatistics) &&
                  std::is_trivially_copyable_v<StreamStatistics>,
              "copied as bytes");

inline Status OptionsFromC(const lfm2_session_options* c, SessionOptions* options) {
  *options = SessionOptions();
  if (c == nullptr) return Status();
  LFM2_RETURN_IF_ERROR(CheckEnum(c->kv_cache, LFM2_KV_INT8, "options.kv_cache"));
  LFM2_RETURN_IF_ERROR(CheckEnum(c->cpu_target, LFM2_CPU_SVE2, "options.cpu_target"));
  options->context_length = c->context_length;
  options->prefill_chunk = c->prefill_chunk;
  options->kv_cache = static_cast<KvCacheType>(c->kv_cache);
  options->logits_rows = c->logits_rows;
  options->max_word_bytes = c->max_word_bytes;
  options->arena_bytes = c->arena_bytes;
  options->read_retries = c->read_retries;
  options->read_ahead = c->read_ahead;
  options->prefer_resident = c->prefer_resident;
  options->drop_below = c->drop_below;
  options->draft_tokens = c->draft_tokens;
  options->now_ns = c->now_ns;
  options->clock_context = c->clock_user;
  options->cpu_target = static_cast<CpuTarget>(c->cpu_target);
  options->kernels = reinterpret_cast<const KernelTable*>(c->kernels);
  return Status();
}

// Arguments shared by the three functions that open a session.
struct OpenArguments {
  SessionObject* object = nullptr;
  SessionOptions options;
  Span<std::byte> arena;
  const Executor* executor = nullptr;
};
LFM2_NOINLINE inline Status CheckOpen(lfm2_session* session, const lfm2_session_options* options, void* arena,
                                      size_t arena_bytes, const lfm2_executor* executor, OpenArguments* to) {
  LFM2_RETURN_IF_ERROR(Enter(session, &to->object));
  if (to->object->session.is_open()) {
    return Status(StatusCode::kFailedPrecondition, "session", "is open already");
  }
  LFM2_RETURN_IF_ERROR(OptionsFromC(options, &to->options));
  LFM2_RETURN_IF_ERROR(CheckPointer(arena, "arena"));
  to->arena = BytesOf(arena, arena_bytes);
  if (executor != nullptr) {
    to->object->executor = {executor->user, executor->workers, executor->run};
    to->executor = &to->object->executor;
  }
  return Status();
}

LFM2_NOINLINE inline Status CheckTokenArray(lfm2_session* session, const int32_t* tokens, size_t count,
                                            Session** object) {
  SessionObject* entered = nullptr;
  LFM2_RETURN_IF_ERROR(Enter(session, &entered));
  *object = &entered->session;
  return CheckArray(tokens, count, "tokens");
}

// For queries; null while closed.
inline const Session* PeekSession(const lfm2_session* session) {
  const SessionObject* const object = Peek(session);
  return object != nullptr && object->session.is_open() ? &object->session : nullptr;
}

LFM2_NOINLINE inline Status PlanToC(const ModelConfig& config, const StreamShape& shape,
                                    const lfm2_session_options* options, lfm2_plan* to) {
  static_assert(Plan::kMaxRegions <= LFM2_MAX_PLAN_REGIONS, "a plan fits");
  LFM2_RETURN_IF_ERROR(CheckPointer(to, "plan"));
  SessionOptions all;
  LFM2_RETURN_IF_ERROR(OptionsFromC(options, &all));
  LFM2_RETURN_IF_ERROR(CheckOptions(config, all));
  const Plan plan = MakePlan(config, all, shape);
  std::memset(to, 0, sizeof(*to));
  to->count = plan.count;
  for (uint32_t i = 0; i < plan.count; ++i) to->regions[i] = {plan.regions[i].name, plan.regions[i].bytes};
  to->total_bytes = plan.total_bytes;
  to->front_bytes = plan.front_bytes;
  to->least_bytes = plan.least_bytes;
  to->slot_bytes = plan.slots.bytes;
  to->slots = plan.slots.total;
  to->read_bytes_per_token = plan.slots.read_bytes_per_token;
  return Status();
}

// prefill: Session::PrefillLogits or PrefillHidden.
inline lfm2_status PrefillEach(lfm2_session* session, const int32_t* tokens, size_t count,
                               Status (Session::*prefill)(Span<const int32_t>, PositionSink), lfm2_position_sink sink,
                               void* user) {
  Session* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(CheckTokenArray(session, tokens, count, &object));
  LFM2_C_RETURN_IF_ERROR(CheckFunction(sink, "sink"));
  return ToC((object->*prefill)({tokens, count}, [&](uint32_t position, Span<const float> values) {
    sink(user, position, values.data(), values.size());
  }));
}

}  // namespace lfm2::c_api

const lfm2_kernels* lfm2_reference_kernels(void) {
  return reinterpret_cast<const lfm2_kernels*>(lfm2::ReferenceKernelTable());
}

lfm2_session_options lfm2_session_options_default(void) {
  const lfm2::SessionOptions from;
  lfm2_session_options options = {};
  options.context_length = from.context_length;
  options.prefill_chunk = from.prefill_chunk;
  options.kv_cache = static_cast<uint32_t>(from.kv_cache);
  options.logits_rows = from.logits_rows;
  options.max_word_bytes = from.max_word_bytes;
  options.arena_bytes = from.arena_bytes;
  options.read_retries = from.read_retries;
  options.read_ahead = from.read_ahead;
  options.prefer_resident = from.prefer_resident;
  options.drop_below = from.drop_below;
  options.draft_tokens = from.draft_tokens;
  options.cpu_target = static_cast<uint32_t>(from.cpu_target);
  return options;
}

lfm2_status lfm2_plan_of_config(const lfm2_model_config* config, const lfm2_session_options* options, lfm2_plan* plan) {
  using namespace lfm2;
  LFM2_C_RETURN_IF_ERROR(c_api::CheckPointer(config, "config"));
  ModelConfig checked;
  std::memcpy(static_cast<void*>(&checked), config, sizeof(checked));
  LFM2_C_RETURN_IF_ERROR(CheckConfig(checked));
  return c_api::ToC(c_api::PlanToC(checked, StreamShape(), options, plan));
}

lfm2_status lfm2_plan_of_image(const lfm2_image* image, bool read_experts, const lfm2_session_options* options,
                               lfm2_plan* plan) {
  using namespace lfm2;
  const Image* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::EnterOpen(image, &object));
  const StreamShape shape = StreamShapeOf(*object, read_experts || object->is_streamed());
  return c_api::ToC(c_api::PlanToC(object->config(), shape, options, plan));
}

lfm2_status lfm2_session_open(lfm2_session* session, const lfm2_image* image, const lfm2_session_options* options,
                              void* arena, size_t arena_bytes, const lfm2_executor* executor) {
  using namespace lfm2;
  const Image* from = nullptr;
  c_api::OpenArguments to;
  LFM2_C_RETURN_IF_ERROR(c_api::EnterOpen(image, &from));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckOpen(session, options, arena, arena_bytes, executor, &to));
  return c_api::ToC(to.object->session.Open(*from, to.options, to.arena, to.executor));
}

lfm2_status lfm2_open_model(const lfm2_storage* storage, const lfm2_session_options* options, void* arena,
                            size_t arena_bytes, lfm2_image* image, lfm2_session* session,
                            const lfm2_executor* executor) {
  using namespace lfm2;
  const Storage* from = nullptr;
  Image* front = nullptr;
  c_api::OpenArguments to;
  LFM2_C_RETURN_IF_ERROR(c_api::EnterOpen(storage, &from));
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(image, &front));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckOpen(session, options, arena, arena_bytes, executor, &to));
  return c_api::ToC(OpenModel(*from, to.options, to.arena, front, &to.object->session, to.executor));
}

lfm2_status lfm2_open_model_in_place(const lfm2_storage* storage, const lfm2_session_options* options, void* arena,
                                     size_t arena_bytes, lfm2_image* image, lfm2_session* session,
                                     const lfm2_executor* executor) {
  using namespace lfm2;
  LFM2_C_RETURN_IF_ERROR(c_api::FromC(lfm2_image_open(image, storage)));
  const Status status = c_api::FromC(lfm2_session_open(session, image, options, arena, arena_bytes, executor));
  if (!status.ok()) lfm2_image_close(image);
  return c_api::ToC(status);
}

void lfm2_session_close(lfm2_session* session) {
  lfm2::c_api::SessionObject* const object = lfm2::c_api::Peek(session);
  if (object != nullptr) object->session.Close();
}

bool lfm2_session_is_open(const lfm2_session* session) { return lfm2::c_api::PeekSession(session) != nullptr; }

lfm2_status lfm2_session_set_observer(lfm2_session* session, const lfm2_observer* observer) {
  using namespace lfm2;
  c_api::SessionObject* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(session, &object));
  if (observer != nullptr) object->observer = {observer->user, observer->hidden, observer->routing};
  object->session.SetObserver(observer == nullptr ? nullptr : &object->observer);
  return c_api::ToC(Status());
}

lfm2_status lfm2_session_set_poll(lfm2_session* session, bool (*go_on)(void* user), void* user) {
  using namespace lfm2;
  c_api::SessionObject* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(session, &object));
  object->poll = {user, go_on};
  object->session.SetPoll(go_on == nullptr ? nullptr : &object->poll);
  return c_api::ToC(Status());
}

void lfm2_session_reset(lfm2_session* session) {
  lfm2::c_api::SessionObject* const object = lfm2::c_api::Peek(session);
  if (object != nullptr) object->session.Reset();
}

void lfm2_session_abort(lfm2_session* session) {
  lfm2::c_api::SessionObject* const object = lfm2::c_api::Peek(session);
  if (object != nullptr) object->session.Abort();
}

lfm2_status lfm2_session_prefill(lfm2_session* session, const int32_t* tokens, size_t count) {
  lfm2::Session* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(lfm2::c_api::CheckTokenArray(session, tokens, count, &object));
  return lfm2::c_api::ToC(object->Prefill({tokens, count}));
}

lfm2_status lfm2_session_decode(lfm2_session* session, int32_t token) {
  return lfm2_session_prefill(session, &token, 1);
}

lfm2_status lfm2_session_begin(lfm2_session* session, const int32_t* tokens, size_t count) {
  lfm2::Session* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(lfm2::c_api::CheckTokenArray(session, tokens, count, &object));
  return lfm2::c_api::ToC(object->Begin({tokens, count}));
}

lfm2_status lfm2_session_step(lfm2_session* session) {
  lfm2::c_api::SessionObject* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(lfm2::c_api::Enter(session, &object));
  return lfm2::c_api::ToC(object->session.Step());
}

lfm2_status lfm2_session_finish(lfm2_session* session) {
  lfm2::c_api::SessionObject* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(lfm2::c_api::Enter(session, &object));
  return lfm2::c_api::ToC(object->session.Finish());
}

lfm2_status lfm2_session_prefill_logits(lfm2_session* session, const int32_t* tokens, size_t count,
                                        lfm2_position_sink sink, void* user) {
  return lfm2::c_api::PrefillEach(session, tokens, count, &lfm2::Session::PrefillLogits, sink, user);
}

lfm2_status lfm2_session_prefill_hidden(lfm2_session* session, const int32_t* tokens, size_t count,
                                        lfm2_position_sink sink, void* user) {
  return lfm2::c_api::PrefillEach(session, tokens, count, &lfm2::Session::PrefillHidden, sink, user);
}

#endif  // LFM2_C_SESSION_IMPL_H_
