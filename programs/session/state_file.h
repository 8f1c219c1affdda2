// Saved states as files.
#ifndef LFM2_PROGRAMS_SESSION_STATE_FILE_H_
#define LFM2_PROGRAMS_SESSION_STATE_FILE_H_

#include <cstdint>
#include <string>

#include "lfm2/base/function_ref.h"
#include "lfm2/runtime/saved_state.h"
#include "programs/base/error.h"
#include "programs/files/byte_source.h"

namespace lfm2::tools {

// Writes what `save` passes to the sink. A file with this path is replaced when that is complete.
Error WriteStateFile(const std::string& path, FunctionRef<Status(StateSink sink)> save);

class StateFile {
 public:
  // Reads the header only, so that a session with room for the state can be opened. Called once.
  Error Open(const std::string& path);
  const SavedStateHeader& header() const { return header_; }
  // Passes the file to `load`.
  Error Load(FunctionRef<Status(StateSource source)> load) const;

 private:
  std::string path_;
  FileSource file_;
  SavedStateHeader header_ = {};
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SESSION_STATE_FILE_H_
