// Which experts count as resident where that changes what the model computes.
#ifndef LFM2_MODEL_EXPECTED_EXPERTS_H_
#define LFM2_MODEL_EXPECTED_EXPERTS_H_

#include "lfm2/base/arena.h"
#include "lfm2/base/config.h"
#include "lfm2/model/expert_policy.h"

namespace lfm2 {

// What is in memory at a moment depends on the speed of the drive: in prefill on the order in which reads complete, in
// decode on which guesses have arrived. An answer must not depend on it. So this simulates slots in which every layer's
// experts arrive at once and nothing is read ahead. Its state depends only on the sequence of uses, and equals what
// decode without reading ahead has in memory.
//
// Its data is in the session's arena; a copy is another view of it.
class ExpectedExperts {
 public:
  constexpr void Carve(uint32_t moe_layers, uint32_t experts, Arena& arena) {
    count_ = uint64_t{moe_layers} * experts;
    experts_ = experts;
    is_in_ = arena.Carve<bool>(count_);
  }
  void Reset() {
    for (uint64_t i = 0; i < count_; ++i) is_in_[i] = false;
  }

  // Adds active[active_count], which is ascending, and evicts the experts of the layer with the lowest priority until
  // `slots` are left, those in `active` last. policy: has counted this use.
  void Use(const ExpertPolicy& policy, uint32_t moe_layer, const uint16_t* active, uint32_t active_count,
           uint32_t slots) {
    bool* const is_in = is_in_ + size_t{moe_layer} * experts_;
    uint32_t count = 0;
    for (uint32_t i = 0; i < active_count; ++i) is_in[active[i]] = true;
    for (uint32_t e = 0; e < experts_; ++e) count += is_in[e] ? 1 : 0;
    for (; count > slots; --count) {
      uint32_t victim = experts_;
      float least = 0.0f;
      for (uint32_t e = 0, a = 0; e < experts_; ++e) {
        while (a < active_count && active[a] < e) ++a;
        if (!is_in[e]) continue;
        const bool is_active = a < active_count && active[a] == e;
        const float priority = policy.Priority(moe_layer, e) + (is_active ? static_cast<float>(experts_) : 0.0f);
        if (victim < experts_ && priority >= least) continue;
        victim = e;
        least = priority;
      }
      is_in[victim] = false;
    }
  }

  bool Has(uint32_t moe_layer, uint32_t expert) const { return is_in_[size_t{moe_layer} * experts_ + expert]; }

 private:
  uint64_t count_ = 0;
  uint32_t experts_ = 0;
  bool* is_in_ = nullptr;  // [moe_layers, experts]
};

}  // namespace lfm2

#endif  // LFM2_MODEL_EXPECTED_EXPERTS_H_
