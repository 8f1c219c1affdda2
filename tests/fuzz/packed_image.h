// The image of a model that the packer has accepted.
#ifndef LFM2_TESTS_FUZZ_PACKED_IMAGE_H_
#define LFM2_TESTS_FUZZ_PACKED_IMAGE_H_

#include <algorithm>

#include "lfm2/format/image.h"
#include "programs/files/byte_sink.h"
#include "programs/pack/packer.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/pack/image_copy.h"

namespace lfm2::fuzz {

// Writes the image and opens it. A build without kernels for one of its types (LFM2_TENSOR_TYPES) refuses it for that.
inline void CheckPackedImage(const tools::ModelSource& source, const tools::PackPlan& plan) {
  tools::MemorySink sink;
  LFM2_HOLDS(WriteImage(source, plan, tools::StepProgress(), &sink).ok());
  const test::ImageCopy copy(sink.bytes());
  Image image;
  const Status opened = image.Open(copy.storage());
  const bool compiled = std::all_of(source.tensors().begin(), source.tensors().end(),
                                    [](const tools::ImageTensor& tensor) { return IsCompiled(tensor.type); });
  LFM2_HOLDS(opened.code() == (compiled ? StatusCode::kOk : StatusCode::kUnsupported));
  LFM2_HOLDS(!compiled || image.VerifyPinned().ok());
}

}  // namespace lfm2::fuzz

#endif  // LFM2_TESTS_FUZZ_PACKED_IMAGE_H_
