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

// Increased whenever the image of some model changes, so that images in the cache from before are not used.
inline constexpr uint32_t kPackVersion = 4;

// Everything that is known before the first weight is read: the image without its weights and CRCs.
struct PackPlan {
  std::string vocab;
  std::string token_trie;  // empty if the vocabulary has a token that a trie cannot hold
  ImageHeader header{};
  std::vector<TensorEntry> directory;  // as the source's tensors()
  std::vector<RecordEntry> records;    // one per MoE layer
};

// Builds the vocabulary and its token trie, and lays out the image. name: in place of the source's, unless it is empty.
// `plan` is new.
Error PlanPack(const ModelSource& source, const std::string& name, PackPlan* plan);

// Lays out the image of `source` again, in a plan that PlanPack has made for a source with the same vocabulary.
void LayOut(const ModelSource& source, PackPlan* plan);

// Turns the plan into that of an image without a token trie, as older images are.
void LeaveOutTokenTrie(PackPlan* plan);

// Reads the weights of the source of the plan and writes the whole image. Uses a few megabytes, whatever the size of
// the model. The same input gives the same bytes.
Error WriteImage(const ModelSource& source, const PackPlan& plan, const StepProgress& progress, ByteSink* sink);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_PACKER_H_
