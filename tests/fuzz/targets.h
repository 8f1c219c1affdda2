// The targets, each in a file of its name.
#ifndef LFM2_TESTS_FUZZ_TARGETS_H_
#define LFM2_TESTS_FUZZ_TARGETS_H_

#include "tests/fuzz/fuzz_target.h"

namespace lfm2::fuzz {

extern const Target kGgufMetadata, kGgufModel, kGgufSplit, kSafetensors, kConfigJson, kTokenizerJson, kFolder, kImage,
    kStreamedImage, kSavedState, kVocab, kTokenTrie, kTokenizer, kChatJson, kToolCall, kJsonSpelling, kIdList,
    kToolCalls, kRoutingTrace, kStrictJson, kJinja, kConversation, kPackedRows, kServerRequest, kGbnf, kPattern,
    kJsonSchema;

}  // namespace lfm2::fuzz

#endif  // LFM2_TESTS_FUZZ_TARGETS_H_
