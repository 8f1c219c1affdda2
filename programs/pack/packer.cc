#include "programs/pack/packer.h"

#include <algorithm>
#include <cstring>

#include "lfm2/base/numeric.h"
#include "lfm2/text/token_trie_builder.h"
#include "programs/pack/image_stream.h"
#include "programs/pack/repack.h"

namespace lfm2::tools {

namespace {

// Reads and appends tensors, and reuses its buffers.
class WeightWriter {
 public:
  WeightWriter(const ModelSource& source, ImageStream* out) : source_(source), out_(out) {}

  // expert: index in an expert tensor, otherwise 0.
  Error Append(size_t tensor, uint32_t expert) {
    const ImageTensor& t = source_.tensors()[tensor];
    if (t.spec.layout == TensorLayout::kPlain) {
      floats_.resize(size_t{t.spec.rows} * t.spec.cols);
      LFM2_RETURN_IF_FAILED(source_.ReadPlain(tensor, floats_.data()));
      return out_->Append(floats_.data(), floats_.size() * sizeof(float));
    }
    const size_t block_bytes = static_cast<size_t>(MatrixBytes(t.type, kBlockRows, t.spec.cols));
    const uint32_t window = WindowRows(block_bytes);
    for (uint32_t row = 0; row < t.spec.rows; row += window) {
      const uint32_t rows = std::min(window, t.spec.rows - row);
      blocks_.resize(DivideUp(rows, kBlockRows) * block_bytes);
      LFM2_RETURN_IF_FAILED(source_.ReadBlocks(tensor, expert, row, rows, blocks_.data()));
      LFM2_RETURN_IF_FAILED(out_->Append(blocks_.data(), blocks_.size()));
    }
    return Error();
  }

 private:
  const ModelSource& source_;
  ImageStream* out_;
  std::vector<uint8_t> blocks_;
  std::vector<float> floats_;
};

// Cuts a name to the size of the header's field, between two UTF-8 characters.
void SetName(const std::string& name, char (*field)[64]) {
  size_t size = std::min(name.size(), sizeof(*field) - 1);
  while (size < name.size() && size > 0 && (static_cast<unsigned char>(name[size]) & 0xc0u) == 0x80u) --size;
  std::memcpy(*field, name.data(), size);
}

void AppendTokenTrie(PackPlan* plan) {
  if (plan->token_trie.empty()) return;
  ImageHeader& h = plan->header;
  h.token_trie_offset = RoundUp<uint64_t>(h.file_bytes, kRecordAlignment);
  h.token_trie_bytes = plan->token_trie.size();
  h.token_trie_crc = Crc32c(0, plan->token_trie.data(), plan->token_trie.size());
  h.file_bytes = h.token_trie_offset + h.token_trie_bytes;
}

// The section is empty if a token does not fit a trie.
Error MakeTokenTrie(const std::string& vocab_bytes, std::string* section) {
  std::vector<uint64_t> copy(vocab_bytes.size() / sizeof(uint64_t));  // a string need not be aligned
  std::memcpy(copy.data(), vocab_bytes.data(), vocab_bytes.size());
  Vocab vocab;
  LFM2_RETURN_IF_FAILED(
      Error::From(Vocab::Open({reinterpret_cast<const std::byte*>(copy.data()), vocab_bytes.size()}, &vocab)));
  std::vector<uint64_t> memory(static_cast<size_t>(TokenTrieMemoryBytes(vocab)) / sizeof(uint64_t));
  TokenTrie trie;
  const Status status =
      BuildTokenTrie(vocab, {reinterpret_cast<std::byte*>(memory.data()), memory.size() * sizeof(uint64_t)}, &trie);
  if (status.code() == StatusCode::kUnsupported) return Error();
  LFM2_RETURN_IF_FAILED(Error::From(status));
  section->assign(reinterpret_cast<const char*>(trie.bytes().data()), trie.bytes().size());
  return Error();
}

// Header, directory, record table and record CRCs, as in the file.
std::string MetadataBytes(const PackPlan& plan, uint32_t pinned_crc, const std::vector<uint32_t>& record_crcs) {
  std::string bytes(static_cast<size_t>(plan.header.metadata_bytes), '\0');
  ImageHeader header = plan.header;
  header.pinned_crc = pinned_crc;
  const auto put = [&bytes](uint64_t offset, const void* data, size_t size) {
    if (size > 0) std::memcpy(bytes.data() + static_cast<size_t>(offset), data, size);
  };
  put(header.directory_offset, plan.directory.data(), plan.directory.size() * sizeof(TensorEntry));
  put(header.record_table_offset, plan.records.data(), plan.records.size() * sizeof(RecordEntry));
  put(header.record_crc_offset, record_crcs.data(), record_crcs.size() * sizeof(uint32_t));
  put(0, &header, sizeof(header));
  header.metadata_crc = Crc32c(0, bytes.data(), bytes.size());
  put(0, &header, sizeof(header));
  return bytes;
}

}  // namespace

void LayOut(const ModelSource& source, PackPlan* plan) {
  plan->directory.clear();
  plan->records.clear();
  const ModelConfig& config = source.config();
  const MetadataLayout m = LayoutMetadata(config);
  ImageHeader& h = plan->header;
  std::memcpy(h.magic, kImageMagic, sizeof(h.magic));
  h.version = kImageVersion;
  h.header_bytes = sizeof(ImageHeader);
  h.metadata_bytes = m.metadata_bytes;
  h.directory_offset = m.directory_offset;
  h.record_table_offset = m.record_table_offset;
  h.record_crc_offset = m.record_crc_offset;
  h.pinned_offset = m.pinned_offset;
  h.vocab_bytes = plan->vocab.size();
  ConfigToHeader(config, &h);

  LayoutCursor cursor(h.vocab_bytes);
  std::vector<uint64_t> record_bytes;
  for (const ImageTensor& t : source.tensors()) {
    plan->directory.push_back(cursor.Place(t.spec, t.type));
    if (t.spec.role == TensorRole::kExpertDown) record_bytes.push_back(cursor.record_bytes());
  }
  h.tensor_count = static_cast<uint32_t>(plan->directory.size());
  h.record_layers = static_cast<uint32_t>(record_bytes.size());
  h.pinned_bytes = cursor.pinned_bytes();
  h.file_bytes = h.pinned_offset + h.pinned_bytes;
  for (const uint64_t bytes : record_bytes) {
    const RecordEntry r = {RoundUp<uint64_t>(h.file_bytes, kRecordAlignment), bytes,
                           RoundUp<uint64_t>(bytes, kRecordAlignment)};
    plan->records.push_back(r);
    h.file_bytes = r.offset + config.experts * r.stride;
  }
  AppendTokenTrie(plan);
}

Error PlanPack(const ModelSource& source, const std::string& name, PackPlan* plan) {
  std::string error;
  if (!BuildVocab(source.vocab(), &plan->vocab, &error)) return Error::Of(error);
  LFM2_RETURN_IF_FAILED(MakeTokenTrie(plan->vocab, &plan->token_trie));
  SetName(name.empty() ? source.name() : name, &plan->header.name);
  SamplingToHeader(source.sampling(), &plan->header);
  LayOut(source, plan);
  return Error();
}

void LeaveOutTokenTrie(PackPlan* plan) {
  ImageHeader& h = plan->header;
  const std::vector<RecordEntry>& records = plan->records;
  h.file_bytes =
      records.empty() ? h.pinned_offset + h.pinned_bytes : records.back().offset + h.experts * records.back().stride;
  h.token_trie_offset = h.token_trie_bytes = h.token_trie_crc = 0;
  plan->token_trie.clear();
}

Error WriteImage(const ModelSource& source, const PackPlan& plan, const StepProgress& progress, ByteSink* sink) {
  const ImageHeader& h = plan.header;
  const std::vector<ImageTensor>& tensors = source.tensors();
  ImageStream out(h.metadata_bytes, h.file_bytes, progress, sink);
  WeightWriter weights(source, &out);
  LFM2_RETURN_IF_FAILED(out.PadTo(h.pinned_offset));

  static_cast<void>(out.TakeCrc());
  LFM2_RETURN_IF_FAILED(out.Append(plan.vocab.data(), plan.vocab.size()));
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].spec.layout == TensorLayout::kExpert) continue;
    LFM2_RETURN_IF_FAILED(out.PadTo(h.pinned_offset + plan.directory[i].offset));
    LFM2_RETURN_IF_FAILED(weights.Append(i, 0));
  }
  const uint32_t pinned_crc = out.TakeCrc();

  std::vector<uint32_t> record_crcs;
  size_t first = 0;  // the layer's gate in the directory; up and down follow
  for (const RecordEntry& r : plan.records) {
    while (tensors[first].spec.role != TensorRole::kExpertGate) ++first;
    for (uint32_t expert = 0; expert < source.config().experts; ++expert) {
      const uint64_t begin = r.offset + expert * r.stride;
      LFM2_RETURN_IF_FAILED(out.PadTo(begin));
      static_cast<void>(out.TakeCrc());
      for (size_t i = first; i < first + kExpertTensors; ++i) {
        LFM2_RETURN_IF_FAILED(out.PadTo(begin + plan.directory[i].offset));
        LFM2_RETURN_IF_FAILED(weights.Append(i, expert));
      }
      record_crcs.push_back(out.TakeCrc());
    }
    first += kExpertTensors;
  }
  LFM2_RETURN_IF_FAILED(out.PadTo(h.file_bytes - plan.token_trie.size()));
  LFM2_RETURN_IF_FAILED(out.Append(plan.token_trie.data(), plan.token_trie.size()));
  const std::string metadata = MetadataBytes(plan, pinned_crc, record_crcs);
  return sink->Write(0, metadata.data(), metadata.size());
}

}  // namespace lfm2::tools
