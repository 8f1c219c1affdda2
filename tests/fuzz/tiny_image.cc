#include "tests/fuzz/tiny_image.h"

#include <new>

#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/tiny_vocab.h"

namespace lfm2::fuzz {

namespace {

void Patch(Input* input, std::string* metadata) {
  const bool in_header = input->Below(2) == 0;
  const size_t size = size_t{1} << input->Below(4);
  const size_t place = input->Take<uint16_t>() % (in_header ? sizeof(ImageHeader) : metadata->size());
  const size_t at = place / size * size;
  const uint64_t value = input->Number();
  std::memcpy(&(*metadata)[at], &value, std::min(size, metadata->size() - at));
}

// The CRC of what the header, whatever it says now, takes for the metadata.
void FixCrc(std::string* metadata) {
  ImageHeader h;
  std::memcpy(&h, metadata->data(), sizeof(h));
  h.metadata_crc = 0;
  std::memcpy(&(*metadata)[0], &h, sizeof(h));
  if (h.metadata_bytes > metadata->size()) return;
  h.metadata_crc = Crc32c(0, metadata->data(), static_cast<size_t>(h.metadata_bytes));
  std::memcpy(&(*metadata)[0], &h, sizeof(h));
}

}  // namespace

Memory::Memory(size_t bytes)
    : bytes_(bytes), memory_(static_cast<std::byte*>(::operator new (bytes, std::align_val_t{kAlignment}))) {
  test::XorShift random(1);
  for (size_t i = 0; i < bytes; ++i) memory_[i] = static_cast<std::byte>(random.Next() >> 20);
  noise_.assign(memory_, memory_ + bytes);
}
Memory::~Memory() { ::operator delete (memory_, std::align_val_t{kAlignment}); }

Span<std::byte> Memory::Block(size_t bytes) {
  const size_t whole = RoundUp<size_t>(bytes, kAlignment);
  LFM2_HOLDS(whole <= bytes_);
  return {memory_ + (bytes_ - whole), bytes};
}
void Memory::Forget(Span<std::byte> block) {
  std::memcpy(block.data(), noise_.data() + (block.data() - memory_), block.size());
}

ModelConfig TakeConfig(Input* input) {
  ModelConfig c;
  c.hidden_size = 32u << input->Below(2);
  c.layers = 1 + input->Below(3);
  c.kv_heads = 1 + input->Below(2);
  c.heads = c.kv_heads * (1 + input->Below(2));
  c.head_dim = 32u << input->Below(2);
  c.conv_kernel = 2 + input->Below(7);
  c.dense_layers = std::min(c.layers, input->Below(4));
  const uint32_t dense_ff_size = 32 + 32 * input->Below(2), expert_ff_size = 32 + 32 * input->Below(2);
  const uint32_t experts = 1 + input->Below(4), experts_per_token = 1 + input->Below(experts);
  const uint8_t kinds = input->Byte();
  if (c.dense_layers > 0) c.dense_ff_size = dense_ff_size;
  if (c.dense_layers < c.layers) {
    c.experts = experts;
    c.experts_per_token = experts_per_token;
    c.expert_ff_size = expert_ff_size;
  }
  c.vocab_size = TinyVocab().size();
  c.context_length = 8;
  c.tied_embedding = (kinds & 8) != 0;
  for (uint32_t l = 0; l < c.layers; ++l) {
    c.layer_kind[l] = (kinds >> l & 1) != 0 ? LayerKind::kAttention : LayerKind::kShortConv;
  }
  return c;
}

std::string LayOut(const ModelConfig& config, std::string_view types, uint64_t vocab_bytes,
                   std::string_view token_trie) {
  const MetadataLayout m = LayoutMetadata(config);
  std::string bytes(static_cast<size_t>(m.metadata_bytes), '\0');
  ImageHeader h{};
  std::memcpy(h.magic, kImageMagic, sizeof(h.magic));
  h.version = kImageVersion;
  h.header_bytes = sizeof(ImageHeader);
  h.metadata_bytes = m.metadata_bytes;
  h.directory_offset = m.directory_offset;
  h.record_table_offset = m.record_table_offset;
  h.record_crc_offset = m.record_crc_offset;
  h.pinned_offset = m.pinned_offset;
  h.vocab_bytes = vocab_bytes;
  ConfigToHeader(config, &h);
  LayoutCursor cursor(vocab_bytes);
  std::vector<uint64_t> record_bytes;
  for (uint32_t group = 0; group < TensorGroups(config); ++group) {
    const TensorSpecs specs = TensorGroup(config, group);
    for (uint32_t i = 0; i < specs.count; ++i, ++h.tensor_count) {
      const uint8_t wish = types.empty() ? 0 : static_cast<uint8_t>(types[h.tensor_count % types.size()]) % 19;
      TensorType type = static_cast<TensorType>(wish);
      if (!TypeFits(specs.spec[i], type)) type = TensorType::kF32;
      const TensorEntry entry = cursor.Place(specs.spec[i], type);
      std::memcpy(&bytes[m.directory_offset + h.tensor_count * sizeof(entry)], &entry, sizeof(entry));
      if (specs.spec[i].role == TensorRole::kExpertDown) record_bytes.push_back(cursor.record_bytes());
    }
  }
  h.pinned_bytes = cursor.pinned_bytes();
  h.file_bytes = h.pinned_offset + h.pinned_bytes;
  for (const uint64_t size : record_bytes) {
    const RecordEntry r = {RoundUp<uint64_t>(h.file_bytes, kRecordAlignment), size,
                           RoundUp<uint64_t>(size, kRecordAlignment)};
    std::memcpy(&bytes[m.record_table_offset + h.record_layers++ * sizeof(r)], &r, sizeof(r));
    h.file_bytes = r.offset + config.experts * r.stride;
  }
  if (!token_trie.empty()) {
    h.token_trie_offset = RoundUp<uint64_t>(h.file_bytes, kRecordAlignment);
    h.token_trie_bytes = token_trie.size();
    h.token_trie_crc = Crc32c(0, token_trie.data(), token_trie.size());
    h.file_bytes = h.token_trie_offset + h.token_trie_bytes;
  }
  std::memcpy(&bytes[0], &h, sizeof(h));
  return bytes;
}

void PatchMetadata(Input* input, uint32_t patches, std::string* metadata) {
  for (uint32_t i = 0; i < patches; ++i) Patch(input, metadata);
  FixCrc(metadata);
}

std::vector<std::string> TinyConfigs() {
  return {std::string("\0\1\1\1\1\0\3\1\1\1\1\2", 12), std::string("\1\2\0\1\0\1\1\1\1\3\1\11", 12),
          std::string("\0\0\0\0\0\2\0\0\0\1\0\1", 12), std::string("\1\1\1\1\1\0\1\0\0\0\0\5", 12)};
}

}  // namespace lfm2::fuzz
