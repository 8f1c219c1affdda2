// Turns the form of an answer into a constraint on its tokens.
#ifndef LFM2_PROGRAMS_SERVER_CONSTRAINT_H_
#define LFM2_PROGRAMS_SERVER_CONSTRAINT_H_

#include <memory>

#include "lfm2/format/token_trie.h"
#include "lfm2/format/vocab.h"
#include "programs/server/answer_form.h"
#include "programs/server/api_error.h"
#include "programs/text/answer_rule.h"

namespace lfm2::tools {

// *out = the constraint on a new answer, or null if the form allows every answer. trie: of the vocabulary; both outlive
// the constraint. Errors: 400, naming the field with a schema that is invalid or not supported.
ApiError MakeRule(const AnswerForm& form, const Vocab& vocab, const TokenTrie& trie, std::unique_ptr<AnswerRule>* out);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_SERVER_CONSTRAINT_H_
