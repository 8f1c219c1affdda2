// The memory plan of a session, as text and as JSON.
#ifndef LFM2_PROGRAMS_SESSION_SESSION_PLAN_H_
#define LFM2_PROGRAMS_SESSION_SESSION_PLAN_H_

#include <string>

#include <nlohmann/json.hpp>

#include "lfm2/format/image.h"
#include "lfm2/runtime/plan.h"
#include "programs/base/error.h"

namespace lfm2::tools {

struct SessionPlan {
  SessionOptions options;  // defaults filled in
  Plan plan;
  uint32_t moe_layers = 0;
};

// Where the bytes of a model are while it runs.
enum class StorageKind : uint8_t {
  kMapped,  // a mapping of the file: pages are read when they are touched, and the system may reclaim them
  kMemory,  // read into memory once
  kDirect,  // the front part is read once, experts are read into the arena as needed
};

// Their names on the command line and in JSON.
const char* NameOf(KvCacheType type);
const char* NameOf(StorageKind kind);

// What a command line specifies for a session.
struct SessionArguments {
  uint32_t context = 0;      // positions; 0 for a session's default
  uint32_t chunk = 0;        // tokens that prefill computes at a time; 0 for a session's default
  uint32_t logits_rows = 1;  // positions whose logits are computed together
  KvCacheType kv_cache = KvCacheType::kF16;
  StorageKind storage = StorageKind::kMapped;
  uint64_t arena_bytes = 0;  // 0: as planned
  uint64_t throttle = 0;     // bytes per second that a direct storage reads at most; 0: no limit
  bool read_ahead = true;
  float prefer_resident = 0.0f;
  float drop_below = 0.0f;
  uint32_t draft = 0;      // tokens that are guessed at a time, at most
  bool reference = false;  // compute with the scalar oracle
};

// The Error states how many bytes --arena needs.
Error MakeSessionPlan(const Image& image, const SessionArguments& arguments, SessionPlan* plan);
std::string PlanTable(const SessionPlan& plan);
nlohmann::ordered_json PlanJson(const SessionPlan& plan);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SESSION_SESSION_PLAN_H_
