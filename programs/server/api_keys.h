// Who may use the server.
#ifndef LFM2_PROGRAMS_SERVER_API_KEYS_H_
#define LFM2_PROGRAMS_SERVER_API_KEYS_H_

#include <string>
#include <string_view>
#include <vector>

#include "programs/base/error.h"

namespace lfm2::tools {

class ApiKeys {
 public:
  // One key a line; empty lines and those that begin with # do not count. The Error names the file.
  Error Read(const std::string& path);
  bool empty() const { return keys_.empty(); }
  // The value of an Authorization header. True where there are no keys. The time that this takes does not depend on how
  // much of a key is right.
  bool Allow(std::string_view authorization) const;

 private:
  std::vector<std::string> keys_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_API_KEYS_H_
