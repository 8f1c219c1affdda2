// The API keys that give access to the server.
#ifndef LFM2_PROGRAMS_SERVER_API_KEYS_H_
#define LFM2_PROGRAMS_SERVER_API_KEYS_H_

#include <string>
#include <string_view>
#include <vector>

#include "programs/base/error.h"

namespace lfm2::tools {

class ApiKeys {
 public:
  // One key per line; empty lines and lines that begin with # are ignored. The Error names the file.
  Error Read(const std::string& path);
  bool empty() const { return keys_.empty(); }
  // authorization: the value of the header. Returns true if there are no keys. Takes the same time however much of a
  // key is right.
  bool Allow(std::string_view authorization) const;

 private:
  std::vector<std::string> keys_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_API_KEYS_H_
