#include "programs/export/exporter.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "lfm2/base/numeric.h"
#include "programs/export/gguf_builder.h"
#include "programs/export/image_keys.h"
#include "programs/pack/crc_reader.h"
#include "programs/pack/gguf_model.h"
#include "programs/pack/gguf_source.h"
#include "programs/pack/packer.h"
#include "programs/pack/repack.h"
#include "programs/pack/unpack.h"
#include "programs/pack/verify.h"

namespace lfm2::tools {

namespace {

std::vector<ImageTensor> TensorsOf(const Image& image) {
  std::vector<ImageTensor> tensors;
  for (uint32_t group = 0; group < TensorGroups(image.config()); ++group) {
    const TensorSpecs specs = TensorGroup(image.config(), group);
    for (uint32_t i = 0; i < specs.count; ++i) {
      const uint32_t index = static_cast<uint32_t>(tensors.size());
      tensors.push_back({specs.spec[i], static_cast<TensorType>(image.tensor(index).type)});
    }
  }
  return tensors;
}

Error CheckTypes(const std::vector<ImageTensor>& tensors) {
  for (const ImageTensor& t : tensors) {
    uint32_t number = 0;
    if (GgmlFromTensorType(t.type, &number)) continue;
    const bool own = IsTable(t.type);
    return Error::Of("the tensor ", GgufName(t.spec), own ? " has lfm2.h's own type " : " has MLX's type ",
                     NameOf(t.type), ", which GGUF does not have; pack the model ",
                     own ? "with --type q4_0, q6 or q8" : "from a GGUF file or a Hugging Face directory",
                     " and export that");
  }
  return Error();
}

// The dimensions that llama.cpp's converter gives a tensor, fastest varying first.
std::vector<uint64_t> DimsOf(const TensorSpec& spec, const ModelConfig& config) {
  if (spec.role == TensorRole::kConvKernel) return {spec.rows, spec.cols};  // a channel's taps together
  if (spec.layout == TensorLayout::kExpert) return {spec.cols, spec.rows, config.experts};
  if (spec.layout == TensorLayout::kPlain) return {spec.cols};
  return {spec.cols, spec.rows};
}

Error MakeFront(const Image& image, const std::vector<ImageTensor>& tensors, ExportPlan* plan) {
  GgufBuilder gguf;
  AddModelKeys(image, tensors, &gguf);
  LFM2_RETURN_IF_FAILED(AddVocabKeys(image.vocab(), &gguf));
  for (const ImageTensor& t : tensors) {
    const std::vector<uint64_t> dims = DimsOf(t.spec, image.config());
    uint32_t number = 0;
    GgmlFromTensorType(t.type, &number);
    uint64_t bytes = GgmlRowBytes(t.type, static_cast<uint32_t>(dims[0]));
    for (size_t d = 1; d < dims.size(); ++d) bytes *= dims[d];
    plan->offsets.push_back(gguf.AddTensor(GgufName(t.spec), dims, number, bytes));
  }
  plan->front = gguf.Front();
  for (uint64_t& offset : plan->offsets) offset += plan->front.size();
  plan->file_bytes = plan->front.size() + gguf.data_bytes();
  return Error();
}

// A file of which only the front exists yet; the rest reads as zeros.
class FrontSource final : public ByteSource {
 public:
  FrontSource(const std::string& front, uint64_t size) : front_(front), size_(size) {}
  uint64_t size() const override { return size_; }
  Error Read(uint64_t offset, void* out, size_t bytes) const override {
    std::memset(out, 0, bytes);
    if (offset >= front_.size()) return Error();
    const size_t at = static_cast<size_t>(offset);
    std::memcpy(out, front_.data() + at, std::min(bytes, front_.size() - at));
    return Error();
  }

 private:
  const std::string& front_;
  uint64_t size_;
};

// Packs the file without reading weights.
Error CheckPacksBack(const Image& image, const ByteSource& source, const ExportPlan& plan) {
  const FrontSource file(plan.front, plan.file_bytes);
  GgufSource gguf;
  PackPlan again;
  LFM2_RETURN_IF_FAILED(gguf.Open({&file}, {}));
  LFM2_RETURN_IF_FAILED(PlanPack(gguf, "", &again));
  ImageHeader header;
  LFM2_RETURN_IF_FAILED(source.Read(0, &header, sizeof(header)));
  std::string vocab(static_cast<size_t>(header.vocab_bytes), '\0');
  LFM2_RETURN_IF_FAILED(source.Read(header.pinned_offset, vocab.data(), vocab.size()));
  header.metadata_crc = header.pinned_crc = 0;                  // not computed yet
  if (header.token_trie_bytes == 0) LeaveOutTokenTrie(&again);  // it can be rebuilt from the vocabulary
  if (vocab != again.vocab) return Error::Of("its vocabulary was not written by lfm2-pack");
  if (std::memcmp(&header, &again.header, sizeof(header)) != 0) return Error::Of("its header differs");
  for (uint32_t i = 0; i < image.tensor_count(); ++i) {
    const TensorEntry entry = image.tensor(i);
    if (std::memcmp(&entry, &again.directory[i], sizeof(entry)) != 0) return Error::Of("its directory differs");
  }
  return Error();
}

// Reads tensors in the image's order and writes each to its place. The buffers are reused.
class WeightExporter {
 public:
  WeightExporter(CrcReader* from, ByteSink* to) : from_(from), to_(to) {}

  // Copies the image's next tensor; `offset` is that of the tensor's first row in the file.
  Error Copy(const ImageTensor& t, uint64_t offset) {
    if (t.spec.layout == TensorLayout::kPlain) return CopyPlain(t.spec, offset);
    const size_t row_bytes = GgmlRowBytes(t.type, t.spec.cols);
    const size_t block_bytes = static_cast<size_t>(MatrixBytes(t.type, kBlockRows, t.spec.cols));
    const uint32_t window = WindowRows(block_bytes);
    for (uint32_t row = 0; row < t.spec.rows; row += window) {
      const uint32_t rows = std::min(window, t.spec.rows - row);
      blocks_.resize(DivideUp(rows, kBlockRows) * block_bytes);
      rows_.resize(rows * row_bytes);
      LFM2_RETURN_IF_FAILED(from_->Read(blocks_.data(), blocks_.size()));
      for (uint32_t r = 0; r < rows; r += kBlockRows) {
        if (!UnpackRowBlock(t.type, blocks_.data() + r / kBlockRows * block_bytes, std::min(kBlockRows, rows - r),
                            t.spec.cols, rows_.data() + r * row_bytes)) {
          return Error::Of("the tensor ", GgufName(t.spec), " has values that ", NameOf(t.type),
                           " does not have: the image is damaged");
        }
      }
      LFM2_RETURN_IF_FAILED(to_->Write(offset + row * uint64_t{row_bytes}, rows_.data(), rows_.size()));
    }
    return Error();
  }

 private:
  Error CopyPlain(const TensorSpec& spec, uint64_t offset) {
    blocks_.resize(size_t{spec.rows} * spec.cols * sizeof(float));
    LFM2_RETURN_IF_FAILED(from_->Read(blocks_.data(), blocks_.size()));
    if (spec.role != TensorRole::kConvKernel) return to_->Write(offset, blocks_.data(), blocks_.size());
    rows_.resize(blocks_.size());
    for (size_t tap = 0; tap < spec.rows; ++tap) {
      for (size_t channel = 0; channel < spec.cols; ++channel) {
        std::memcpy(rows_.data() + (channel * spec.rows + tap) * sizeof(float),
                    blocks_.data() + (tap * spec.cols + channel) * sizeof(float), sizeof(float));
      }
    }
    return to_->Write(offset, rows_.data(), rows_.size());
  }

  CrcReader* from_;
  ByteSink* to_;
  std::vector<uint8_t> blocks_;
  std::vector<uint8_t> rows_;
};

Error WriteRecords(const Image& image, const std::vector<ImageTensor>& tensors, const ExportPlan& plan,
                   CrcReader* reader, ByteSink* sink) {
  WeightExporter weights(reader, sink);
  uint32_t first = 0;  // the layer's gate in the directory, followed by up and down
  for (uint32_t m = 0; m < image.config().moe_layers(); ++m) {
    while (tensors[first].spec.role != TensorRole::kExpertGate) ++first;
    const RecordEntry record = image.record_layer(m);
    for (uint32_t expert = 0; expert < image.config().experts; ++expert) {
      const uint64_t begin = record.offset + expert * record.stride;
      reader->Begin(begin);
      for (uint32_t i = first; i < first + kExpertTensors; ++i) {
        const TensorSpec& spec = tensors[i].spec;
        const uint64_t bytes = uint64_t{spec.rows} * GgmlRowBytes(tensors[i].type, spec.cols);
        LFM2_RETURN_IF_FAILED(reader->SkipTo(begin + image.tensor(i).offset));
        LFM2_RETURN_IF_FAILED(weights.Copy(tensors[i], plan.offsets[i] + expert * bytes));
      }
      LFM2_RETURN_IF_FAILED(CheckRecordCrc(image, m, expert, reader->crc()));
    }
    first += kExpertTensors;
  }
  return Error();
}

}  // namespace

Error PlanExport(const Image& image, const ByteSource& source, ExportPlan* plan) {
  const std::vector<ImageTensor> tensors = TensorsOf(image);
  LFM2_RETURN_IF_FAILED(CheckTypes(tensors));
  Error made = MakeFront(image, tensors, plan);
  if (made.ok()) made = CheckPacksBack(image, source, *plan);
  if (made.ok()) return made;
  // Damage is the more likely reason: the vocabulary is not checked when an image is opened.
  LFM2_RETURN_IF_FAILED(VerifyPinned(source, StepProgress()));
  return Error::Of("a GGUF file cannot represent all that the image contains: ", made.text());
}

Error WriteGguf(const Image& image, const ByteSource& source, const ExportPlan& plan, const StepProgress& progress,
                ByteSink* sink) {
  const std::vector<ImageTensor> tensors = TensorsOf(image);
  ImageHeader header;
  LFM2_RETURN_IF_FAILED(source.Read(0, &header, sizeof(header)));
  LFM2_RETURN_IF_FAILED(sink->Write(0, plan.front.data(), plan.front.size()));
  // The data of the last tensor may end before the file does.
  LFM2_RETURN_IF_FAILED(sink->Write(plan.file_bytes - 1, "", 1));

  CrcReader reader(source, progress);
  WeightExporter weights(&reader, sink);
  reader.Begin(header.pinned_offset);
  for (uint32_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].spec.layout == TensorLayout::kExpert) continue;
    LFM2_RETURN_IF_FAILED(reader.SkipTo(header.pinned_offset + image.tensor(i).offset));
    LFM2_RETURN_IF_FAILED(weights.Copy(tensors[i], plan.offsets[i]));
  }
  LFM2_RETURN_IF_FAILED(CheckPinnedCrc(header, reader.crc()));
  return WriteRecords(image, tensors, plan, &reader, sink);
}

}  // namespace lfm2::tools
