// Rounding with second-order error feedback: later columns make up for what earlier ones have lost.
//
// With H the mean of x x^T over a matrix's inputs x, the mean squared error of a row's output is e H e^T, e = w - w'.
// Frantar et al., GPTQ (2022), round a row column by column and move what is lost into the columns to come; in the form
// of Chee et al., QuIP (2023): with H = L L^T and columns from last to first, column k is rounded at
//   target_k = w_k + sum over i > k of e_i L_ik / L_kk,
// and e H e^T is the sum over k of L_kk^2 (target_k - w'_k)^2. Afterwards single integers and steps move where that
// lowers e H e^T further. H is the damped one throughout.
#ifndef LFM2_PROGRAMS_QUANTIZE_FEEDBACK_H_
#define LFM2_PROGRAMS_QUANTIZE_FEEDBACK_H_

#include <cstdint>
#include <vector>

#include "lfm2/base/executor.h"
#include "programs/quantize/block_codec.h"
#include "programs/quantize/input_moments.h"

namespace lfm2::tools {

// Rounds w[rows, size]; size is a multiple of the codec's columns. refinements: times that every column is looked at
// again. stored: the rows as the codec stores them. w becomes the error, w - w'. Returns the SquaredLength that the
// error had before the first refinement. The same result whatever the executor.
double QuantizeWithFeedback(const BlockCodec& codec, const FactoredMoments& moments, uint32_t refinements,
                            const Executor* executor, RowMatrix* w, std::vector<uint8_t>* stored);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_QUANTIZE_FEEDBACK_H_
