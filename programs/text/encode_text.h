// Text to token ids.
#ifndef LFM2_PROGRAMS_TEXT_ENCODE_TEXT_H_
#define LFM2_PROGRAMS_TEXT_ENCODE_TEXT_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "lfm2/format/vocab.h"
#include "programs/base/error.h"

namespace lfm2::tools {

// The tokens of one document. special: the text of special tokens becomes those tokens. bos: the begin token comes
// first.
Error EncodeText(const Vocab& vocab, std::string_view text, bool special, bool bos, std::vector<int32_t>* ids);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_TEXT_ENCODE_TEXT_H_
