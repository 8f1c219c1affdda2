#include "programs/server/model_sessions.h"

#include "lfm2.h"

namespace lfm2::tools {

Error ModelSessions::Open(const ModelArgument& model) {
  models_.push_back(std::make_unique<RunningModel>());
  return models_[0]->Open(model);
}

Error ModelSessions::Load(const ModelArgument& model, const SessionArguments& all, uint32_t count,
                          const std::function<void(const SessionPlan&)>& show, const Executor* executor) {
  SessionArguments arguments = all;
  arguments.arena_bytes /= count;
  const bool shares = arguments.storage != StorageKind::kDirect;
  LFM2_RETURN_IF_FAILED(models_[0]->Load(arguments, show));
  for (uint32_t i = 0; i < count; ++i) {
    Span<std::byte> arena = models_[0]->arena();
    if (i > 0 && shares) {
      arenas_.push_back(std::make_unique<ArenaMemory>());
      LFM2_RETURN_IF_FAILED(arenas_.back()->Allocate(plan().plan.total_bytes));
      arena = arenas_.back()->span();
    } else if (i > 0) {
      models_.push_back(std::make_unique<RunningModel>());
      LFM2_RETURN_IF_FAILED(models_[i]->Open(model));
      LFM2_RETURN_IF_FAILED(models_[i]->Load(arguments));
      arena = models_[i]->arena();
    }
    sequences_.push_back(std::make_unique<Sequence>());
    Sequence& sequence = *sequences_.back();
    const Image& image = models_[shares ? 0 : i]->image();
    LFM2_RETURN_IF_FAILED(Error::From(sequence.session().Open(image, plan().options, arena, executor)));
    sequence.Prepare();
  }
  return Error();
}

std::vector<Sequence*> ModelSessions::sequences() const {
  std::vector<Sequence*> all;
  for (const auto& sequence : sequences_) all.push_back(sequence.get());
  return all;
}

}  // namespace lfm2::tools
