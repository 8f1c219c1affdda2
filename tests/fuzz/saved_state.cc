// A saved state, alone and in the two slots of a store. Input: which state, changes to it, whose CRCs are then made
// right or not, and where it is cut. What loads is saved again and must be the same bytes; what does not leaves
// nothing.
#include <algorithm>
#include <memory>

#include "lfm2.h"
#include "tests/fuzz/targets.h"
#include "tests/fuzz/tiny_image.h"
#include "tests/fuzz/tiny_vocab.h"

namespace lfm2::fuzz {
namespace saved_state {

constexpr uint32_t kContext = 24, kBlockBytes = 512;
constexpr KvCacheType kCaches[] = {KvCacheType::kF16, KvCacheType::kF32, KvCacheType::kInt8};
// Of the states that there are to begin with: a block of keys that is not full, is full, and nothing at all.
constexpr uint32_t kPositions[] = {0, 5, 16, 19};

ModelConfig Config() {
  ModelConfig c;
  c.hidden_size = c.head_dim = c.dense_ff_size = 32;
  c.layers = c.dense_layers = 3;
  c.kv_heads = 1;
  c.heads = 2;
  c.vocab_size = TinyVocab().size();
  c.context_length = 32;
  c.layer_kind[1] = c.layer_kind[2] = LayerKind::kAttention;
  return c;
}

// A model whose weights are all the same small number.
class Model {
 public:
  Model() {
    const std::string vocab = BuiltVocab(TinyVocabSource());
    const std::string metadata = LayOut(Config(), {}, vocab.size());
    const ImageHeader header = LoadAs<ImageHeader>(metadata.data());
    memory_ = std::make_unique<Memory>(static_cast<size_t>(header.file_bytes) + kAlignment);
    const Span<std::byte> file = memory_->Block(static_cast<size_t>(header.file_bytes));
    std::memset(file.data(), 0x3c, file.size());
    std::memset(file.data(), 0, static_cast<size_t>(header.pinned_offset));
    std::memcpy(file.data(), metadata.data(), metadata.size());
    std::memcpy(file.data() + header.pinned_offset, vocab.data(), vocab.size());
    std::string fixed(metadata);
    Input none("");
    PatchMetadata(&none, 0, &fixed);
    std::memcpy(file.data(), fixed.data(), fixed.size());
    storage_ = std::make_unique<MemoryStorage>(file);
    LFM2_HOLDS(image_.Open(*storage_).ok());
  }
  const Image& image() const { return image_; }

 private:
  std::unique_ptr<Memory> memory_;
  std::unique_ptr<MemoryStorage> storage_;
  Image image_;
};

// A session for each type of the cache, and the states that it has been in.
struct Opened {
  explicit Opened(const Image& image, KvCacheType type) {
    SessionOptions options;
    options.context_length = kContext;
    options.kv_cache = type;
    const size_t bytes = static_cast<size_t>(MakePlan(image.config(), options).total_bytes);
    memory = std::make_unique<Memory>(bytes + kAlignment);
    LFM2_HOLDS(session.Open(image, options, memory->Block(bytes)).ok());
    for (const uint32_t positions : kPositions) {
      session.Reset();
      for (uint32_t i = 0; i < positions; ++i) LFM2_HOLDS(session.Decode(static_cast<int32_t>(i * 7 + 3)).ok());
      for (const bool with_logits : {false, true}) {
        StateNote note;
        note.size = positions;
        states.push_back(Saved(note, with_logits));
      }
    }
  }
  std::string Saved(const StateNote& note, bool with_logits) const {
    std::string bytes;
    const auto sink = [&](Span<const std::byte> more) {
      bytes.append(reinterpret_cast<const char*>(more.data()), more.size());
    };
    LFM2_HOLDS(session.Save(sink, note, with_logits).ok());
    return bytes;
  }
  std::unique_ptr<Memory> memory;
  Session session;
  std::vector<std::string> states;
};

Opened& OpenedWith(uint32_t type) {
  static const Model model;
  static Opened opened[] = {Opened(model.image(), kCaches[0]), Opened(model.image(), kCaches[1]),
                            Opened(model.image(), kCaches[2])};
  return opened[type];
}

void FixCrc(std::string* bytes, size_t begin, size_t end) {
  if (end + sizeof(uint32_t) > bytes->size()) return;
  const uint32_t crc = Crc32c(0, bytes->data() + begin, end - begin);
  std::memcpy(&(*bytes)[end], &crc, sizeof(crc));
}

// Makes the CRC of every part right that lies where the header, as it is now, says.
void FixCrcs(std::string* bytes, KvCacheType type) {
  if (bytes->size() < sizeof(SavedStateHeader)) return;
  FixCrc(bytes, 0, offsetof(SavedStateHeader, crc));
  const SavedStateHeader h = LoadAs<SavedStateHeader>(bytes->data());
  const ModelConfig c = Config();
  const uint64_t layer = 2 * KvCacheBytes(type, c.kv_heads, h.position, c.head_dim);
  const uint64_t sizes[] = {h.note_bytes,
                            uint64_t{3} * h.position,
                            State::ConvFloats(c) * sizeof(float),
                            layer,
                            layer,
                            (c.vocab_size + c.hidden_size) * sizeof(float)};
  uint64_t at = sizeof(h);
  for (const uint64_t size : sizes) {
    if (at + size > bytes->size()) return;
    FixCrc(bytes, static_cast<size_t>(at), static_cast<size_t>(at + size));
    at += size + sizeof(uint32_t);
  }
}

std::string TakeState(Input* input, uint32_t* type) {
  const uint8_t flags = input->Byte();
  *type = flags % 3;
  const std::vector<std::string>& states = OpenedWith(*type).states;
  std::string state = states[input->Below(states.size())];
  const uint32_t edits = flags / 4 % 8;
  for (uint32_t i = 0; i < edits; ++i) {
    const bool in_header = input->Below(2) == 0;
    const size_t size = size_t{1} << input->Below(4);
    const size_t at = input->Take<uint16_t>() % (in_header ? sizeof(SavedStateHeader) : state.size()) / size * size;
    const uint64_t value = input->Number();
    std::memcpy(&state[at], &value, std::min(size, state.size() - at));
  }
  if ((flags & 32) != 0) FixCrcs(&state, kCaches[*type]);
  if ((flags & 64) != 0) state.resize(input->Take<uint16_t>() % (state.size() + 64), '\x5a');
  return state;
}

// Loads it, asks what has to hold, and computes with what has been loaded.
void LoadState(const std::string& state, uint32_t type, bool decodes) {
  Opened& opened = OpenedWith(type);
  Session& session = opened.session;
  // Its memory ends where the bytes end, so that a sanitizer sees whatever is read beyond them.
  const std::vector<char> bytes(state.begin(), state.end());
  size_t at = 0;
  const auto source = [&](Span<std::byte> to) {
    if (to.size() > bytes.size() - at) return false;
    if (!to.empty()) std::memcpy(to.data(), bytes.data() + at, to.size());
    at += to.size();
    return true;
  };
  StateNote note;
  const Status status = session.Load(source, &note);
  CheckSentence(status);
  if (!status.ok()) {
    LFM2_HOLDS(status.code() != StatusCode::kFailedPrecondition);
    LFM2_HOLDS(session.position() == 0 && session.logits().empty() && note.size == 0);
    return;
  }
  LFM2_HOLDS(session.position() <= kContext && note.size <= StateNote::kCapacity);
  for (const int32_t id : session.tokens()) LFM2_HOLDS(session.image().vocab().Contains(id));
  LFM2_HOLDS(at ==
             SavedStateBytes(Config(), session.options(), session.position(), !session.logits().empty(), note.size));
  LFM2_HOLDS(opened.Saved(note, true) == state.substr(0, at));
  if (!decodes) return;
  const uint32_t position = session.position();
  const Status decoded = session.Decode(1);
  CheckSentence(decoded);
  LFM2_HOLDS(session.position() == position + (decoded.ok() ? 1 : 0));
}

// Flash of two slots, as large as the largest state needs and a block more.
struct Flash {
  static constexpr uint32_t kBlocks = 2 * 32;
  std::vector<std::byte> bytes = std::vector<std::byte>(size_t{kBlocks} * kBlockBytes, std::byte{0xff});

  BlockDevice device() {
    BlockDevice device;
    device.context = this;
    device.bytes = bytes.size();
    device.read = [](void* context, uint64_t block, uint32_t blocks, std::byte* to) {
      LFM2_HOLDS(block < kBlocks && blocks <= kBlocks - block);
      std::memcpy(to, static_cast<Flash*>(context)->bytes.data() + block * kBlockBytes, size_t{blocks} * kBlockBytes);
      return 0;
    };
    device.write = [](void* context, uint64_t block, uint32_t blocks, const std::byte* from) {
      LFM2_HOLDS(block < kBlocks && blocks <= kBlocks - block);
      std::memcpy(static_cast<Flash*>(context)->bytes.data() + block * kBlockBytes, from, size_t{blocks} * kBlockBytes);
      return 0;
    };
    return device;
  }
};

void RunStore(Input* input) {
  alignas(kBlockBytes) std::byte block[kBlockBytes];
  static Flash flash;
  flash.bytes.assign(flash.bytes.size(), std::byte{0xff});
  uint32_t type = 0;
  StateStore store;
  LFM2_HOLDS(store.Open(flash.device(), block).ok() && store.sequence() == 0);
  // Both slots have whatever states, whole or not.
  for (uint32_t i = 0; i < 2; ++i) {
    const std::string state = TakeState(input, &type);
    const Status saved = store.SaveBy([&](StateSink sink) {
      const bool taken = sink({reinterpret_cast<const std::byte*>(state.data()), state.size()});
      return taken ? Status() : Status(StatusCode::kIo, "state", "was not taken");
    });
    LFM2_HOLDS(saved.ok() == (state.size() <= store.slot_bytes()));
  }
  store.Close();
  const uint32_t edits = input->Below(4);
  for (uint32_t i = 0; i < edits; ++i) {
    const uint32_t slot = input->Below(2) * (Flash::kBlocks / 2) * kBlockBytes;
    const size_t size = size_t{1} << input->Below(4);
    const size_t at = slot + input->Take<uint16_t>() % (kBlockBytes * 2) / size * size;
    const uint64_t value = input->Number();
    std::memcpy(flash.bytes.data() + at, &value, size);
    // The header's CRC is after 28 bytes.
    const uint32_t crc = Crc32c(0, flash.bytes.data() + slot, 28);
    if (input->Below(2) == 0) std::memcpy(flash.bytes.data() + slot + 28, &crc, sizeof(crc));
  }
  LFM2_HOLDS(store.Open(flash.device(), block).ok());
  Session& session = OpenedWith(type).session;
  StateNote note;
  Status damage;
  const bool loads = input->Below(2) == 0;
  if (loads) {
    const Status loaded = store.Load(&session, &note, &damage);
    CheckSentence(loaded);
    CheckSentence(damage);
    if (!loaded.ok() && store.sequence() > 0) LFM2_HOLDS(session.position() == 0 && session.logits().empty());
    LFM2_HOLDS(!loaded.ok() || store.sequence() > 0);
  }
  const uint64_t sequence = store.sequence();
  const std::string want = OpenedWith(type).Saved(note, true);
  LFM2_HOLDS(store.Save(session, note, true).ok());
  LFM2_HOLDS(store.sequence() > sequence);
  if (store.sequence() == UINT64_MAX) return;  // after which nobody counts on
  store.Close();
  LFM2_HOLDS(store.Open(flash.device(), block).ok());
  LFM2_HOLDS(store.Load(&session, &note, &damage).ok() && damage.ok());
  LFM2_HOLDS(OpenedWith(type).Saved(note, true) == want);
}

void Run(std::string_view bytes) {
  Input input(bytes);
  const uint8_t mode = input.Byte();
  if (mode % 4 == 0) return RunStore(&input);
  uint32_t type = 0;
  const std::string state = TakeState(&input, &type);
  // Of its own session, and once in a while of another.
  LoadState(state, mode % 4 == 1 ? input.Below(3) : type, (mode & 16) != 0);
}

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  for (char type = 0; type < 3; ++type) {
    for (char state = 0; state < 8; ++state) {
      const std::string which = {type, state};
      seeds.push_back("\x12" + which);
      // A position and a note of another length, a changed byte; with the right CRCs, and cut.
      const std::string edits = std::string("\0\2\34\0\0\6\1\1\60\0\3\1\1\0\200\1\1\300", 18);
      seeds.push_back(std::string("\x12") + static_cast<char>(type + 3 * 4 + 32) + state + edits);
      seeds.push_back(std::string("\x02") + static_cast<char>(type + 64) + state + std::string("\200\2", 2));
      seeds.push_back(std::string("\0", 1) + which + which + std::string("\1\0\3\10\0\0\7\0\0", 9));
    }
  }
  return seeds;
}

std::vector<std::string> Words() { return {std::string(4, '\xff'), std::string(4, '\0'), "LFM2STAT", "LFM2SLOT"}; }

}  // namespace saved_state

const Target kSavedState = {"saved_state", 96, &saved_state::Run, &saved_state::Seeds, &saved_state::Words};

}  // namespace lfm2::fuzz
