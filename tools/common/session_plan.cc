#include "tools/common/session_plan.h"

#include "tools/common/console.h"
#include "tools/common/kv_option.h"

namespace lfm2::tools {

Error MakeSessionPlan(const ModelConfig& config, const SessionArguments& arguments, SessionPlan* plan) {
  SessionOptions options;
  options.context_length = arguments.context;
  if (arguments.chunk > 0) options.prefill_chunk = arguments.chunk;
  options.kv_cache = arguments.kv_cache;
  LFM2_RETURN_IF_FAILED(Error::From(CheckOptions(config, options)));
  plan->options = Normalized(config, options);
  plan->plan = MakePlan(config, plan->options);
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
  return "a session of " + Grouped(p.options.context_length) + " positions, prefill in chunks of " +
         Grouped(p.options.prefill_chunk) + " tokens, keys and values as " + NameOf(p.options.kv_cache) + "\n" +
         table.Text();
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
          {"total_bytes", p.plan.total_bytes}};
}

}  // namespace lfm2::tools
