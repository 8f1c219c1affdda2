// A model image. Open validates its header and directory, so that later reads need no checks.
#ifndef LFM2_FORMAT_IMAGE_H_
#define LFM2_FORMAT_IMAGE_H_

#include <cstring>

#include "lfm2/base/crc32c.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/format/image_layout.h"
#include "lfm2/format/model_config.h"
#include "lfm2/format/tensor_list.h"
#include "lfm2/format/token_trie.h"
#include "lfm2/format/vocab.h"
#include "lfm2/storage/read_queue.h"
#include "lfm2/storage/storage.h"

namespace lfm2 {

struct StreamedExperts;

// A view of the storage, or of memory that the front part was read to; copies only the config. Cannot be copied or
// moved, because sessions refer to its address. The storage stays valid until the image is closed; the image outlives
// every Session opened on it. Const calls may come from several threads. While it is closed, queries return empty
// values.
class Image {
 public:
  constexpr Image() = default;
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;

  // Checks magic, version, CRC of the metadata, config, every tensor's shape, type, offset and size, the record table
  // and the vocabulary's tables. Does not read the weights of an addressable storage: see VerifyPinned and
  // VerifyRecord. Errors, after which it is closed: kFailedPrecondition if open already (then it stays open), or if the
  // storage is not open; kInvalidArgument for a storage that has to be read, or that has no aligned address for the
  // image; kCorrupt, kUnsupported, naming the field.
  Status Open(const Storage& storage) {
    if (is_open()) return AlreadyOpen();
    const Status status = OpenMapped(storage);
    if (!status.ok()) Close();
    return status;
  }
  Status Open(const Storage&& temporary) = delete;

  // The same for both kinds of storage. If it has to be read, the front of the file, up to the first expert, is read
  // into the front of `arena` and its CRC is checked; *rest is the remaining arena, for the session. Of an addressable
  // storage nothing is read, and *rest is the whole arena. arena: aligned to kRecordAlignment, outlives the image.
  // Errors: as above; kInvalidArgument for a misaligned arena or a null `rest`; kArenaTooSmall, where limit() is the
  // size of the front of the file, or of its metadata if even those do not fit; what the storage's queue reports.
  // Programs that never call it do not link the code that reads.
  LFM2_FUNCTION Status Open(const Storage& storage, Span<std::byte> arena, Span<std::byte>* rest);
  Status Open(const Storage&& temporary, Span<std::byte> arena, Span<std::byte>* rest) = delete;

  // Open may be called again afterwards. No session may be open on it. Closing twice does nothing.
  void Close() {
    storage_ = nullptr;
    memory_ = nullptr;
    streamed_ = nullptr;
    header_ = ImageHeader();
    config_ = ModelConfig();
    vocab_ = Vocab();
  }

  bool is_open() const { return storage_ != nullptr; }
  // Whether experts are read on demand: Record then returns nullptr.
  bool is_streamed() const { return streamed_ != nullptr; }
  // The code that a session computes such experts with (layers/streamed_experts.h).
  const StreamedExperts* streamed_experts() const { return streamed_; }
  // Only valid once open.
  const Storage& storage() const {
    LFM2_ASSERT(is_open());
    return *storage_;
  }
  const ModelConfig& config() const { return config_; }
  const Vocab& vocab() const { return vocab_; }
  // The publisher's name for the model; may be empty.
  const char* name() const { return header_.name; }
  // The publisher's recommendation; fields without one are unset. Conversation uses it for options that are unset.
  Sampling sampling() const { return SamplingFromHeader(header_); }
  uint64_t file_bytes() const { return header_.file_bytes; }
  uint64_t pinned_bytes() const { return header_.pinned_bytes; }
  // Size of metadata and pinned part: the front of the file, up to the first expert, which has to be in memory.
  uint64_t front_bytes() const {
    return RoundUp<uint64_t>(header_.pinned_offset + header_.pinned_bytes, kRecordAlignment);
  }
  // The memory that the image uses, which must not change while it is open: the whole file of an addressable storage,
  // else the front of the arena that it was opened with.
  Span<const std::byte> memory() const {
    return {memory_, static_cast<size_t>(is_streamed() ? front_bytes() : header_.file_bytes)};
  }
  // Identifies the model and its quantisation: the CRC of the metadata, which contain the CRCs of everything else.
  // Equal for equal images in any storage. 0 while closed.
  uint32_t fingerprint() const { return header_.metadata_crc; }
  uint32_t tensor_count() const { return header_.tensor_count; }

  // Entry i of the directory, in the order of TensorGroup (tensor_list.h); all zero if i is not below tensor_count().
  TensorEntry tensor(uint32_t i) const {
    if (i >= header_.tensor_count) return TensorEntry();
    return LoadAs<TensorEntry>(memory_ + header_.directory_offset + i * sizeof(TensorEntry));
  }
  // Data of a tensor that belongs to no expert; nullptr if the entry is not within the pinned part.
  const uint8_t* PinnedData(const TensorEntry& entry) const {
    if (entry.bytes > header_.pinned_bytes || entry.offset > header_.pinned_bytes - entry.bytes) return nullptr;
    return reinterpret_cast<const uint8_t*>(pinned() + static_cast<size_t>(entry.offset));
  }
  // The records of MoE layer m = layer - dense_layers; all zero if there is no such layer.
  RecordEntry record_layer(uint32_t moe_layer) const {
    if (moe_layer >= header_.record_layers) return RecordEntry();
    return LoadAs<RecordEntry>(memory_ + header_.record_table_offset + moe_layer * sizeof(RecordEntry));
  }
  // One expert's gate, up and down, at the offsets in the layer's directory entries. nullptr if there is no such
  // expert, or experts are read on demand.
  const uint8_t* Record(uint32_t moe_layer, uint32_t expert) const {
    if (is_streamed() || !HasRecord(moe_layer, expert)) return nullptr;
    const RecordEntry r = record_layer(moe_layer);
    return reinterpret_cast<const uint8_t*>(memory_ + static_cast<size_t>(r.offset + expert * r.stride));
  }
  // CRC-32C of a record's `bytes`; 0 if there is no such expert.
  uint32_t record_crc(uint32_t moe_layer, uint32_t expert) const {
    if (!HasRecord(moe_layer, expert)) return 0;
    const uint32_t record = moe_layer * config_.experts + expert;
    return LoadAs<uint32_t>(memory_ + header_.record_crc_offset + record * sizeof(uint32_t));
  }

  // The size of the token trie at the end of the file; 0 if it has none. Open does not check it.
  uint64_t token_trie_bytes() const { return header_.token_trie_bytes; }
  // Opens the token trie in place; valid while the image is open. Does not check its CRC (VerifyTokenTrie), nor whether
  // it belongs to the vocabulary (CheckTokenTrie). Errors: those of TokenTrie::Open; kFailedPrecondition while closed,
  // if there is none, and if it has to be read; kCorrupt if the header has another offset for it.
  Status OpenTokenTrie(TokenTrie* out) const {
    LFM2_RETURN_IF_ERROR(CheckHasTrieInPlace("Image::OpenTokenTrie"));
    return TokenTrie::Open({token_trie(), static_cast<size_t>(header_.token_trie_bytes)}, vocab_.size(), out);
  }
  // The same for both kinds of storage. If the trie has to be read, it is read into the front of `memory`, and its CRC
  // is checked; else the memory is not used. memory: RoundUp(token_trie_bytes(), kRecordAlignment) bytes, aligned to
  // kRecordAlignment; outlives *out. No session may be open on the image, because reads of experts could be pending.
  // Errors: as above; kArenaTooSmall, kInvalidArgument for the memory; kCorrupt; what the storage's queue reports.
  LFM2_FUNCTION Status ReadTokenTrie(Span<std::byte> memory, TokenTrie* out) const;
  // Reads all of it in place. kCorrupt if its CRC is not the header's; kFailedPrecondition as for OpenTokenTrie.
  Status VerifyTokenTrie() const {
    LFM2_RETURN_IF_ERROR(CheckHasTrieInPlace("Image::VerifyTokenTrie"));
    return CheckTokenTrieCrc(token_trie());
  }

  // Reads the whole pinned part. kCorrupt if its CRC is not the header's; kFailedPrecondition while closed.
  Status VerifyPinned() const {
    if (memory_ == nullptr) return NotOpen("Image::VerifyPinned");
    const uint32_t crc = Crc32c(0, pinned(), static_cast<size_t>(header_.pinned_bytes));
    if (crc != header_.pinned_crc) return Bad("pinned part", "has the wrong CRC-32C", crc, header_.pinned_crc);
    return Status();
  }
  // Reads one expert record. Errors: as CheckRecordCrc; kFailedPrecondition if experts are read on demand, which checks
  // them.
  Status VerifyRecord(uint32_t moe_layer, uint32_t expert) const {
    if (is_streamed()) {
      return Status(StatusCode::kFailedPrecondition, "Image::VerifyRecord",
                    "needs an image whose experts are in memory");
    }
    const uint8_t* const data = Record(moe_layer, expert);
    const size_t bytes = data == nullptr ? 0 : static_cast<size_t>(record_layer(moe_layer).bytes);
    return CheckRecordCrc(moe_layer, expert, Crc32c(0, data, bytes));
  }
  // crc: CRC-32C of a record that was read. kCorrupt, with the record's number as index(), if it is not the table's;
  // kInvalidArgument if there is no such record; kFailedPrecondition while closed.
  Status CheckRecordCrc(uint32_t moe_layer, uint32_t expert, uint32_t crc) const {
    if (!is_open()) return NotOpen("Image::CheckRecordCrc");
    if (!HasRecord(moe_layer, expert)) {
      return moe_layer >= header_.record_layers
                 ? Status(StatusCode::kInvalidArgument, "moe_layer", "has no experts", moe_layer, header_.record_layers)
                 : Status(StatusCode::kInvalidArgument, "expert", "does not exist", expert, config_.experts);
    }
    const uint32_t want = record_crc(moe_layer, expert);
    if (crc == want) return Status();
    return Bad("expert record", "has the wrong CRC-32C", crc, want).At(moe_layer * config_.experts + expert);
  }

 private:
  static Status Bad(const char* where, const char* what, uint64_t value, uint64_t expected) {
    return Status(StatusCode::kCorrupt, where, what, value, expected);
  }
  static Status Expect(const char* where, uint64_t value, uint64_t expected) {
    return value == expected ? Status() : Bad(where, "is not what the config demands", value, expected);
  }
  static Status AlreadyOpen() { return Status(StatusCode::kFailedPrecondition, "Image::Open", "needs a closed image"); }
  static Status NotOpen(const char* where) {
    return Status(StatusCode::kFailedPrecondition, where, "needs an open image");
  }

  const std::byte* pinned() const { return memory_ + static_cast<size_t>(header_.pinned_offset); }
  // The trie is at the end of the file, so that Open does not depend on the header's offset of it.
  uint64_t token_trie_offset() const { return header_.file_bytes - header_.token_trie_bytes; }
  const std::byte* token_trie() const { return memory_ + static_cast<size_t>(token_trie_offset()); }
  Status CheckHasTrie(const char* where) const {
    if (!is_open()) return NotOpen(where);
    if (header_.token_trie_bytes == 0) {
      return Status(StatusCode::kFailedPrecondition, where, "needs an image with a token trie");
    }
    return Expect("header.token_trie_offset", header_.token_trie_offset, token_trie_offset());
  }
  Status CheckHasTrieInPlace(const char* where) const {
    LFM2_RETURN_IF_ERROR(CheckHasTrie(where));
    if (!is_streamed()) return Status();
    return Status(StatusCode::kFailedPrecondition, where, "needs a token trie in memory");
  }
  Status CheckTokenTrieCrc(const std::byte* section) const {
    const uint32_t crc = Crc32c(0, section, static_cast<size_t>(header_.token_trie_bytes));
    if (crc != header_.token_trie_crc) return Bad("token_trie", "has the wrong CRC-32C", crc, header_.token_trie_crc);
    return Status();
  }
  bool HasRecord(uint32_t moe_layer, uint32_t expert) const {
    return moe_layer < header_.record_layers && expert < config_.experts;
  }

  LFM2_FUNCTION Status OpenRead(const Storage& storage, ReadQueue& queue, Span<std::byte> arena);
  LFM2_FUNCTION Status ReadFront(ReadQueue& queue, uint64_t offset, uint64_t bytes, Span<std::byte> arena) const;

  Status OpenMapped(const Storage& storage) {
    const std::byte* const header = storage.Map(0, sizeof(ImageHeader));
    if (header == nullptr) {
      if (storage.queue() != nullptr) {
        return Status(StatusCode::kInvalidArgument, "storage", "has to be read (pass an arena to Image::Open)");
      }
      if (storage.size() == 0) return Status(StatusCode::kFailedPrecondition, "storage", "is not open, or empty");
      return Bad("image", "is shorter than a header", storage.size(), sizeof(ImageHeader));
    }
    LFM2_RETURN_IF_ERROR(OpenHeader(header, storage.size()));
    if (header_.file_bytes > SIZE_MAX) {
      return Status(StatusCode::kUnsupported, "header.file_bytes", "does not fit this machine's address space",
                    header_.file_bytes, SIZE_MAX);
    }
    // All of it at once, so that the image has one address whatever the storage returns later.
    memory_ = storage.Map(0, header_.file_bytes);
    if (memory_ == nullptr || reinterpret_cast<uintptr_t>(memory_) % kAlignment != 0) {
      return Status(StatusCode::kInvalidArgument, "storage", "has no address for the image that is aligned to 64 bytes",
                    reinterpret_cast<uintptr_t>(memory_));
    }
    LFM2_RETURN_IF_ERROR(CheckMetadata());
    LFM2_RETURN_IF_ERROR(OpenVocab());
    storage_ = &storage;
    return Status();
  }

  // Copies the header and checks it by itself, so that its sizes may be used to read the rest. bytes:
  // sizeof(ImageHeader). storage_bytes: of the whole storage.
  Status OpenHeader(const std::byte* bytes, uint64_t storage_bytes) {
    std::memcpy(&header_, bytes, sizeof(header_));
    if (std::memcmp(header_.magic, kImageMagic, sizeof(kImageMagic)) != 0) {
      return Status(StatusCode::kCorrupt, "header.magic", "is not LFM2IMG (make an .lfm2 image with lfm2-pack)");
    }
    if (header_.version != kImageVersion) {
      return Status(StatusCode::kUnsupported, "header.version", "is not supported (pack the model again)",
                    header_.version, kImageVersion);
    }
    LFM2_RETURN_IF_ERROR(Expect("header.header_bytes", header_.header_bytes, sizeof(ImageHeader)));
    if (header_.file_bytes > storage_bytes) {
      return Bad("image", "is cut short: bytes", storage_bytes, header_.file_bytes);
    }
    if (header_.tied_embedding > 1) return Bad("config.tied_embedding", "is not 0 or 1", header_.tied_embedding, 1);
    config_ = ConfigFromHeader(header_);
    LFM2_RETURN_IF_ERROR(CheckConfig(config_));
    LFM2_RETURN_IF_ERROR(CheckSampling(SamplingFromHeader(header_), StatusCode::kCorrupt));
    const MetadataLayout m = LayoutMetadata(config_);
    LFM2_RETURN_IF_ERROR(Expect("header.tensor_count", header_.tensor_count, TensorCount(config_)));
    LFM2_RETURN_IF_ERROR(Expect("header.record_layers", header_.record_layers, config_.moe_layers()));
    LFM2_RETURN_IF_ERROR(Expect("header.directory_offset", header_.directory_offset, m.directory_offset));
    LFM2_RETURN_IF_ERROR(Expect("header.record_table_offset", header_.record_table_offset, m.record_table_offset));
    LFM2_RETURN_IF_ERROR(Expect("header.record_crc_offset", header_.record_crc_offset, m.record_crc_offset));
    LFM2_RETURN_IF_ERROR(Expect("header.metadata_bytes", header_.metadata_bytes, m.metadata_bytes));
    LFM2_RETURN_IF_ERROR(Expect("header.pinned_offset", header_.pinned_offset, m.pinned_offset));
    if (header_.pinned_offset > header_.file_bytes ||
        header_.pinned_bytes > header_.file_bytes - header_.pinned_offset) {
      return Bad("header.pinned_bytes", "do not fit the file", header_.pinned_bytes, header_.file_bytes);
    }
    if (header_.vocab_bytes > header_.pinned_bytes) {
      return Bad("header.vocab_bytes", "do not fit the pinned part", header_.vocab_bytes, header_.pinned_bytes);
    }
    return Status();
  }

  Status CheckMetadata() {
    const uint32_t want = header_.metadata_crc;
    header_.metadata_crc = 0;
    uint32_t crc = Crc32c(0, &header_, sizeof(header_));
    crc = Crc32c(crc, memory_ + sizeof(header_), static_cast<size_t>(header_.metadata_bytes - sizeof(header_)));
    header_.metadata_crc = want;
    if (crc != want) return Bad("header and directory", "have the wrong CRC-32C", crc, want);
    header_.name[sizeof(header_.name) - 1] = '\0';
    LFM2_RETURN_IF_ERROR(CheckDirectory());
    return CheckRecords();
  }

  Status OpenVocab() {
    LFM2_RETURN_IF_ERROR(Vocab::Open({pinned(), static_cast<size_t>(header_.vocab_bytes)}, &vocab_));
    if (vocab_.size() != config_.vocab_size) {
      return Bad("vocabulary.size", "does not match config.vocab_size", vocab_.size(), config_.vocab_size);
    }
    return Status();
  }

  Status CheckDirectory() const {
    LayoutCursor cursor(header_.vocab_bytes);
    uint32_t index = 0;
    for (uint32_t group = 0; group < TensorGroups(config_); ++group) {
      const TensorSpecs specs = TensorGroup(config_, group);
      for (uint32_t i = 0; i < specs.count; ++i, ++index) {
        LFM2_RETURN_IF_ERROR(CheckEntry(specs.spec[i], tensor(index), &cursor).At(index));
      }
    }
    return Expect("header.pinned_bytes", header_.pinned_bytes, cursor.pinned_bytes());
  }

  static Status CheckEntry(const TensorSpec& spec, const TensorEntry& found, LayoutCursor* cursor) {
    if (!IsKnownTensorType(found.type)) {
      return Status(StatusCode::kUnsupported, NameOf(spec.role), "has a type this version does not run", found.type);
    }
    const TensorType type = static_cast<TensorType>(found.type);
    if (spec.layout != TensorLayout::kPlain && !IsCompiled(type)) {
      return Status(StatusCode::kUnsupported, NameOf(spec.role), "has a type that LFM2_TENSOR_TYPES leaves out",
                    found.type);
    }
    if (!TypeFits(spec, type))
      return Bad(NameOf(spec.role), "has a type its shape does not allow", found.type, spec.cols);
    const TensorEntry want = cursor->Place(spec, type);
    if (found.role != want.role) return Bad("directory.role", "is out of order", found.role, want.role);
    if (found.layer != want.layer) return Bad("directory.layer", "is out of order", found.layer, want.layer);
    LFM2_RETURN_IF_ERROR(Expect("directory.rows", found.rows, want.rows));
    LFM2_RETURN_IF_ERROR(Expect("directory.cols", found.cols, want.cols));
    LFM2_RETURN_IF_ERROR(Expect("directory.offset", found.offset, want.offset));
    return Expect("directory.bytes", found.bytes, want.bytes);
  }

  Status CheckRecords() const {
    uint64_t end = header_.pinned_offset + header_.pinned_bytes;
    uint32_t index = FirstTensors(config_).count;
    for (uint32_t layer = 0; layer < config_.layers; ++layer) {
      index += LayerTensors(config_, layer).count;
      if (!config_.is_moe_layer(layer)) continue;
      const uint32_t m = layer - config_.dense_layers;
      const TensorEntry down = tensor(index - 1);
      const RecordEntry r = record_layer(m);
      const uint64_t offset = RoundUp<uint64_t>(end, kRecordAlignment);
      const uint64_t bytes = down.offset + down.bytes;
      LFM2_RETURN_IF_ERROR(Expect("records.offset", r.offset, offset).At(m));
      LFM2_RETURN_IF_ERROR(Expect("records.bytes", r.bytes, bytes).At(m));
      LFM2_RETURN_IF_ERROR(Expect("records.stride", r.stride, RoundUp<uint64_t>(bytes, kRecordAlignment)).At(m));
      end = r.offset + config_.experts * r.stride;
    }
    // A trie longer than the file is clamped to the file's size: still too long for what precedes it, but without
    // overflow.
    const uint64_t trie = Min(header_.token_trie_bytes, header_.file_bytes);
    if (trie > 0) end = RoundUp<uint64_t>(end, kRecordAlignment) + trie;
    return Expect("header.file_bytes", header_.file_bytes, end);
  }

  const Storage* storage_ = nullptr;
  const std::byte* memory_ = nullptr;          // address of the file's first byte
  const StreamedExperts* streamed_ = nullptr;  // null: the storage is addressable
  ImageHeader header_{};
  ModelConfig config_;
  Vocab vocab_;
};

}  // namespace lfm2

#endif  // LFM2_FORMAT_IMAGE_H_
