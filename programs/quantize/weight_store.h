// Stores quantised weights, and the progress of quantising, in a folder next to the image, so that an interrupted run
// can continue.
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

// The state after a layer.
struct WeightProgress {
  uint32_t layers = 0;                // that are complete
  std::vector<TensorReport> reports;  // in the order of the source's tensors
  std::vector<float> streams;         // the residual streams of the calibration text after these layers (calibrator.cc)
};

class WeightStore {
 public:
  WeightStore() = default;
  WeightStore(const WeightStore&) = delete;
  WeightStore& operator=(const WeightStore&) = delete;
  ~WeightStore();

  // Called once. folder: created if it does not exist; refused while another run uses it. job: a text that contains
  // everything the result depends on; the progress of another job, or a damaged one, is discarded. held: which of the
  // tensors are stored here. progress: the state to continue from, or an initial one.
  Error Open(const std::string& folder, const std::string& job, const std::vector<ImageTensor>& tensors,
             std::vector<bool> held, uint32_t experts, WeightProgress* progress);

  bool Holds(size_t tensor) const { return held_[tensor]; }
  // Writes a whole matrix, of expert `expert` if it is an expert tensor.
  Error Write(size_t tensor, uint32_t expert, const std::vector<uint8_t>& blocks);
  // As ModelSource::ReadBlocks.
  Error Read(size_t tensor, uint32_t expert, uint32_t row, uint32_t rows, uint8_t* blocks) const;
  // Later runs of the same job continue from here.
  Error Save(const WeightProgress& progress);
  // Deletes the folder, unless it contains files that are not the store's. Last call.
  Error Remove();

 private:
  uint64_t Place(size_t tensor, uint32_t expert) const;
  // The end of the weights of the first `layers` layers.
  uint64_t EndOf(uint32_t layers) const;
  Error Load(size_t tensors, WeightProgress* progress) const;

  std::string folder_;
  std::string job_;
  std::vector<ImageTensor> tensors_;
  std::vector<bool> held_;
  std::vector<uint64_t> offsets_;  // of each tensor's weights, and the end of the last
  int fd_ = -1;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_QUANTIZE_WEIGHT_STORE_H_
