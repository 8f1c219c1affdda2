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

// context: positions; 0 for a session's default.
Error MakeSessionPlan(const ModelConfig& config, uint32_t context, SessionPlan* plan);
std::string PlanTable(const SessionPlan& plan);
nlohmann::ordered_json PlanJson(const SessionPlan& plan);

}  // namespace lfm2::tools

#endif  // LFM2_TOOLS_COMMON_SESSION_PLAN_H_
