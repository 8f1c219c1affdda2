// The keys of a GGUF file for the model in an image: the inverse of gguf_model.h and gguf_vocab.h.
#ifndef LFM2_PROGRAMS_EXPORT_IMAGE_KEYS_H_
#define LFM2_PROGRAMS_EXPORT_IMAGE_KEYS_H_

#include <vector>

#include "lfm2/format/image.h"
#include "programs/base/error.h"
#include "programs/export/gguf_builder.h"
#include "programs/pack/model_source.h"

namespace lfm2::tools {

// tensors: all tensors of the image, of types that ggml has.
void AddModelKeys(const Image& image, const std::vector<ImageTensor>& tensors, GgufBuilder* gguf);

// Refuses a vocabulary with more tokens that end an answer than there are keys for.
Error AddVocabKeys(const Vocab& vocab, GgufBuilder* gguf);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_EXPORT_IMAGE_KEYS_H_
