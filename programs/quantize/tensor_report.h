// The errors of quantising, tensor by tensor.
#ifndef LFM2_PROGRAMS_QUANTIZE_TENSOR_REPORT_H_
#define LFM2_PROGRAMS_QUANTIZE_TENSOR_REPORT_H_

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "programs/pack/model_source.h"

namespace lfm2::tools {

// Sums over a tensor, including all its experts; the ratio of two of them is a relative error.
struct TensorReport {
  double weight_error = 0;  // (w - w')^2
  double weight_power = 0;  // w^2
  uint64_t inputs = 0;      // calibration inputs; for an expert tensor, of all experts together
  // |x (t - w')|^2, mean over inputs, t being w with the correction for the errors of earlier layers.
  double output_error = 0;
  double feedback_error = 0;  // the same before the refinements
  double plain_error = 0;     // |x (w - w')|^2 if each block had been rounded by itself
  double correction = 0;      // |x (t - w)|^2
  double output_power = 0;    // |x w|^2
};

// A JSON entry for each quantised tensor. reports: one for each of tensors; power 0 if it was not quantised.
nlohmann::ordered_json ReportJson(const std::vector<ImageTensor>& tensors, const std::vector<TensorReport>& reports);

// A table with a line for each role and type: relative errors, averaged over its tensors.
std::string ReportTable(const std::vector<ImageTensor>& tensors, const std::vector<TensorReport>& reports);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_QUANTIZE_TENSOR_REPORT_H_
