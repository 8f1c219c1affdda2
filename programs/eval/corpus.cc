#include "programs/eval/corpus.h"

#include <algorithm>

#include "programs/eval/text_commands.h"
#include "programs/files/files.h"
#include "programs/files/id_list.h"
#include "programs/text/encode_text.h"

namespace lfm2::tools {

namespace {

constexpr uint32_t kDefaultWindow = 512;

}  // namespace

uint64_t Corpus::predicted() const {
  const uint64_t left = ids.size() % window;
  return ids.size() / window * (window - 1) + (left > 0 ? left - 1 : 0);
}

Error ReadIds(const std::string& path, const Vocab& vocab, std::vector<int32_t>* ids) {
  std::string json;
  LFM2_RETURN_IF_FAILED(ReadFile(path, &json));
  return ParseIds(path, json, vocab.size(), ids);
}

Error ReadCorpus(const CorpusArguments& a, const Vocab& vocab, Corpus* corpus) {
  if (a.ids.empty()) {
    std::string text;
    LFM2_RETURN_IF_FAILED(ReadFile(a.text, &text));
    const std::string_view begin = vocab.TokenBytes(vocab.bos());
    const bool has_begin = a.special && !begin.empty() && text.compare(0, begin.size(), begin) == 0;
    LFM2_RETURN_IF_FAILED(EncodeText(vocab, text, a.special, !has_begin, &corpus->ids));
  } else {
    LFM2_RETURN_IF_FAILED(ReadIds(a.ids, vocab, &corpus->ids));
  }
  if (corpus->ids.size() < 2) {
    return Error::Of(a.ids.empty() ? a.text : a.ids, " has fewer than two tokens: there is nothing to predict");
  }
  const size_t most = a.window > 0 ? a.window : kDefaultWindow;
  corpus->window = static_cast<uint32_t>(std::min(most, corpus->ids.size()));
  if (corpus->window < 2) return Error::Of("a window of one token has nothing to predict");
  return Error();
}

}  // namespace lfm2::tools
