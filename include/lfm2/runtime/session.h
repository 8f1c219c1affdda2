// Session: computes the logits of a sequence of tokens.
#ifndef LFM2_RUNTIME_SESSION_H_
#define LFM2_RUNTIME_SESSION_H_

#include "lfm2/base/cpu_target.h"
#include "lfm2/base/executor.h"
#include "lfm2/base/function_ref.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/format/image.h"
#include "lfm2/layers/context.h"
#include "lfm2/layers/observer.h"
#include "lfm2/model/options.h"
#include "lfm2/runtime/draft_gate.h"
#include "lfm2/runtime/plan.h"
#include "lfm2/runtime/poll.h"
#include "lfm2/runtime/saved_state.h"
#include "lfm2/storage/memory_storage.h"

namespace lfm2 {

struct KernelTable;

// Sets *kernels to the table that a session uses where options.kernels is null. It is valid for the life of the
// program. Errors: kUnsupported where this program or this processor does not have the target.
LFM2_FUNCTION_OF_UNIT Status ChooseKernels(CpuTarget wanted, const KernelTable** kernels);
// Kernels of scalar formulas on float activations: slow, and the reference for all others. For options.kernels, with
// KvCacheType::kF32.
LFM2_FUNCTION const KernelTable* ReferenceKernelTable();

// Receives the values of one position of a prompt, in order of positions: logits[vocab_size] or hidden[hidden_size],
// valid during the call only.
using PositionSink = FunctionRef<void(uint32_t position, Span<const float> values)>;

// Counts of speculative decoding (SessionOptions::draft_tokens) since Open.
struct DraftStatistics {
  uint64_t passes = 0;    // passes that computed guesses
  uint64_t drafted = 0;   // guessed tokens that were computed
  uint64_t accepted = 0;  // of these, those that were right
};

// One sequence of tokens and the state that the model has for it. Everything a session writes is in the arena that it
// is opened with. It can be neither copied nor moved. Not thread-safe: one call at a time. The image, its storage, the
// arena, the executor, the observer and the poll must outlive the session, or its Close.
class Session {
 public:
  constexpr Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // arena: aligned to kAlignment, at least MakePlan(image.config(), options).total_bytes long, and not overlapping the
  // image. Where experts are read, it is the rest that Image::Open has left of an arena of MakePlan(config, options,
  // StreamShapeOf(image)).total_bytes bytes, which is aligned to kRecordAlignment. executor: may be null. Errors, after
  // which the session is closed unless it was already open: kFailedPrecondition if it is already open or the image is
  // not open; kInvalidArgument for bad options, a bad executor, or an arena that is misaligned or overlaps the image;
  // kUnsupported for options.cpu_target; kArenaTooSmall, with the bytes needed as limit(); kTimeout where reads of an
  // earlier session have still not completed.
  LFM2_FUNCTION_OF_UNIT Status Open(const Image& image, const SessionOptions& options, Span<std::byte> arena,
                                    const Executor* executor = nullptr);
  // Releases the arena and resets everything except the statistics of the drive. Open may be called again. Where reads
  // of a call that timed out have not completed, the drive may write to the arena until the storage is closed. Closing
  // a closed session does nothing.
  LFM2_FUNCTION void Close();

  bool is_open() const { return image_ != nullptr; }
  // Only while open.
  const Image& image() const {
    LFM2_ASSERT(is_open());
    return *image_;
  }
  const ModelConfig& config() const { return image().config(); }
  // The options in use, with defaults filled in.
  const SessionOptions& options() const { return options_; }
  // Instruction set of the kernels, by Highway's name, such as "AVX2". Empty while closed.
  LFM2_FUNCTION const char* kernels_name() const;
  // Positions in use, of options().context_length.
  uint32_t position() const { return position_; }
  // The token ids at those positions.
  Span<const int32_t> tokens() const { return {memory_.tokens, position_}; }
  // The ids of the remaining positions: memory into which the next prompt may be encoded and passed to Prefill without
  // a copy. Empty while steps are left.
  Span<int32_t> token_room() const {
    if (!is_open() || steps_left() > 0) return {};
    return {memory_.tokens + position_, options_.context_length - position_};
  }
  // Scratch memory for text/ between two calls of the session. The session uses it for activations, so each call
  // overwrites it. Empty while steps are left.
  Span<std::byte> text_scratch() const {
    if (!is_open() || steps_left() > 0) return {};
    return {memory_.text_scratch, static_cast<size_t>(memory_.text_scratch_bytes)};
  }

  // Clears the sequence, and discards a call that is in progress: the next token is at position 0.
  LFM2_FUNCTION void Reset();

  // nullptr: no observer. An observer sees every token that becomes part of the sequence; while one is set, no tokens
  // are guessed.
  void SetObserver(const Observer* observer) {
    observer_ = observer;
    if (observer != nullptr) ForgetDraft();
  }
  // The poll is called between two steps of the blocking calls (Prefill, Decode, Finish, PrefillLogits, PrefillHidden).
  // If it returns false, the call is aborted as by Abort and returns kCancelled. nullptr: no poll.
  void SetPoll(const Poll* poll) { poll_ = poll; }

  // Whether experts are read from the storage, and the totals of these reads since Open.
  bool is_streamed() const { return is_open() && image_->is_streamed(); }
  StreamStatistics statistics() const { return is_streamed() ? memory_.experts.TotalStatistics() : StreamStatistics(); }
  // The same for one layer, moe_layer = layer - dense_layers. Zeros where there is no such layer or nothing is read.
  StreamStatistics layer_statistics(uint32_t moe_layer) const {
    if (!is_streamed() || moe_layer >= config().moe_layers()) return StreamStatistics();
    return memory_.experts.layer_statistics(moe_layer);
  }

  // Statistics of guessed tokens since Open.
  DraftStatistics draft_statistics() const { return draft_statistics_; }

  // Appends tokens to the sequence, options().prefill_chunk at a time, and computes the logits of the last one. Errors:
  // kFailedPrecondition if not open, or while a call is in progress; kInvalidArgument for no tokens or an id outside
  // the vocabulary, with its place as index(); kContextFull; kCancelled by the poll; kNotFinite, with the layer as
  // index(), where damaged weights give a NaN or an infinity; where experts are read, kIo, kTimeout and kCorrupt, with
  // the number of the record (moe_layer * experts + expert) as index(), with the first two the byte of the storage as
  // offset(). After an error none of the tokens is part of the sequence. The same call may be repeated and then gives
  // the result it would have given. logits() are empty until it succeeds.
  LFM2_FUNCTION Status Prefill(Span<const int32_t> tokens);

  // Appends one token: Prefill of that token.
  Status Decode(int32_t token) { return Prefill({&token, 1}); }

  // Prefill in steps, for programs that have other work to do in between: accepts the tokens and computes nothing. A
  // single token that was guessed correctly and already computed (options().draft_tokens) has no steps: its logits()
  // are available on return. `tokens` need not outlive the call. Errors: those of Prefill except for reading and
  // computing.
  LFM2_FUNCTION Status Begin(Span<const int32_t> tokens);
  // Computes the next step: the operator or the feed forward of one layer for up to options().prefill_chunk tokens, or
  // a part of the logits that takes no more multiplications than a feed forward for one token. A step that needs
  // experts from a drive waits for them. Queries may be called between steps; only token_room() and text_scratch() are
  // empty. Errors: kFailedPrecondition if no steps are left; those of Prefill for reading and computing, after which no
  // steps are left, as in Prefill.
  LFM2_FUNCTION Status Step();
  // Number of calls of Step until logits() are available. 0: no call is in progress.
  LFM2_FUNCTION uint32_t steps_left() const;
  // Computes all remaining steps. Errors: those of Step, and kCancelled by the poll.
  LFM2_FUNCTION Status Finish();
  // Discards the call in progress: the sequence is as it was before Begin. logits() are those from before Begin, or
  // empty if part of the new ones has already been computed. Does nothing if no call is in progress.
  LFM2_FUNCTION void Abort();

  // Size of a mark in bytes: a header and the state of the convolutions. It does not depend on the length of the
  // sequence.
  static constexpr uint64_t MarkBytes(const ModelConfig& config) {
    return sizeof(MarkHead) + State::ConvFloats(config) * sizeof(float);
  }
  // Writes a mark of the current end of the sequence, to which Rewind can return; keys and values stay in the session.
  // to: at least MarkBytes(config()) bytes of any alignment. Errors: kFailedPrecondition if not open or while steps are
  // left; kOutputTooSmall.
  LFM2_FUNCTION Status Mark(Span<std::byte> to) const;
  // Returns to a mark, any number of times: later positions are dropped, and logits() are empty. mark: written by Mark
  // of this session, or of another session of the same model with the same tokens. Errors, after which the sequence is
  // unchanged: kFailedPrecondition if not open, while steps are left, or if the sequence no longer begins with the
  // tokens that it had at the mark; kCorrupt if the bytes are not a mark or are damaged; kInvalidArgument for a mark of
  // another model.
  LFM2_FUNCTION Status Rewind(Span<const std::byte> mark);

  // Copies the sequence of the other session, with logits() and hidden() if available; afterwards the two are
  // independent. The other session must have the same model and options.kv_cache; everything else may differ. Errors,
  // after which this sequence is unchanged: kFailedPrecondition if one is not open or has steps left; kInvalidArgument
  // for the session itself, another model or another options.kv_cache; kContextFull where the positions do not fit this
  // context.
  LFM2_FUNCTION Status ForkFrom(const Session& other);

  // Writes the sequence to sink in one pass: SavedStateBytes(config(), options(), position(), ...) bytes. note: the
  // caller's data, saved with it. with_logits: saves logits() and hidden() too, if available, so that the next token
  // can be chosen after Load without computing the last one again. The sink must not call the session. Errors:
  // kFailedPrecondition if not open or while steps are left; kInvalidArgument where note.size exceeds its capacity; kIo
  // where the sink returned false.
  LFM2_FUNCTION Status Save(StateSink sink, const StateNote& note = StateNote(), bool with_logits = false) const;
  // Reads what Save wrote, on any machine, from a session of the same model and options.kv_cache; everything else may
  // differ. Requests exactly the bytes of the state from source, none after it. note: nullptr if unwanted. logits() are
  // empty unless they were saved. Errors: kFailedPrecondition if not open or while steps are left. All other errors
  // leave an empty sequence: kIo where the source returned false; kCorrupt, with the name of the damaged part;
  // kUnsupported for a later version; kInvalidArgument for another model or options.kv_cache; kContextFull where the
  // positions do not fit.
  LFM2_FUNCTION Status Load(StateSource source, StateNote* note = nullptr);

  // As Prefill, and calls sink(position, logits) for each of the tokens, in order. If the call fails, sink may already
  // have been called for some of the tokens. The sink must not call the session.
  Status PrefillLogits(Span<const int32_t> tokens, PositionSink sink) { return PrefillEach(tokens, true, sink); }
  // The same with sink(position, hidden), where hidden[hidden_size] is the hidden state after the final norm, from
  // which embeddings are made. Computes no logits: logits() are empty afterwards.
  Status PrefillHidden(Span<const int32_t> tokens, PositionSink sink) { return PrefillEach(tokens, false, sink); }

  // logits[vocab_size] of the last token, valid until the next call. Empty before the first token, while steps are
  // left, and after a call that failed.
  Span<const float> logits() const { return mutable_logits(); }
  // The same, for masks and biases to be applied before a token is chosen.
  Span<float> mutable_logits() const {
    if (!has_logits_) return {};
    const size_t size = config().vocab_size;
    return {memory_.logits + logits_row_ * size, size};
  }
  // hidden[hidden_size] of the same token, after the final norm. Empty where logits() are.
  Span<const float> hidden() const {
    if (!has_logits_) return {};
    const size_t size = config().hidden_size;
    return {memory_.hidden + logits_row_ * size, size};
  }

 private:
  // The header of a mark, followed by the state of the convolutions.
  struct MarkHead {
    char magic[8];
    uint32_t position;
    uint32_t tokens_crc;  // CRC-32C of the ids at the positions
    uint32_t model;       // Image::fingerprint
    uint32_t conv_crc;    // CRC-32C of the state of the convolutions
    uint32_t conv_bytes;
    uint32_t head_crc;  // CRC-32C of the fields before
  };
  // What the next step computes.
  enum class Phase : uint8_t {
    kIdle,         // nothing
    kOperator,     // convolution or attention of a layer, for one chunk
    kFeedForward,  // of the same layer
    kLogits,       // row blocks of the output, once all chunks are through all layers
  };
  // The call that Begin has started.
  struct Work {
    Phase phase = Phase::kIdle;
    uint32_t start = 0;             // position before the first token
    uint32_t tokens = 0;            // that are not yet through all layers
    uint32_t layer = 0;             // of the current chunk
    uint32_t attention_layers = 0;  // passed by the current chunk
    uint32_t row = 0;               // of the last token within the last chunk
    uint32_t output_blocks = 0;     // row blocks of the logits that are left
    uint32_t drafted = 0;           // guessed tokens that are computed after the last one
    uint64_t ns = 0;                // spent so far
    bool had_logits = false;        // when it began
    bool is_decode = false;         // one token, not started again without its guesses: its time is given to the gate
  };
  // The predicted continuation of the sequence, from the last token that had to be computed on.
  struct Draft {
    int32_t tokens[kMaxDraftTokens + 1] = {};
    uint32_t match = 0;     // length of the repetition before the first token; 0: no prediction
    uint32_t next = 0;      // index of the first one in the sequence or in the history
    bool is_here = false;   // `next` is an index in the sequence
    uint32_t computed = 0;  // how many of the tokens have logits; there is one more
    uint32_t taken = 0;     // how many of these are part of the sequence
  };

  LFM2_FUNCTION Status OpenWith(const KernelTable& kernels, const Image& image, const SessionOptions& options,
                                Span<std::byte> arena, const Executor* executor);
  LFM2_NOINLINE LFM2_FUNCTION Status CheckArena(const Image& image, const SessionOptions& normalized,
                                                const StreamShape& shape, Span<std::byte> arena, SlotPlan* slots) const;
  LFM2_FUNCTION Status CheckTokens(Span<const int32_t> tokens) const;
  LFM2_FUNCTION void StartWork(uint32_t tokens, bool had_logits);
  LFM2_FUNCTION Status PrefillEach(Span<const int32_t> tokens, bool wants_logits, PositionSink sink);
  LFM2_FUNCTION Status Advance(uint32_t output_blocks);
  LFM2_FUNCTION Status AdvanceChunk();
  LFM2_FUNCTION Status AdvanceOutput(uint32_t output_blocks);
  LFM2_FUNCTION bool TakeDrafted(int32_t token);
  LFM2_FUNCTION uint32_t MakeDraft(const Draft& before);
  void ForgetDraft() {
    if (kHasDrafts) draft_ = Draft();
  }
  LFM2_FUNCTION void EndPass();
  LFM2_FUNCTION void BeginWithoutDraft();
  uint64_t NowNs() const {
    return !kHasDrafts || options_.draft_tokens == 0 ? 0 : options_.now_ns(options_.clock_context);
  }
  LFM2_FUNCTION Status CheckPoll();
  LFM2_FUNCTION Status GiveUp(const Status& status);
  LFM2_FUNCTION Status CheckIdle(const char* where) const;
  LFM2_FUNCTION MarkHead HeadOfMark() const;
  LFM2_FUNCTION SavedStateHeader HeaderOfState(uint32_t position, uint32_t note_bytes, bool with_logits) const;
  LFM2_FUNCTION Status CheckHeader(const SavedStateHeader& header, const char* where) const;
  LFM2_FUNCTION Status LoadParts(StateSource source, StateNote* note);
  LFM2_FUNCTION Status CheckFinite(const LayerContext& ctx, const char* where, uint32_t layer) const;
  LFM2_FUNCTION void Embed(const LayerContext& ctx);
  LFM2_FUNCTION Status RunOperator(const LayerContext& ctx);
  LFM2_FUNCTION Status RunFeedForward(const LayerContext& ctx);
  LFM2_FUNCTION Status NormOutput(uint32_t row, uint32_t rows);
  LFM2_FUNCTION Status CheckLogits(uint32_t rows) const;
  LFM2_FUNCTION void PackOutputInput(uint32_t rows);
  LFM2_FUNCTION void ComputeLogits(uint32_t rows, uint32_t begin, uint32_t end);
  LFM2_FUNCTION LayerContext Context(uint32_t tokens, uint32_t drafted = 0);
  LFM2_FUNCTION uint32_t OutputBlocksOfStep() const;

  const KernelTable* kernels_ = nullptr;
  const Image* image_ = nullptr;
  const Executor* executor_ = nullptr;
  const Observer* observer_ = nullptr;
  const Poll* poll_ = nullptr;
  SessionOptions options_;
  SessionMemory memory_;
  Work work_;
  Draft draft_;
  DraftGate draft_gate_;
  DraftStatistics draft_statistics_;
  float rope_frequency_[kMaxHeadDim / 2] = {};
  uint32_t position_ = 0;
  uint32_t logits_row_ = 0;
  bool has_logits_ = false;
};

// Opens an image and a session on it, for any storage. Where the image has to be read, its front part is read to the
// front of the arena, and the rest of the arena holds the session, with as many expert slots as fit
// (options.arena_bytes, if not 0, sets a lower total). arena: aligned to kRecordAlignment where the storage has to be
// read, otherwise to kAlignment. All parameters must outlive the session. Errors: those of Image::Open and
// Session::Open, after which both are closed.
LFM2_FUNCTION_OF_UNIT Status OpenModel(const Storage& storage, const SessionOptions& options, Span<std::byte> arena,
                                       Image* image, Session* session, const Executor* executor = nullptr);
// The same for an image in memory, without the code that reads from a drive.
LFM2_FUNCTION_OF_UNIT Status OpenModel(const MemoryStorage& storage, const SessionOptions& options,
                                       Span<std::byte> arena, Image* image, Session* session,
                                       const Executor* executor = nullptr);

}  // namespace lfm2

#endif  // LFM2_RUNTIME_SESSION_H_
