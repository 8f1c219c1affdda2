// Token ids as JSON lists.
#ifndef LFM2_PROGRAMS_FILES_ID_LIST_H_
#define LFM2_PROGRAMS_FILES_ID_LIST_H_

#include <cstdint>
#include <string>
#include <vector>

#include "programs/base/error.h"

namespace lfm2::tools {

// Parses "[1, 2, 3]", ids of a vocabulary of vocab_size tokens. name: of the origin, for the message.
Error ParseIds(const std::string& name, const std::string& text, uint32_t vocab_size, std::vector<int32_t>* ids);

// "[1, 2, 3]", as Python's json.dumps writes it.
std::string FormatIds(const std::vector<int32_t>& ids);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_FILES_ID_LIST_H_
