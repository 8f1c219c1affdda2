#include "programs/open/running_model.h"

#include <algorithm>

#include "programs/console/progress.h"
#include "programs/files/byte_source.h"

namespace lfm2::tools {

namespace {

constexpr size_t kPieceBytes = size_t{16} << 20;
// Smaller files are read too quickly for a progress bar.
constexpr size_t kShownBytes = size_t{256} << 20;

}  // namespace

Error RunningModel::Open(const ModelArgument& model) { return file_.Open(model); }

Error RunningModel::Load(const SessionArguments& arguments, const std::function<void(const SessionPlan&)>& show) {
  LFM2_RETURN_IF_FAILED(MakeSessionPlan(file_.image(), arguments, &plan_));
  if (show) show(plan_);
  LFM2_RETURN_IF_FAILED(memory_.Allocate(std::max(plan_.plan.total_bytes, arguments.arena_bytes)));
  arena_ = memory_.span();
  image_ = &file_.image();
  switch (arguments.storage) {
    case StorageKind::kMapped: return Error();
    case StorageKind::kMemory: return LoadToMemory();
    case StorageKind::kDirect: return LoadFront(arguments.throttle);
  }
  return Error();
}

Error RunningModel::LoadToMemory() {
  FileSource source;
  LFM2_RETURN_IF_FAILED(source.Open(file_.path()));
  LFM2_RETURN_IF_FAILED(copy_.Allocate(source.size()));
  const Span<std::byte> all = copy_.span();
  Progress progress("reading", all.size() < kShownBytes);
  for (size_t at = 0; at < all.size();) {
    const size_t bytes = std::min(all.size() - at, kPieceBytes);
    const Error error = source.Read(at, all.data() + at, bytes);
    if (!error.ok()) progress.Abandon();
    LFM2_RETURN_IF_FAILED(error);
    at += bytes;
    progress.Update(at, all.size());
  }
  progress.Abandon();
  in_memory_ = MemoryStorage(all);
  image_ = &other_;
  const Error error = Error::From(other_.Open(in_memory_));
  return error.ok() ? error : Error::Of("cannot open ", file_.path(), ": ", error.text());
}

Error RunningModel::LoadFront(uint64_t throttle) {
  Status status = direct_.Open(file_.path().c_str());
  const Storage* storage = &direct_;
  if (status.ok() && throttle > 0) {
    DriveSpeed speed;
    speed.bytes_per_second = throttle;
    storage = &throttled_.emplace(direct_, speed);
  }
  if (status.ok()) status = other_.Open(*storage, arena_, &arena_);
  image_ = &other_;
  return status.ok() ? Error() : Error::Of("cannot open ", file_.path(), ": ", Error::From(status).text());
}

}  // namespace lfm2::tools
