#include "programs/session/session_plan.h"

#include "lfm2/posix/clock.h"
#include "lfm2/runtime/session.h"
#include "programs/console/console.h"

namespace lfm2::tools {

namespace {

// "20 slots in each of 22 layers", "21 slots in 5 layers, 20 in 17", "4 slots in 10 layers, 12 layers share 4".
std::string DescribeSlots(const SlotPlan& slots, uint32_t layers) {
  std::string text;
  for (uint32_t first = 0; first < layers;) {
    uint32_t end = first;
    while (end < layers && slots.own[end] == slots.own[first]) ++end;
    const std::string count = std::to_string(end - first) + (end - first == 1 ? " layer" : " layers");
    if (!text.empty()) text += ", ";
    if (slots.own[first] == 0) {
      text += count + " without slots of their own share " + std::to_string(slots.shared);
    } else {
      text += std::to_string(slots.own[first]) + " in " + count;
    }
    first = end;
  }
  return text;
}

}  // namespace

const char* NameOf(KvCacheType type) {
  switch (type) {
    case KvCacheType::kF16: return "f16";
    case KvCacheType::kF32: return "f32";
    case KvCacheType::kInt8: return "int8";
  }
  return "";
}

const char* NameOf(StorageKind kind) {
  switch (kind) {
    case StorageKind::kMapped: return "mapped";
    case StorageKind::kMemory: return "memory";
    case StorageKind::kDirect: return "direct";
  }
  return "";
}

Error MakeSessionPlan(const Image& image, const SessionArguments& arguments, SessionPlan* plan) {
  const ModelConfig& config = image.config();
  const bool read = arguments.storage == StorageKind::kDirect;
  SessionOptions options;
  options.context_length = arguments.context;
  if (arguments.chunk > 0) options.prefill_chunk = arguments.chunk;
  options.logits_rows = arguments.logits_rows;
  options.kv_cache = arguments.kv_cache;
  options.arena_bytes = arguments.arena_bytes;
  options.read_ahead = arguments.read_ahead;
  options.prefer_resident = arguments.prefer_resident;
  options.drop_below = arguments.drop_below;
  options.draft_tokens = arguments.draft;
  options.now_ns = &posix::MonotonicNs;
  if (arguments.reference) options.kernels = ReferenceKernelTable();
  LFM2_RETURN_IF_FAILED(Error::From(CheckOptions(config, options)));
  plan->options = Normalized(config, options);
  plan->plan = MakePlan(config, plan->options, StreamShapeOf(image, read));
  plan->moe_layers = config.moe_layers();
  const uint64_t needed = read ? plan->plan.least_bytes : plan->plan.total_bytes;
  if (arguments.arena_bytes > 0 && arguments.arena_bytes < needed) {
    return Error::Of("--arena ", arguments.arena_bytes, " is too small: this context needs ", needed,
                     " bytes (use a smaller --context)");
  }
  return Error();
}

std::string PlanTable(const SessionPlan& p) {
  Table table("lrr");
  table.Row({"arena region", "bytes", ""});
  for (uint32_t i = 0; i < p.plan.count; ++i) {
    const PlanRegion& region = p.plan.regions[i];
    table.Row({region.name, Grouped(region.bytes), HumanBytes(region.bytes)});
  }
  table.Row({"all", Grouped(p.plan.total_bytes), HumanBytes(p.plan.total_bytes)});
  std::string slots;
  if (p.plan.slots.total > 0) {
    slots = Grouped(p.plan.slots.total) + " expert slots: " + DescribeSlots(p.plan.slots, p.moe_layers) +
            "; a token reads " + HumanBytes(p.plan.slots.read_bytes_per_token) +
            " on average at most, and less where a text prefers some experts\n" + "the smallest possible arena is " +
            HumanBytes(p.plan.least_bytes) + "\n";
  }
  return "a session of " + Grouped(p.options.context_length) + " positions, prefill in chunks of " +
         Grouped(p.options.prefill_chunk) + " tokens, keys and values as " + NameOf(p.options.kv_cache) + "\n" +
         table.Text() + slots;
}

nlohmann::ordered_json PlanJson(const SessionPlan& p) {
  nlohmann::ordered_json regions = nlohmann::ordered_json::array();
  for (uint32_t i = 0; i < p.plan.count; ++i) {
    regions.push_back({{"name", p.plan.regions[i].name}, {"bytes", p.plan.regions[i].bytes}});
  }
  return {{"context_length", p.options.context_length},
          {"prefill_chunk", p.options.prefill_chunk},
          {"kv_cache", NameOf(p.options.kv_cache)},
          {"regions", regions},
          {"total_bytes", p.plan.total_bytes},
          {"front_bytes", p.plan.front_bytes},
          {"least_bytes", p.plan.least_bytes},
          {"expert_slots", p.plan.slots.total},
          {"read_bytes_per_token", p.plan.slots.read_bytes_per_token}};
}

}  // namespace lfm2::tools
