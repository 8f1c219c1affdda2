// lfm2-pack --type: quantises the weights between a model source and the packer.
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
  Recipe recipe;          // with its rules; the wish decides the choices
  std::string calibrate;  // text file; empty: no calibration
  CalibrationOptions calibration;
  std::string report;    // JSON file to write; empty: none
  uint32_t threads = 0;  // 0: one for each usable core
  bool quiet = false;
};

// Quantises one model. The base source outlives this.
class Quantization {
 public:
  // Decides every tensor's type; from here on source() is the model to be packed. Computes nothing yet.
  Error Open(const ModelSource& base, const QuantizeArguments& arguments);
  const ModelSource& source() const { return source_; }
  // The recipe, and its measured error if it is known, in a line or two.
  std::string RecipeText() const;

  // Opens the report, so that a file that cannot be written is reported at the start, and calibrates if requested, with
  // a progress bar. output: the path of the image; the weights are stored in a folder next to it. vocab_section: the
  // vocabulary as the packer has built it.
  Error Prepare(const std::string& output, const std::string& vocab_section);
  // To be called after the image is complete: shows and writes the reports, and removes the folder.
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
