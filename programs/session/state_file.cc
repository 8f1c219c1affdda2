#include "programs/session/state_file.h"

#include <algorithm>

#include "programs/files/byte_sink.h"

namespace lfm2::tools {

namespace {

Error Named(const std::string& path, const Status& status) {
  const Error error = Error::From(status);
  return error.ok() ? error : Error::Of(path, ": ", error.text());
}

}  // namespace

Error WriteStateFile(const std::string& path, FunctionRef<Status(StateSink sink)> save) {
  OutputFile file;
  LFM2_RETURN_IF_FAILED(file.Open(path));
  Error error;
  uint64_t written = 0;
  const Status status = save([&](Span<const std::byte> bytes) {
    error = file.Write(written, bytes.data(), bytes.size());
    written += bytes.size();
    return error.ok();
  });
  LFM2_RETURN_IF_FAILED(error);
  LFM2_RETURN_IF_FAILED(Named(path, status));
  return file.Commit();
}

Error StateFile::Open(const std::string& path) {
  path_ = path;
  LFM2_RETURN_IF_FAILED(file_.Open(path));
  std::byte bytes[sizeof(SavedStateHeader)];
  const size_t size = static_cast<size_t>(std::min<uint64_t>(sizeof(bytes), file_.size()));
  LFM2_RETURN_IF_FAILED(file_.Read(0, bytes, size));
  LFM2_RETURN_IF_FAILED(Named(path, ReadSavedStateHeader({bytes, size}, &header_)));
  if (header_.total_bytes == file_.size()) return Error();
  return Error::Of(path, " has ", file_.size(), " bytes, but its header states ", header_.total_bytes);
}

Error StateFile::Load(FunctionRef<Status(StateSource source)> load) const {
  Error error;
  uint64_t read = 0;
  const Status status = load([&](Span<std::byte> bytes) {
    error = file_.Read(read, bytes.data(), bytes.size());
    read += bytes.size();
    return error.ok();
  });
  LFM2_RETURN_IF_FAILED(error);
  return Named(path_, status);
}

}  // namespace lfm2::tools
