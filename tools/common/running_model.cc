#include "tools/common/running_model.h"

#include <algorithm>

#include "tools/common/byte_source.h"

namespace lfm2::tools {

Error RunningModel::Open(const std::string& path) {
  path_ = path;
  return file_.Open(path);
}

Error RunningModel::Load(const SessionArguments& arguments, const std::function<void(const SessionPlan&)>& show) {
  SessionPlan plan;
  LFM2_RETURN_IF_FAILED(MakeSessionPlan(file_.image(), arguments, &plan));
  if (show) show(plan);
  return Load(plan, arguments.storage, arguments.arena_bytes);
}

Error RunningModel::Load(const SessionPlan& plan, StorageKind storage, uint64_t arena_bytes) {
  plan_ = plan;
  LFM2_RETURN_IF_FAILED(memory_.Allocate(std::max(plan.plan.total_bytes, arena_bytes)));
  arena_ = memory_.span();
  image_ = &file_.image();
  switch (storage) {
    case StorageKind::kMapped: return Error();
    case StorageKind::kMemory: return LoadToMemory();
    case StorageKind::kDirect: return LoadFront();
  }
  return Error();
}

Error RunningModel::LoadToMemory() {
  FileSource source;
  LFM2_RETURN_IF_FAILED(source.Open(path_));
  LFM2_RETURN_IF_FAILED(copy_.Allocate(source.size()));
  const Span<std::byte> all = copy_.span();
  LFM2_RETURN_IF_FAILED(source.Read(0, all.data(), all.size()));
  in_memory_ = MemoryStorage(all);
  image_ = &other_;
  const Error error = Error::From(other_.Open(in_memory_));
  return error.ok() ? error : Error::Of(path_, ": ", error.text());
}

Error RunningModel::LoadFront() {
  Status status = direct_.Open(path_.c_str());
  if (status.ok()) status = other_.Open(direct_, arena_, &arena_);
  image_ = &other_;
  return status.ok() ? Error() : Error::Of(path_, ": ", Error::From(status).text());
}

}  // namespace lfm2::tools
