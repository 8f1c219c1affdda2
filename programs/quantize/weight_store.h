// Quantised weights on their way into an image, and how far the work has come: a folder beside the image, so that a run
// that was interrupted goes on where it was.
#ifndef LFM2_PROGRAMS_QUANTIZE_WEIGHT_STORE_H_
#define LFM2_PROGRAMS_QUANTIZE_WEIGHT_STORE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "programs/base/error.h"
#include "programs/files/byte_source.h"
#include "programs/pack/model_source.h"
#include "programs/quantize/tensor_report.h"

namespace lfm2::tools {

// What is known behind a layer.
struct WeightProgress {
  uint32_t layers = 0;                // that are done
  std::vector<TensorReport> reports;  // as the source's tensors
  std::vector<float> streams;         // the residual streams of the calibration text after them (calibrator.cc)
};

class WeightStore {
 public:
  WeightStore() = default;
  WeightStore(const WeightStore&) = delete;
  WeightStore& operator=(const WeightStore&) = delete;
  ~WeightStore();

  // Called once. folder: made where it does not exist, and refused while another run works there. job: whatever decides
  // the result, as text; what was done for another, or is damaged, is thrown away. held: which of the tensors come
  // here. progress: where the work stands, a fresh one where it begins.
  Error Open(const std::string& folder, const std::string& job, const std::vector<ImageTensor>& tensors,
             std::vector<bool> held, uint32_t experts, WeightProgress* progress);

  bool Holds(size_t tensor) const { return held_[tensor]; }
  // The whole matrix, of expert `expert` where it belongs to the experts.
  Error Write(size_t tensor, uint32_t expert, const std::vector<uint8_t>& blocks);
  // As ModelSource::ReadBlocks.
  Error Read(size_t tensor, uint32_t expert, uint32_t row, uint32_t rows, uint8_t* blocks) const;
  // Later runs of the same job go on from here.
  Error Save(const WeightProgress& progress);
  // Deletes the folder, unless somebody else has put files there. Last call.
  Error Remove();

 private:
  uint64_t Place(size_t tensor, uint32_t expert) const;
  // Behind all weights of the first layers.
  uint64_t EndOf(uint32_t layers) const;
  Error Load(size_t tensors, WeightProgress* progress) const;

  std::string folder_;
  std::string job_;
  std::vector<ImageTensor> tensors_;
  std::vector<bool> held_;
  std::vector<uint64_t> offsets_;  // of each tensor's weights, and where the last ends
  int fd_ = -1;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_QUANTIZE_WEIGHT_STORE_H_
