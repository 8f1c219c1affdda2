// From a model source to a model image (docs/format.md).
#ifndef LFM2_PROGRAMS_PACK_PACKER_H_
#define LFM2_PROGRAMS_PACK_PACKER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "lfm2/format/image_layout.h"
#include "programs/base/error.h"
#include "programs/console/progress.h"
#include "programs/files/byte_sink.h"
#include "programs/pack/model_source.h"

namespace lfm2::tools {

// Which images are made of which models: another number whenever the image of some model becomes another one, so that
// images kept from before are not taken for what would be made now.
inline constexpr uint32_t kPackVersion = 3;

// Everything that is known before the first weight is read: the image but for its weights and CRCs.
struct PackPlan {
  std::string vocab;
  std::string token_trie;  // empty where the vocabulary has a token that no trie holds
  ImageHeader header{};
  std::vector<TensorEntry> directory;  // as the source's tensors()
  std::vector<RecordEntry> records;    // one a MoE layer
};

// Builds the vocabulary and its token trie, and lays the image out. name: in place of the source's, unless it is empty.
// `plan` is a fresh one.
Error PlanPack(const ModelSource& source, const std::string& name, PackPlan* plan);

// Lays the image of `source` out anew in a plan that PlanPack has made of one with the same vocabulary.
void LayOut(const ModelSource& source, PackPlan* plan);

// Turns the plan into that of an image without a token trie, as images from before it are.
void LeaveOutTokenTrie(PackPlan* plan);

// Reads the weights of the source that the plan was made from and writes the whole image. Uses a few megabytes, however
// large the model is. The same input gives the same image, byte for byte.
Error WriteImage(const ModelSource& source, const PackPlan& plan, const StepProgress& progress, ByteSink* sink);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_PACKER_H_
