// A place in a sequence that a session can go back to, so that what several texts begin with is computed once.
#ifndef LFM2_TOOLS_EVAL_CHECKPOINT_H_
#define LFM2_TOOLS_EVAL_CHECKPOINT_H_

#include <algorithm>
#include <vector>

#include "lfm2.h"
#include "tools/common/running_model.h"

namespace lfm2::tools {

// Copying a session copies views into its arena. Keys and values of later positions are written anew anyhow, so that
// the state of the convolutions is all that has to be kept beside it.
template <class AnySession>
class Checkpoint {
 public:
  // session: opened on the model, which outlives this.
  Checkpoint(const RunningModel& model, const AnySession& session) : place_(session) {
    const ModelConfig& config = session.config();
    Arena arena(model.arena());
    SessionMemory memory;
    memory.Carve(config, session.options(), StreamShapeOf(model.image()), model.plan().plan.slots, arena, nullptr);
    const size_t layers = config.layers - config.attention_layers();
    conv_ = memory.state.conv(0);
    kept_.resize(layers * (config.conv_kernel - 1) * config.hidden_size);
  }
  // Not while steps of the session are left.
  void Save(const AnySession& session) {
    place_ = session;
    std::copy_n(conv_, kept_.size(), kept_.begin());
  }
  // Behind Save, as often as one likes, unless positions before the saved one were written in between.
  void Restore(AnySession* session) const {
    *session = place_;
    std::copy_n(kept_.begin(), kept_.size(), conv_);
  }

 private:
  AnySession place_;
  float* conv_ = nullptr;
  std::vector<float> kept_;
};

}  // namespace lfm2::tools

#endif  // LFM2_TOOLS_EVAL_CHECKPOINT_H_
