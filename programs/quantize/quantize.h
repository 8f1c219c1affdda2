// lfm2-pack --type: what lies between a model source and the packer.
#ifndef LFM2_PROGRAMS_QUANTIZE_QUANTIZE_H_
#define LFM2_PROGRAMS_QUANTIZE_QUANTIZE_H_

#include <cstdint>
#include <string>

#include "lfm2/posix/thread_pool.h"
#include "programs/base/error.h"
#include "programs/files/byte_sink.h"
#include "programs/pack/model_source.h"
#include "programs/quantize/calibrator.h"
#include "programs/quantize/named_recipes.h"
#include "programs/quantize/quantized_source.h"
#include "programs/quantize/weight_store.h"

namespace lfm2::tools {

struct QuantizeArguments {
  RecipeWish wish;
  Recipe recipe;          // its rules; the wish decides its choices
  std::string calibrate;  // text file; empty: no calibration
  CalibrationOptions calibration;
  std::string report;    // JSON file to write; empty: none
  uint32_t threads = 0;  // 0: one for each usable core
  bool quiet = false;
};

// One model on its way. The base source outlives it.
class Quantization {
 public:
  // Decides every tensor's type; source() is to be packed from here on. Nothing is computed yet.
  Error Open(const ModelSource& base, const QuantizeArguments& arguments);
  const ModelSource& source() const { return source_; }
  // The recipe, and what it has cost where it was measured, in a line or two.
  std::string RecipeText() const;

  // Opens the report, so that one that can not be written shows now, and calibrates, if that is wanted, with a progress
  // bar. output: the image to be, beside which the work is kept. vocab_section: the vocabulary as the packer has built
  // it.
  Error Prepare(const std::string& output, const std::string& vocab_section);
  // Behind a finished image: shows and writes the reports, and removes the work.
  Error Finish();

 private:
  std::string Job(const std::string& text) const;
  Error CalibrateWith(const std::string& text, const std::string& output, const std::string& vocab_section);

  QuantizeArguments arguments_;
  const NamedRecipe* recipe_ = nullptr;
  posix::ThreadPool threads_;
  QuantizedSource source_;
  WeightStore store_;
  OutputFile report_;
};

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_QUANTIZE_QUANTIZE_H_
