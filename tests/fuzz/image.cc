// The model image, and a session on it. Input: a config and types, of which a well-formed image is laid out; changes to
// its metadata, whose CRC is then made right, so that the changes get past it; and tokens.
#include <memory>

#include "lfm2.h"
#include "tests/fuzz/targets.h"
#include "tests/fuzz/tiny_image.h"
#include "tests/fuzz/tiny_vocab.h"

namespace lfm2::fuzz {
namespace image {

constexpr size_t kMaxFileBytes = 1u << 20, kMaxArenaBytes = 1u << 20;

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

// want: what was put there; patched: whether the header may say something else now.
void CheckTrie(const Image& image, std::string_view want, bool patched) {
  TokenTrie trie;
  LFM2_HOLDS((image.token_trie_bytes() == want.size()) || patched);
  const Status status = image.OpenTokenTrie(&trie);
  CheckSentence(status);
  CheckSentence(image.VerifyTokenTrie());
  LFM2_HOLDS(status.ok() == (trie.token_count() > 0));
  LFM2_HOLDS(status.ok() == (image.token_trie_bytes() > 0) || patched);
  if (status.ok()) LFM2_HOLDS(CheckTokenTrie(image.vocab(), trie).ok() && (image.VerifyTokenTrie().ok() || patched));
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
  // The weights are what happens to be in memory, and norms of zeros are no numbers where norm_eps is 0.
  LFM2_HOLDS(known ? status.ok() || status.code() == StatusCode::kNotFinite : !status.ok());
  LFM2_HOLDS(session->position() == (status.ok() ? count : 0));
  if (status.ok()) LFM2_HOLDS(session->logits().size() == image.config().vocab_size);
}

void Run(std::string_view bytes) {
  static const std::string vocab = BuiltVocab(TinyVocabSource());
  static Memory memory(kMaxFileBytes);
  Input input(bytes);
  const ModelConfig config = TakeConfig(&input);
  const std::string_view types = input.Bytes(input.Below(8));
  // Half of the images have a token trie.
  const uint32_t choice = input.Below(8), patches = choice % 4;
  const std::string_view trie = choice < 4 ? std::string_view() : std::string_view(TinyTrie());
  std::string metadata = LayOut(config, types, vocab.size(), trie);
  const ImageHeader good = LoadAs<ImageHeader>(metadata.data());
  if (good.file_bytes > kMaxFileBytes) return;
  PatchMetadata(&input, patches, &metadata);

  const Span<std::byte> file = memory.Block(static_cast<size_t>(good.file_bytes));
  const Span<std::byte> front = file.subspan(0, static_cast<size_t>(good.pinned_offset) + vocab.size());
  std::memset(front.data(), 0, front.size());
  std::memcpy(front.data(), metadata.data(), metadata.size());
  std::memcpy(front.data() + good.pinned_offset, vocab.data(), vocab.size());
  const Span<std::byte> end = file.subspan(file.size() - trie.size(), trie.size());
  for (size_t i = 0; i < trie.size(); ++i) end[i] = static_cast<std::byte>(trie[i]);
  const MemoryStorage storage(file);
  Image image;
  const Status status = image.Open(storage);
  CheckSentence(status);
  LFM2_HOLDS(status.ok() || patches > 0);
  if (status.ok()) {
    LFM2_HOLDS(CheckConfig(image.config()).ok() && image.file_bytes() <= file.size());
    CheckPlaces(image, file);
    CheckTrie(image, trie, patches > 0);
    if (input.Below(2) == 1) RunSession(image, &input);
  }
  memory.Forget(front);
  memory.Forget(end);
}

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  // Every type; unchanged, and with a field of the header changed.
  for (const std::string& config : TinyConfigs()) {
    for (char type = 0; type < 19; type = static_cast<char>(type + 3)) {
      std::string types = "\3";
      for (const int next : {0, 1, 2}) types += static_cast<char>(type + next);
      seeds.push_back(config + types + std::string("\0\1\5\2\0\3\0\2\0\3\0\1", 12));
      seeds.push_back(config + types + std::string("\1\0\2\140\0\5\2\1\5\2\0\3\0\2\0\3\0\1", 18));
      seeds.push_back(config + types + std::string("\4\1\5\2\0\3\0\2\0\3\0\1", 12));
    }
  }
  return seeds;
}

std::vector<std::string> Words() {
  return {std::string(4, '\xff'), std::string(4, '\0'), std::string("\0\0\300\177", 4)};
}

}  // namespace image

const Target kImage = {"image", 96, &image::Run, &image::Seeds, &image::Words};

}  // namespace lfm2::fuzz
