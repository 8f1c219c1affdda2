// Routing traces. Input: the file.
#include "programs/storage/routing_trace.h"

#include "lfm2/format/model_config.h"
#include "tests/fuzz/targets.h"

namespace lfm2::fuzz {
namespace routing_trace {

using tools::RoutingTrace;

template <class T>
void Put(std::string* out, T value) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

// By the description in routing_trace.h, and nothing else.
std::string Written(const RoutingTrace& t) {
  std::string out = "LFM2ROUT";
  for (const uint32_t n : {1u, t.moe_layers, t.first_moe_layer, t.experts, t.experts_per_token, 0u}) Put(&out, n);
  Put(&out, uint64_t{t.tokens()});
  out += t.model_name + std::string(64 - t.model_name.size(), '\0');
  for (const uint64_t bytes : t.record_bytes) Put(&out, bytes);
  for (size_t token = 0; token < t.tokens(); ++token) {
    Put(&out, t.kinds[token]);
    for (uint32_t layer = 0; layer < t.moe_layers; ++layer) {
      for (uint32_t i = 0; i < t.experts_per_token; ++i) {
        const uint16_t expert = t.Chosen(token, layer)[i];
        if (t.experts <= 256) {
          Put(&out, static_cast<uint8_t>(expert));
        } else {
          Put(&out, expert);
        }
      }
    }
  }
  return out;
}

void Run(std::string_view bytes) {
  RoutingTrace trace;
  const tools::Error error = tools::ParseRoutingTrace("trace", bytes, &trace);
  CheckSentence(error);
  if (!error.ok()) return;
  LFM2_HOLDS(trace.moe_layers + trace.first_moe_layer <= kMaxLayers);
  for (const uint16_t expert : trace.chosen) LFM2_HOLDS(expert < trace.experts);
  LFM2_HOLDS(trace.kinds[0] != RoutingTrace::TokenKind::kChunkMore);
  LFM2_HOLDS(Written(trace) == bytes);
}

std::vector<std::string> Seeds() {
  RoutingTrace t;
  t.model_name = "example";
  t.moe_layers = 2;
  t.first_moe_layer = 1;
  t.experts = 8;
  t.experts_per_token = 2;
  t.record_bytes = {4096, 8192};
  t.kinds = {RoutingTrace::TokenKind::kChunkBegin, RoutingTrace::TokenKind::kChunkMore,
             RoutingTrace::TokenKind::kDecoded};
  t.chosen = {0, 1, 2, 3, 7, 6, 5, 4, 1, 0, 3, 2};
  RoutingTrace many = t;
  many.experts = 300;
  many.chosen[0] = 299;
  RoutingTrace none = t;
  none.kinds.clear();
  none.chosen.clear();
  return {Written(t), Written(many), Written(none)};
}

std::vector<std::string> Words() { return {"LFM2ROUT", std::string(8, '\xff'), std::string(4, '\0')}; }

}  // namespace routing_trace

const Target kRoutingTrace = {"routing_trace", 256, &routing_trace::Run, &routing_trace::Seeds, &routing_trace::Words};

}  // namespace lfm2::fuzz
