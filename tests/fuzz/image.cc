// The model image, and a session on it. Input: a config and types, of which a well-formed image is laid out; changes to
// its metadata, whose CRC is then made right, so that they get behind it; and tokens.
#include <memory>
#include <new>

#include "lfm2.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/targets.h"
#include "tests/fuzz/tiny_vocab.h"

namespace lfm2::fuzz {
namespace {

constexpr size_t kMaxFileBytes = 1u << 20, kMaxArenaBytes = 1u << 20;

// Memory of which a block of any size can be had that ends where the memory ends, so that a sanitizer sees every read
// and write beyond it. Noise, and noise again once what was written to it is forgotten.
class Memory {
 public:
  explicit Memory(size_t bytes)
      : bytes_(bytes), memory_(static_cast<std::byte*>(::operator new (bytes, std::align_val_t{kAlignment}))) {
    test::Random random(1);
    for (size_t i = 0; i < bytes; ++i) memory_[i] = static_cast<std::byte>(random.Next() >> 20);
    noise_.assign(memory_, memory_ + bytes);
  }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory() { ::operator delete (memory_, std::align_val_t{kAlignment}); }

  Span<std::byte> Block(size_t bytes) {
    const size_t whole = RoundUp<size_t>(bytes, kAlignment);
    LFM2_HOLDS(whole <= bytes_);
    return {memory_ + (bytes_ - whole), bytes};
  }
  void Forget(Span<std::byte> block) {
    std::memcpy(block.data(), noise_.data() + (block.data() - memory_), block.size());
  }

 private:
  size_t bytes_;
  std::byte* memory_;
  std::vector<std::byte> noise_;
};

// Of 12 bytes, whatever they are.
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

// Metadata of a well-formed image, as lfm2-pack lays it out. types: what the matrices have in turns.
std::string LayOut(const ModelConfig& config, std::string_view types, uint64_t vocab_bytes) {
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
  std::memcpy(&bytes[0], &h, sizeof(h));
  return bytes;
}

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

void CheckPlaces(const Image& image, Span<const std::byte> file) {
  const auto within = [&file](const uint8_t* data, uint64_t bytes) {
    const uint8_t* const begin = reinterpret_cast<const uint8_t*>(file.data());
    return data != nullptr && data >= begin && bytes <= file.size() &&
           static_cast<uint64_t>(data - begin) <= file.size() - bytes;
  };
  for (uint32_t i = 0; i < image.tensor_count(); ++i) {
    const TensorEntry t = image.tensor(i);
    if (t.role < static_cast<uint16_t>(TensorRole::kExpertGate)) LFM2_HOLDS(within(image.PinnedData(t), t.bytes));
  }
  for (uint32_t m = 0; m < image.config().moe_layers(); ++m) {
    for (uint32_t e = 0; e < image.config().experts; ++e) {
      LFM2_HOLDS(within(image.Record(m, e), image.record_layer(m).bytes));
      static_cast<void>(image.record_crc(m, e));
    }
  }
}

void RunSession(const Image& image, Input* input) {
  SessionOptions options;
  const uint8_t flags = input->Byte();
  options.context_length = 1 + flags % 4;
  options.prefill_chunk = 1 + flags / 4 % 3;
  if ((flags & 128) != 0) options.kv_cache = KvCacheType::kInt8;
  const uint64_t needed = MakePlan(image.config(), options).total_bytes;
  if (needed > kMaxArenaBytes) return;
  static Memory memory(kMaxArenaBytes);
  const Span<std::byte> arena = memory.Block(static_cast<size_t>(needed));
  const auto session = std::make_unique<Session>();
  const Status opened = session->Open(image, options, arena);
  CheckSentence(opened);
  if (!opened.ok()) return;
  int32_t tokens[4];
  for (int32_t& token : tokens) token = static_cast<int32_t>(input->Take<uint16_t>()) - 1;
  const uint32_t count = 1 + input->Below(2);
  const Status status = session->Prefill({tokens, count});
  CheckSentence(status);
  bool known = count <= options.context_length;
  for (uint32_t i = 0; i < count; ++i) known = known && image.vocab().Contains(tokens[i]);
  LFM2_HOLDS(status.ok() == known);
  LFM2_HOLDS(session->position() == (known ? count : 0));
  if (known) LFM2_HOLDS(session->logits().size() == image.config().vocab_size);
}

void Run(std::string_view bytes) {
  static const std::string vocab = BuiltVocab(TinyVocabSource());
  static Memory memory(kMaxFileBytes);
  Input input(bytes);
  const ModelConfig config = TakeConfig(&input);
  const std::string_view types = input.Bytes(input.Below(8));
  const uint32_t patches = input.Below(4);
  std::string metadata = LayOut(config, types, vocab.size());
  const ImageHeader good = LoadAs<ImageHeader>(metadata.data());
  if (good.file_bytes > kMaxFileBytes) return;
  for (uint32_t i = 0; i < patches; ++i) Patch(&input, &metadata);
  FixCrc(&metadata);

  const Span<std::byte> file = memory.Block(static_cast<size_t>(good.file_bytes));
  const Span<std::byte> front = file.subspan(0, static_cast<size_t>(good.pinned_offset) + vocab.size());
  std::memset(front.data(), 0, front.size());
  std::memcpy(front.data(), metadata.data(), metadata.size());
  std::memcpy(front.data() + good.pinned_offset, vocab.data(), vocab.size());
  const MemoryStorage storage(file);
  Image image;
  const Status status = image.Open(storage);
  CheckSentence(status);
  LFM2_HOLDS(status.ok() || patches > 0);
  if (status.ok()) {
    LFM2_HOLDS(CheckConfig(image.config()).ok() && image.file_bytes() <= file.size());
    CheckPlaces(image, file);
    if (input.Below(2) == 1) RunSession(image, &input);
  }
  memory.Forget(front);
}

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  // Layers of each kind, dense and with experts; every type; unchanged, and with a field of the header changed.
  for (const std::string& config :
       {std::string("\0\1\1\1\1\0\3\1\1\1\1\2", 12), std::string("\1\2\0\1\0\1\1\1\1\3\1\11", 12),
        std::string("\0\0\0\0\0\2\0\0\0\1\0\1", 12), std::string("\1\1\1\1\1\0\1\0\0\0\0\5", 12)}) {
    for (char type = 0; type < 19; type = static_cast<char>(type + 3)) {
      std::string types = "\3";
      for (const int next : {0, 1, 2}) types += static_cast<char>(type + next);
      seeds.push_back(config + types + std::string("\0\1\5\2\0\3\0\2\0\3\0\1", 12));
      seeds.push_back(config + types + std::string("\1\0\2\140\0\5\2\1\5\2\0\3\0\2\0\3\0\1", 18));
    }
  }
  return seeds;
}

std::vector<std::string> Words() {
  return {std::string(4, '\xff'), std::string(4, '\0'), std::string("\0\0\300\177", 4)};
}

}  // namespace

const Target kImage = {"image", 96, &Run, &Seeds, &Words};

}  // namespace lfm2::fuzz
