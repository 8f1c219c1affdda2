// A model image and an arena, opened as the command line requests.
#ifndef LFM2_PROGRAMS_OPEN_RUNNING_MODEL_H_
#define LFM2_PROGRAMS_OPEN_RUNNING_MODEL_H_

#include <functional>
#include <optional>
#include <string>

#include "lfm2/posix/direct_file.h"
#include "lfm2/storage/memory_storage.h"
#include "programs/base/error.h"
#include "programs/open/model_file.h"
#include "programs/session/arena_memory.h"
#include "programs/session/session_plan.h"
#include "programs/storage/throttled_storage.h"

namespace lfm2::tools {

// Outlives the sessions on it.
class RunningModel {
 public:
  // Maps the image, to read its metadata. Errors: ModelFile::Open's.
  Error Open(const ModelArgument& model);
  // The mapped file, whatever the storage will be.
  const ModelFile& file() const { return file_; }

  // Makes the plan, passes it to `show` unless that is empty, then allocates and reads. Called once, after Open.
  Error Load(const SessionArguments& arguments, const std::function<void(const SessionPlan&)>& show = nullptr);

  // After Load: the arguments of Session::Open.
  const SessionPlan& plan() const { return plan_; }
  const Image& image() const { return *image_; }
  Span<std::byte> arena() const { return arena_; }

 private:
  Error LoadToMemory();
  Error LoadFront(uint64_t throttle);

  ModelFile file_;
  ArenaMemory copy_;    // of the file
  ArenaMemory memory_;  // the arena; the direct file reads into it and is closed before it is freed
  posix::DirectFile direct_;
  std::optional<ThrottledStorage> throttled_;
  MemoryStorage in_memory_;
  Image other_;  // on direct_ or in_memory_
  const Image* image_ = nullptr;
  SessionPlan plan_;
  Span<std::byte> arena_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_OPEN_RUNNING_MODEL_H_
