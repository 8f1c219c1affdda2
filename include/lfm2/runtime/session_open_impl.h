// Definitions of the functions that open and close a Session and choose its kernels.
#ifndef LFM2_RUNTIME_SESSION_OPEN_IMPL_H_
#define LFM2_RUNTIME_SESSION_OPEN_IMPL_H_

#include "lfm2/kernels/kernel_table.h"
#include "lfm2/layers/rope_table.h"
#include "lfm2/runtime/dispatch.h"
#include "lfm2/runtime/session.h"

namespace lfm2 {

LFM2_FUNCTION_OF_UNIT Status ChooseKernels(CpuTarget wanted, const KernelTable** kernels) {
  return LFM2_CHOOSE_KERNELS(wanted, kernels);
}

LFM2_FUNCTION const KernelTable* ReferenceKernelTable() { return &kReferenceKernels; }

LFM2_FUNCTION_OF_UNIT Status Session::Open(const Image& image, const SessionOptions& options, Span<std::byte> arena,
                                           const Executor* executor) {
  const KernelTable* kernels = options.kernels;
  if (kernels == nullptr) LFM2_RETURN_IF_ERROR(ChooseKernels(options.cpu_target, &kernels));
  return OpenWith(*kernels, image, options, arena, executor);
}

LFM2_FUNCTION_OF_UNIT Status OpenModel(const Storage& storage, const SessionOptions& options, Span<std::byte> arena,
                                       Image* image, Session* session, const Executor* executor) {
  // Checked first, because the next call may read into the arena of the open session.
  if (session->is_open()) return Status(StatusCode::kFailedPrecondition, "OpenModel", "the session is open already");
  Span<std::byte> rest;
  LFM2_RETURN_IF_ERROR(image->Open(storage, arena, &rest));
  SessionOptions all = options;
  if (image->is_streamed() && all.arena_bytes == 0) all.arena_bytes = arena.size();
  const Status status = session->Open(*image, all, rest, executor);
  if (!status.ok()) image->Close();
  return status;
}

LFM2_FUNCTION_OF_UNIT Status OpenModel(const MemoryStorage& storage, const SessionOptions& options,
                                       Span<std::byte> arena, Image* image, Session* session,
                                       const Executor* executor) {
  LFM2_RETURN_IF_ERROR(image->Open(storage));
  const Status status = session->Open(*image, options, arena, executor);
  if (!status.ok()) image->Close();
  return status;
}

LFM2_FUNCTION Status Session::OpenWith(const KernelTable& kernels, const Image& image, const SessionOptions& options,
                                       Span<std::byte> arena, const Executor* executor) {
  if (is_open()) return Status(StatusCode::kFailedPrecondition, "Session::Open", "the session is open already");
  if (!image.is_open()) return Status(StatusCode::kFailedPrecondition, "Session::Open", "the image is not open");
  const ModelConfig& config = image.config();
  const SessionOptions normalized = Normalized(config, options);
  LFM2_RETURN_IF_ERROR(CheckOptions(config, options));
  LFM2_RETURN_IF_ERROR(CheckExecutor(executor));
  const StreamShape shape = StreamShapeOf(image);
  SlotPlan slots;
  LFM2_RETURN_IF_ERROR(CheckArena(image, normalized, shape, arena, &slots));
  Arena carver(arena);
  memory_.Carve(config, normalized, shape, slots, carver, nullptr);
  if (image.is_streamed()) {
    LFM2_RETURN_IF_ERROR(image.streamed_experts()->bind(memory_.experts, image, shape, slots, normalized));
  }
  memory_.weights.Bind(image);
  kernels_ = &kernels;
  options_ = normalized;
  options_.draft_tokens = DraftTokens(normalized, shape);
  if (kHasDrafts) draft_gate_ = DraftGate();
  draft_statistics_ = DraftStatistics();
  memory_.history.Clear();
  executor_ = executor;
  image_ = &image;
  FillRopeFrequency(config, rope_frequency_);
  Reset();
  return Status();
}

// Not inlined, so that the plan does not stay on the stack of Open. A definition with `inline` as well would be a
// warning.
Status Session::CheckArena(const Image& image, const SessionOptions& normalized, const StreamShape& shape,
                           Span<std::byte> arena, SlotPlan* slots) const {
  const size_t alignment = shape.is_streamed() ? kRecordAlignment : kAlignment;
  if (reinterpret_cast<uintptr_t>(arena.data()) % alignment != 0) {
    return Status(StatusCode::kInvalidArgument, "arena", "is not aligned: multiple needed",
                  reinterpret_cast<uintptr_t>(arena.data()), alignment);
  }
  // Compared as integers: pointers into different objects have no order.
  const Span<const std::byte> weights = image.memory();
  const uintptr_t begin = reinterpret_cast<uintptr_t>(arena.data());
  const uintptr_t first = reinterpret_cast<uintptr_t>(weights.data());
  if (begin < first + weights.size() && first < begin + arena.size()) {
    return Status(StatusCode::kInvalidArgument, "arena", "overlaps the image (pass the rest that Image::Open returns)");
  }
  const Plan plan = MakeNormalizedPlan(image.config(), normalized, shape);
  if (shape.is_streamed() && normalized.arena_bytes > 0 && normalized.arena_bytes < plan.least_bytes) {
    return Status(StatusCode::kArenaTooSmall, "options.arena_bytes", "does not hold one expert at a time",
                  normalized.arena_bytes, plan.least_bytes);
  }
  const uint64_t needed = plan.total_bytes - plan.front_bytes;
  if (arena.size() < needed) {
    return Status(StatusCode::kArenaTooSmall, "arena", "does not hold the plan", arena.size(), needed);
  }
  *slots = plan.slots;
  return Status();
}

LFM2_FUNCTION void Session::Close() {
  kernels_ = nullptr;
  image_ = nullptr;
  executor_ = nullptr;
  observer_ = nullptr;
  poll_ = nullptr;
  options_ = SessionOptions();
  memory_.tokens = nullptr;
  work_ = Work();
  ForgetDraft();
  position_ = 0;
  has_logits_ = false;
}

}  // namespace lfm2

#endif  // LFM2_RUNTIME_SESSION_OPEN_IMPL_H_
