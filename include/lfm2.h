// lfm2.h: LFM2 language models in one static arena. This is the only header that a program includes; those in posix/
// add what needs an operating system (a mapped file, a thread pool). By default it contains all definitions. Where
// LFM2_SEPARATE_COMPILATION is defined in every file it only declares, and the one file that also defines
// LFM2_IMPLEMENTATION has the definitions.
#ifndef LFM2_H_
#define LFM2_H_

#include "lfm2/base/arena.h"
#include "lfm2/base/crc32c.h"
#include "lfm2/base/executor.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/base/version.h"
#include "lfm2/format/image.h"
#include "lfm2/model/presets.h"
#include "lfm2/runtime/conversation.h"
#include "lfm2/runtime/open_token_trie.h"
#include "lfm2/runtime/plan.h"
#include "lfm2/runtime/saved_state.h"
#include "lfm2/runtime/session.h"
#include "lfm2/runtime/state_store.h"
#include "lfm2/storage/block_storage.h"
#include "lfm2/storage/memory_storage.h"
#include "lfm2/text/chat.h"
#include "lfm2/text/chat_encoder.h"
#include "lfm2/text/compile_grammar.h"
#include "lfm2/text/detokenizer.h"
#include "lfm2/text/grammar_constraint.h"
#include "lfm2/text/json_spelling.h"
#include "lfm2/text/log_probability.h"
#include "lfm2/text/sampler.h"
#include "lfm2/text/stop_matcher.h"
#include "lfm2/text/thought_tracker.h"
#include "lfm2/text/token_trie_builder.h"
#include "lfm2/text/tokenizer.h"
#include "lfm2/text/tool_call_reader.h"
#include "lfm2/text/tool_call_stream.h"
#include "lfm2/text/tool_call_writer.h"
#include "lfm2/text/tool_list.h"

#endif  // LFM2_H_

#if !defined(LFM2_SEPARATE_COMPILATION) || defined(LFM2_IMPLEMENTATION)
#include "lfm2/runtime/implementation.h"
#endif
