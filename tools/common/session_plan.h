// The memory plan of a session, shown.
#ifndef LFM2_TOOLS_COMMON_SESSION_PLAN_H_
#define LFM2_TOOLS_COMMON_SESSION_PLAN_H_

#include <string>

#include <nlohmann/json.hpp>

#include "lfm2/format/model_config.h"
#include "lfm2/runtime/plan.h"
#include "tools/common/error.h"

namespace lfm2::tools {

struct SessionPlan {
  SessionOptions options;  // defaults filled in
  Plan plan;
};

// What a command line says of a session.
struct SessionArguments {
  uint32_t context = 0;  // positions; 0 for a session's default
  uint32_t chunk = 0;    // tokens that prefill computes at a time; 0 for a session's default
  KvCacheType kv_cache = KvCacheType::kF16;
};

Error MakeSessionPlan(const ModelConfig& config, const SessionArguments& arguments, SessionPlan* plan);
std::string PlanTable(const SessionPlan& plan);
nlohmann::ordered_json PlanJson(const SessionPlan& plan);

}  // namespace lfm2::tools

#endif  // LFM2_TOOLS_COMMON_SESSION_PLAN_H_
