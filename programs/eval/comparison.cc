#include "programs/eval/comparison.h"

namespace lfm2::tools {

Error CheckSameVocabulary(const std::string& base_name, const Vocab& base, const std::string& name,
                          const Vocab& vocab) {
  if (base.size() != vocab.size()) {
    return Error::Of("the vocabularies differ: ", name, " has ", vocab.size(), " tokens, and ", base_name, " has ",
                     base.size());
  }
  for (uint32_t id = 0; id < vocab.size(); ++id) {
    if (base.TokenBytes(static_cast<int32_t>(id)) != vocab.TokenBytes(static_cast<int32_t>(id))) {
      return Error::Of("the vocabularies differ: token ", id, " of ", name, " is not that of ", base_name);
    }
  }
  return Error();
}

}  // namespace lfm2::tools
