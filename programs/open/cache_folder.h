// The folder in which tools keep images that they have made of published models.
#ifndef LFM2_PROGRAMS_OPEN_CACHE_FOLDER_H_
#define LFM2_PROGRAMS_OPEN_CACHE_FOLDER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "programs/base/error.h"
#include "programs/files/byte_sink.h"

namespace lfm2::tools {

class CacheFolder {
 public:
  // $XDG_CACHE_HOME/lfm2, or $HOME/.cache/lfm2 where that variable is not set. Makes nothing; the folder need not
  // exist.
  Error Find();
  std::string Path(const std::string& name) const { return path_ + "/" + name; }
  // Of everything in it; none where there is no folder.
  std::vector<std::string> Names() const;

  // Makes the folder where there is none.
  Error Make() const;
  // Opens a new file with a temporary name that begins with `name`, and removes those that processes which have ended
  // left behind.
  Error Open(const std::string& name, OutputFile* file) const;
  // Refuses a file of so many bytes where the drive has no room for it.
  Error CheckRoom(uint64_t bytes) const;

 private:
  void RemoveAbandoned() const;

  std::string path_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_OPEN_CACHE_FOLDER_H_
