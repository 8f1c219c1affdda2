#include "tests/fuzz/targets.h"

namespace lfm2::fuzz {

const std::vector<const Target*>& AllTargets() {
  static const std::vector<const Target*> all = {
      &kGgufMetadata, &kGgufModel,     &kGgufSplit,     &kSafetensors, &kConfigJson,   &kTokenizerJson, &kFolder,
      &kImage,        &kStreamedImage, &kSavedState,    &kVocab,       &kTokenTrie,    &kTokenizer,     &kChatJson,
      &kToolCall,     &kJsonSpelling,  &kIdList,        &kToolCalls,   &kRoutingTrace, &kStrictJson,    &kJinja,
      &kConversation, &kPackedRows,    &kServerRequest, &kGbnf,        &kPattern,      &kJsonSchema};
  return all;
}

}  // namespace lfm2::fuzz
