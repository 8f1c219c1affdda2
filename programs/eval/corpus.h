// The text that a model predicts, cut into windows.
#ifndef LFM2_PROGRAMS_EVAL_CORPUS_H_
#define LFM2_PROGRAMS_EVAL_CORPUS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "lfm2/format/vocab.h"
#include "programs/base/error.h"

namespace lfm2::tools {

struct CorpusArguments {
  std::string text;      // file; empty: ids
  std::string ids;       // JSON file with a list of token ids
  bool special = false;  // the text of special tokens becomes those tokens
  uint32_t window = 0;   // tokens; 0: 512, llama-perplexity's default
};

// Token ids, each predicted from those before it in its window, except the first of each window.
struct Corpus {
  std::vector<int32_t> ids;
  uint32_t window = 0;
  // Number of predicted tokens. A last window of one token has none.
  uint64_t predicted() const;
};

Error ReadIds(const std::string& path, const Vocab& vocab, std::vector<int32_t>* ids);
// Adds the begin token unless the text already starts with it. At least one token must be predicted.
Error ReadCorpus(const CorpusArguments& arguments, const Vocab& vocab, Corpus* corpus);

// Calls visit(const int32_t* ids, size_t size) for every window of at least two tokens, until one fails.
template <class Visit>
Error ForWindows(const Corpus& corpus, Visit&& visit) {
  for (size_t begin = 0; begin + 1 < corpus.ids.size(); begin += corpus.window) {
    const size_t left = corpus.ids.size() - begin;
    LFM2_RETURN_IF_FAILED(visit(corpus.ids.data() + begin, left < corpus.window ? left : corpus.window));
  }
  return Error();
}

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_EVAL_CORPUS_H_
