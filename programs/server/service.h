// Everything that the endpoints use.
#ifndef LFM2_PROGRAMS_SERVER_SERVICE_H_
#define LFM2_PROGRAMS_SERVER_SERVICE_H_

#include <cstdint>
#include <string>

#include "lfm2/format/token_trie.h"
#include "lfm2/format/vocab.h"
#include "programs/server/api_keys.h"
#include "programs/server/engine.h"
#include "programs/server/metrics.h"

namespace lfm2::tools {

struct Service {
  std::string model_name;
  int64_t created = 0;  // seconds since 1970
  const Vocab* vocab = nullptr;
  const TokenTrie* trie = nullptr;  // of the vocabulary
  uint32_t context_length = 0;
  uint32_t max_tokens = 0;   // of an answer, whatever is requested
  uint32_t max_prompts = 0;  // of one completion request
  bool checks_host = false;  // accept only Host headers that name this machine
  ApiKeys keys;
  Metrics metrics;
  Engine* engine = nullptr;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_SERVICE_H_
