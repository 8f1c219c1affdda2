// The directory in which programs keep images that they have made of published models.
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
  // $XDG_CACHE_HOME/lfm2, or $HOME/.cache/lfm2 if that variable is not set. Creates nothing; the directory need not
  // exist.
  Error Find();
  std::string Path(const std::string& name) const { return path_ + "/" + name; }
  // Of everything in it; empty if it does not exist.
  std::vector<std::string> Names() const;

  // Creates the directory if it does not exist.
  Error Make() const;
  // Opens a new file, to be committed as `name` or another one, and removes temporary files of processes that were
  // killed.
  Error Open(const std::string& name, OutputFile* file) const;
  // Refuses a file of so many bytes if the drive has no room for it.
  Error CheckSpace(uint64_t bytes) const;

 private:
  void RemoveAbandoned() const;

  std::string path_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_OPEN_CACHE_FOLDER_H_
