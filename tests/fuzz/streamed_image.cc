// An image that is read from a drive with faults, and a session that reads its experts from there. Input: as for the
// image; one damaged byte; the drive, its faults and the arena; and tokens. What is held against it is the same image
// in memory: a drive changes when a token comes, or whether, never which.
#include <memory>
#include <new>

#include "lfm2.h"
#include "tests/fuzz/targets.h"
#include "tests/fuzz/tiny_image.h"
#include "tests/fuzz/tiny_vocab.h"
#include "tests/storage/simulated_device.h"

namespace lfm2::fuzz {
namespace streamed_image {

using test::FaultRates;
using test::SimulatedDevice;
using test::SimulatedDeviceOptions;

constexpr size_t kMaxFileBytes = 1u << 18, kMaxArenaBytes = 1u << 19;

// Memory that ends where it has to, of bytes that would show.
class BlockMemory {
 public:
  explicit BlockMemory(size_t bytes)
      : bytes_(bytes), memory_(static_cast<std::byte*>(::operator new (bytes, std::align_val_t{kRecordAlignment}))) {
    std::memset(memory_, 0xff, bytes_);
  }
  BlockMemory(const BlockMemory&) = delete;
  BlockMemory& operator=(const BlockMemory&) = delete;
  ~BlockMemory() { ::operator delete (memory_, std::align_val_t{kRecordAlignment}); }
  Span<std::byte> span() { return {memory_, bytes_}; }

 private:
  size_t bytes_;
  std::byte* memory_;
};

// Checksums of the weights as they are in the file.
void SetWeightCrcs(const ModelConfig& config, Span<const std::byte> file, std::string* metadata) {
  ImageHeader h = LoadAs<ImageHeader>(metadata->data());
  h.pinned_crc = Crc32c(0, file.data() + h.pinned_offset, static_cast<size_t>(h.pinned_bytes));
  std::memcpy(&(*metadata)[0], &h, sizeof(h));
  for (uint32_t m = 0; m < h.record_layers; ++m) {
    const RecordEntry r = LoadAs<RecordEntry>(metadata->data() + h.record_table_offset + m * sizeof(RecordEntry));
    for (uint32_t e = 0; e < config.experts; ++e) {
      const uint32_t crc = Crc32c(0, file.data() + r.offset + e * r.stride, static_cast<size_t>(r.bytes));
      const size_t at = static_cast<size_t>(h.record_crc_offset) + (m * config.experts + e) * sizeof(crc);
      std::memcpy(&(*metadata)[at], &crc, sizeof(crc));
    }
  }
}

// Whether every checksum is right.
bool IsWhole(const Image& image) {
  bool whole = image.VerifyPinned().ok();
  for (uint32_t m = 0; m < image.config().moe_layers(); ++m) {
    for (uint32_t e = 0; e < image.config().experts; ++e) whole = whole && image.VerifyRecord(m, e).ok();
  }
  return whole;
}

struct Prompt {
  int32_t tokens[4];
  uint32_t count;
  Span<const int32_t> span() const { return {tokens, count}; }
};

SimulatedDeviceOptions TakeDrive(Input* input) {
  SimulatedDeviceOptions drive;
  const uint8_t flags = input->Byte();
  drive.capacity = 1 + flags % 4;
  drive.alignment = (flags & 4) != 0 ? 512 : 4096;
  drive.piece_bytes = 4096u << (flags >> 3 & 3);
  drive.shuffled = (flags & 32) != 0;
  if ((flags & 64) != 0) drive.speed = {50000000, 100000, 4};
  drive.seed = input->Byte();
  return drive;
}

FaultRates TakeRates(Input* input) {
  FaultRates rates;
  const auto rate = [input] { return input->Below(8) * 0.02; };
  rates.io_error = rate();
  rates.short_read = rate();
  rates.bad_bits = rate();
  rates.timeout = rate();
  rates.vanish = rate();
  rates.vanished_reads = 1 + input->Below(8);
  return rates;
}

// The logits after the prompt; none where the prompt is refused.
std::vector<float> ResidentLogits(const Image& image, const SessionOptions& options, const Prompt& prompt) {
  BlockMemory arena(static_cast<size_t>(MakePlan(image.config(), options).total_bytes));
  const auto session = std::make_unique<Session>();
  LFM2_HOLDS(session->Open(image, options, arena.span()).ok());
  if (!session->Prefill(prompt.span()).ok()) return {};
  return {session->logits().begin(), session->logits().end()};
}

// A read that a timeout left under way may time out again, three times at most.
template <class Call>
Status PastTimeouts(const Call& call) {
  Status status = call();
  for (int more = 3; more > 0 && status.code() == StatusCode::kTimeout; --more) status = call();
  return status;
}

// A new image each time.
Status OpenStreamed(const SimulatedDevice& device, Span<std::byte> arena, std::unique_ptr<Image>* image,
                    Span<std::byte>* rest) {
  *image = std::make_unique<Image>();
  return (*image)->Open(device, arena, rest);
}

void RunStreamed(const Image& resident, bool damaged, SimulatedDevice* device, const FaultRates& rates, Input* input) {
  SessionOptions options;
  const uint8_t flags = input->Byte();
  options.context_length = std::min<uint32_t>(1 + flags % 4, resident.config().context_length);
  options.prefill_chunk = 1 + flags / 4 % 3;
  options.read_retries = flags / 16 % 3;
  options.read_ahead = (flags & 64) != 0;
  const StreamShape shape = StreamShapeOf(resident, true);
  options.arena_bytes = MakePlan(resident.config(), options, shape).least_bytes + input->Byte() * uint64_t{2048};
  const uint64_t needed = MakePlan(resident.config(), options, shape).total_bytes;
  if (needed > kMaxArenaBytes) return;
  LFM2_HOLDS(needed <= options.arena_bytes);
  Prompt prompt;
  for (int32_t& token : prompt.tokens) token = static_cast<int32_t>(input->Take<uint16_t>()) - 1;
  prompt.count = 1 + input->Below(4);
  const bool whole = !damaged && IsWhole(resident);

  BlockMemory arena(static_cast<size_t>(needed));
  std::unique_ptr<Image> image;
  Span<std::byte> rest;
  device->SetRates(rates);
  Status status = OpenStreamed(*device, arena.span(), &image, &rest);
  CheckSentence(status);
  if (!status.ok()) {
    device->Heal();
    status = PastTimeouts([&] { return OpenStreamed(*device, arena.span(), &image, &rest); });
    LFM2_HOLDS(status.ok() || !whole);
    if (!status.ok()) return;
    device->SetRates(rates);
  }
  const auto session = std::make_unique<Session>();
  status = session->Open(*image, options, rest);
  CheckSentence(status);
  LFM2_HOLDS(status.ok() || device->faults() > 0);
  if (!status.ok()) return;

  status = session->Prefill(prompt.span());
  CheckSentence(status);
  if (!status.ok()) {
    LFM2_HOLDS(session->position() == 0 && session->logits().size() == 0);
    device->Heal();
    status = PastTimeouts([&] { return session->Prefill(prompt.span()); });
  }
  if (!status.ok() && !whole) return;
  const std::vector<float> want = ResidentLogits(resident, options, prompt);
  LFM2_HOLDS(status.ok() == !want.empty());
  if (!status.ok()) return;
  LFM2_HOLDS(session->position() == prompt.count && session->logits().size() == want.size());
  LFM2_HOLDS(std::memcmp(session->logits().data(), want.data(), want.size() * sizeof(float)) == 0);
}

void Run(std::string_view bytes) {
  static const std::string vocab = BuiltVocab(TinyVocabSource());
  static Memory memory(kMaxFileBytes);
  Input input(bytes);
  const ModelConfig config = TakeConfig(&input);
  const std::string_view types = input.Bytes(input.Below(8));
  const uint32_t patches = input.Below(3);
  std::string metadata = LayOut(config, types, vocab.size());
  const ImageHeader good = LoadAs<ImageHeader>(metadata.data());
  if (good.file_bytes > kMaxFileBytes) return;
  const Span<std::byte> file = memory.Block(static_cast<size_t>(good.file_bytes));
  const Span<std::byte> front = file.subspan(0, static_cast<size_t>(good.pinned_offset) + vocab.size());
  std::memset(front.data(), 0, front.size());
  std::memcpy(front.data() + good.pinned_offset, vocab.data(), vocab.size());
  SetWeightCrcs(config, file, &metadata);
  PatchMetadata(&input, patches, &metadata);
  std::memcpy(front.data(), metadata.data(), metadata.size());

  const SimulatedDeviceOptions drive = TakeDrive(&input);
  const FaultRates rates = TakeRates(&input);
  const uint32_t damage = input.Take<uint32_t>();
  // What the session in memory is to compute with stays as it was.
  std::vector<std::byte> on_drive(file.begin(), file.end());
  const bool damaged = damage % 4 == 1;
  if (damaged) on_drive[damage / 4 % on_drive.size()] ^= std::byte{1};
  SimulatedDevice device({on_drive.data(), on_drive.size()}, drive);

  Image resident;
  const MemoryStorage storage(file);
  const Status opened = resident.Open(storage);
  LFM2_HOLDS(opened.ok() || patches > 0);
  if (opened.ok()) {
    RunStreamed(resident, damaged, &device, rates, &input);
  } else if (!damaged) {
    device.SetRates(rates);
    BlockMemory arena(RoundUp<size_t>(on_drive.size(), kRecordAlignment));
    std::unique_ptr<Image> image;
    Span<std::byte> rest;
    const Status refused = OpenStreamed(device, arena.span(), &image, &rest);
    CheckSentence(refused);
    LFM2_HOLDS(!refused.ok());
  }
  memory.Forget(front);
}

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  // A drive without faults and one with all of them; a damaged byte; a field of the header changed.
  const std::string calm = std::string("\43\1\0\0\0\0\0\0", 8), rough = "\2\7\2\1\2\1\1\3";
  const std::string none = std::string(4, '\0'), tokens = std::string("\102\4\5\0\6\0\11\0\3\0\3", 11);
  for (const std::string& config : TinyConfigs()) {
    for (const std::string& types : {std::string("\2\11\11", 3), std::string("\3\13\6\2", 4)}) {
      const std::string sound = config + types + '\0';
      seeds.push_back(sound + calm + none + tokens);
      seeds.push_back(sound + rough + none + tokens);
      seeds.push_back(sound + calm + std::string("\1\40\1\0", 4) + tokens);
      seeds.push_back(config + types + std::string("\1\0\2\140\0\5\2", 7) + calm + none + tokens);
    }
  }
  return seeds;
}

std::vector<std::string> Words() { return {std::string(4, '\xff'), std::string(4, '\0'), "\7\7\7\7\7"}; }

}  // namespace streamed_image

const Target kStreamedImage = {"streamed_image", 96, &streamed_image::Run, &streamed_image::Seeds,
                               &streamed_image::Words};

}  // namespace lfm2::fuzz
