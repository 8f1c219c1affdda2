// Rounding with second-order error feedback: later columns compensate for the rounding errors of earlier ones.
//
// With H the mean of x x^T over a matrix's inputs x, the mean squared error of a row's output is e H e^T, e = w - w'.
// Frantar et al., GPTQ (2022), round a row column by column and compensate for each error in the columns that follow.
// In the form of Chee et al., QuIP (2023), with H = L L^T and columns from last to first, column k is rounded at
//   target_k = w_k + sum over i > k of e_i L_ik / L_kk,
// and e H e^T is the sum over k of L_kk^2 (target_k - w'_k)^2. Afterwards single integers and steps are changed where
// that lowers e H e^T further. H is the damped matrix throughout.
#ifndef LFM2_PROGRAMS_QUANTIZE_FEEDBACK_H_
#define LFM2_PROGRAMS_QUANTIZE_FEEDBACK_H_

#include <cstdint>
#include <vector>

#include "lfm2/base/executor.h"
#include "programs/quantize/block_codec.h"
#include "programs/quantize/input_moments.h"

namespace lfm2::tools {

// Rounds w[rows, size]; size is a multiple of the codec's columns. refinements: passes over all columns after the
// feedback. stored: receives the rows as the codec stores them. w becomes the error, w - w'. Returns the SquaredLength
// that the error had before the first refinement. The result does not depend on the executor.
double QuantizeWithFeedback(const BlockCodec& codec, const FactoredMoments& moments, uint32_t refinements,
                            const Executor* executor, RowMatrix* w, std::vector<uint8_t>* stored);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_QUANTIZE_FEEDBACK_H_
