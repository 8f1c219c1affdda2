// What quantising has cost, tensor by tensor.
#ifndef LFM2_PROGRAMS_QUANTIZE_TENSOR_REPORT_H_
#define LFM2_PROGRAMS_QUANTIZE_TENSOR_REPORT_H_

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "programs/pack/model_source.h"

namespace lfm2::tools {

// Sums over a tensor, all experts of it; a ratio of two is an error.
struct TensorReport {
  double weight_error = 0;  // (w - w')^2
  double weight_power = 0;  // w^2
  uint64_t inputs = 0;      // calibration inputs; of an expert tensor, those of all experts
  // |x (t - w')|^2, mean over inputs, t being what was rounded in place of w to make up for earlier layers.
  double output_error = 0;
  double feedback_error = 0;  // the same, had nothing been refined after the feedback
  double plain_error = 0;     // |x (w - w')|^2, had each block been rounded by itself
  double correction = 0;      // |x (t - w)|^2
  double output_power = 0;    // |x w|^2
};

// One entry a tensor that was quantised. reports: one for each of tensors; power 0 where nothing was done.
nlohmann::ordered_json ReportJson(const std::vector<ImageTensor>& tensors, const std::vector<TensorReport>& reports);

// A table with a line for each role and type: relative errors, means over its tensors.
std::string ReportTable(const std::vector<ImageTensor>& tensors, const std::vector<TensorReport>& reports);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_QUANTIZE_TENSOR_REPORT_H_
