// Converts a model image to a GGUF file that packs to the identical image.
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

// The file without its weights.
struct ExportPlan {
  std::string front;              // everything before the tensors' data
  std::vector<uint64_t> offsets;  // in the file, of the data of each tensor of the image's directory
  uint64_t file_bytes = 0;
};

// Refuses tensors of types that ggml does not have, and a model that a GGUF file cannot represent completely: the
// result of packing the file is compared with the image before any weights are read. The Error names the tensor.
// source: the bytes of the image.
Error PlanExport(const Image& image, const ByteSource& source, ExportPlan* plan);

// Reads the weights through `source` from front to back, checks every CRC, and writes the whole file. Uses a few
// megabytes, whatever the size of the model.
Error WriteGguf(const Image& image, const ByteSource& source, const ExportPlan& plan, const StepProgress& progress,
                ByteSink* sink);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_EXPORT_EXPORTER_H_
