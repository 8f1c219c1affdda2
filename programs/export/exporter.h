// From a model image back to a GGUF file that packs to the very same image.
#ifndef LFM2_PROGRAMS_EXPORT_EXPORTER_H_
#define LFM2_PROGRAMS_EXPORT_EXPORTER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "lfm2/format/image.h"
#include "programs/base/error.h"
#include "programs/console/progress.h"
#include "programs/files/byte_sink.h"
#include "programs/files/byte_source.h"

namespace lfm2::tools {

// The file but for its weights.
struct ExportPlan {
  std::string front;              // everything before the tensors' data
  std::vector<uint64_t> offsets;  // in the file, of the data of each tensor of the image's directory
  uint64_t file_bytes = 0;
};

// Refuses, by name, tensors of types that ggml does not have; and a model of which a GGUF file can not say everything
// that the image does: what packing would make of the file is compared with the image before a weight is read. source:
// the same bytes as the image's.
Error PlanExport(const Image& image, const ByteSource& source, ExportPlan* plan);

// Reads the weights through `source`, front to back, with a check of every CRC, and writes the whole file. Uses a few
// megabytes, however large the model is.
Error WriteGguf(const Image& image, const ByteSource& source, const ExportPlan& plan, const StepProgress& progress,
                ByteSink* sink);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_EXPORT_EXPORTER_H_
