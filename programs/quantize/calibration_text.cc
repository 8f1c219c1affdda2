#include "programs/quantize/calibration_text.h"

#include <algorithm>
#include <cstddef>

#include "programs/text/encode_text.h"

namespace lfm2::tools {

Error CalibrationIds(const Vocab& vocab, const std::string& text, uint32_t tokens, uint32_t length,
                     std::vector<std::vector<int32_t>>* sequences) {
  std::vector<int32_t> ids;
  LFM2_RETURN_IF_FAILED(EncodeText(vocab, text, true, false, &ids));
  if (ids.size() < 2) return Error::Of("has ", uint64_t{ids.size()}, " tokens: too few to calibrate with");
  size_t used = 0;
  for (size_t at = 0; at < ids.size() && used < tokens;) {
    const bool begins = vocab.bos() != kNoToken && ids[at] != vocab.bos();
    const size_t room = std::min<size_t>(length, tokens - used) - (begins ? 1 : 0);
    const size_t count = std::min(room, ids.size() - at);
    if (count == 0) break;
    const auto first = ids.begin() + static_cast<std::ptrdiff_t>(at);
    std::vector<int32_t> sequence(first, first + static_cast<std::ptrdiff_t>(count));
    if (begins) sequence.insert(sequence.begin(), vocab.bos());
    at += count;
    used += sequence.size();
    sequences->push_back(std::move(sequence));
  }
  return Error();
}

}  // namespace lfm2::tools
