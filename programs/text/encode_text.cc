#include "programs/text/encode_text.h"

#include "lfm2/text/tokenizer.h"

namespace lfm2::tools {

Error EncodeText(const Vocab& vocab, std::string_view text, bool special, bool bos, std::vector<int32_t>* ids) {
  // A token stands for at least one byte, and a word is at most as long as the text.
  ids->resize(text.size() + 1);
  std::vector<std::byte> scratch(static_cast<size_t>(Tokenizer::ScratchBytes(text.size())));
  EncodeOptions options;
  options.parse_special = special;
  options.add_bos = bos;
  size_t count = 0;
  LFM2_RETURN_IF_FAILED(Error::From(Tokenizer(vocab).Encode(text, options, scratch, *ids, &count)));
  ids->resize(count);
  return Error();
}

}  // namespace lfm2::tools
