// The public Session: tokens in, logits out.
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

// *kernels = those that a session takes where options.kernels is null. They live as long as the program. kUnsupported
// where this program or this processor does not have the target.
LFM2_FUNCTION_OF_UNIT Status ChooseKernels(CpuTarget wanted, const KernelTable** kernels);
// Float activations and scalar formulas: slow, and what everything else is compared with. For options.kernels, with
// KvCacheType::kF32.
LFM2_FUNCTION const KernelTable* ReferenceKernelTable();

// Called for positions of a prompt, in order: logits[vocab_size] or hidden[hidden_size], valid during the call.
using PositionSink = FunctionRef<void(uint32_t position, Span<const float> values)>;

// What guessing tokens (SessionOptions::draft_tokens) has come to since Open.
struct DraftStatistics {
  uint64_t passes = 0;    // that computed guesses
  uint64_t drafted = 0;   // tokens that were guessed and computed
  uint64_t accepted = 0;  // of them, those that came
};

// A model at work on one sequence of tokens. Everything it writes lies in the arena it is opened with. Neither copied
// nor moved: it is known by its address. Not thread-safe: one call at a time. The image, its storage, the arena, the
// executor, the observer and the poll outlive it, or its Close.
class Session {
 public:
  constexpr Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // arena: aligned to kAlignment and at least MakePlan(image.config(), options).total_bytes long; it does not overlap
  // the image. Where experts are read, it is what Image::Open has left of an arena of MakePlan(config, options,
  // StreamShapeOf(image)).total_bytes, aligned to kRecordAlignment. executor: may be null. Errors: kFailedPrecondition
  // if open already or the image is not; kInvalidArgument for bad options, a bad executor, a misaligned or overlapping
  // arena; kUnsupported for options.cpu_target; kArenaTooSmall, where limit() is what is needed; kTimeout where reads
  // of an earlier session have still not ended. After an error it is closed.
  LFM2_FUNCTION_OF_UNIT Status Open(const Image& image, const SessionOptions& options, Span<std::byte> arena,
                                    const Executor* executor = nullptr);
  // Forgets everything but statistics of the drive: the arena is the caller's again, and Open may be called again.
  // Where reads of a call that timed out have not ended, the drive may still write to the arena until the storage is
  // closed. Closing twice does nothing.
  LFM2_FUNCTION void Close();

  bool is_open() const { return image_ != nullptr; }
  // Only valid once open.
  const Image& image() const {
    LFM2_ASSERT(is_open());
    return *image_;
  }
  const ModelConfig& config() const { return image().config(); }
  // The options it runs with, defaults filled in.
  const SessionOptions& options() const { return options_; }
  // The instruction set of its kernels, by Highway's name: "AVX2". Empty while closed.
  LFM2_FUNCTION const char* kernels_name() const;
  // Positions used so far, of options().context_length.
  uint32_t position() const { return position_; }
  // The ids at those positions.
  Span<const int32_t> tokens() const { return {memory_.tokens, position_}; }
  // Room for the ids of the positions that are left: a place to encode the next prompt in. Prefill may be given it.
  // Empty while steps are left.
  Span<int32_t> token_room() const {
    if (!is_open() || steps_left() > 0) return {};
    return {memory_.tokens + position_, options_.context_length - position_};
  }
  // Memory that text/ may use between two calls of the session, which shares it with the activations: what is in it is
  // lost with the next call. Empty while steps are left.
  Span<std::byte> text_scratch() const {
    if (!is_open() || steps_left() > 0) return {};
    return {memory_.text_scratch, static_cast<size_t>(memory_.text_scratch_bytes)};
  }

  // Forgets the sequence, and what was begun: the next token is at position 0.
  LFM2_FUNCTION void Reset();

  // nullptr: none. It is shown every token that becomes part of the sequence, and nothing is guessed meanwhile.
  void SetObserver(const Observer* observer) {
    observer_ = observer;
    if (observer != nullptr) ForgetDraft();
  }
  // Asked between two steps of the blocking calls (Prefill, Decode, Finish, PrefillLogits, PrefillHidden); where it
  // says stop, they Abort and return kCancelled. nullptr: none.
  void SetPoll(const Poll* poll) { poll_ = poll; }

  // Where experts are read: how that went since Open.
  bool is_streamed() const { return is_open() && image_->is_streamed(); }
  StreamStatistics statistics() const { return is_streamed() ? memory_.experts.TotalStatistics() : StreamStatistics(); }
  // moe_layer = layer - dense_layers; zeros where there is no such layer or nothing is read.
  StreamStatistics layer_statistics(uint32_t moe_layer) const {
    if (!is_streamed() || moe_layer >= config().moe_layers()) return StreamStatistics();
    return memory_.experts.layer_statistics(moe_layer);
  }

  DraftStatistics draft_statistics() const { return draft_statistics_; }

  // Appends tokens to the sequence, options().prefill_chunk at a time, and computes the logits of the last one.
  // Errors: kFailedPrecondition if not open, or where something was begun and is not finished; kInvalidArgument for no
  // tokens or an id outside the vocabulary (index() is its place); kContextFull; kCancelled where the poll said so;
  // kNotFinite, with the layer as index(), where damaged weights give a NaN or an infinity; where experts are read,
  // kIo, kTimeout and kCorrupt, with the number of the record (moe_layer * experts + expert) as index() and the byte of
  // the storage as limit(). None of the tokens is remembered then: the same call may be made again, and gives what it
  // would have given. logits() are empty until it does.
  LFM2_FUNCTION Status Prefill(Span<const int32_t> tokens);

  // Appends one token. The same as Prefill of that token.
  Status Decode(int32_t token) { return Prefill({&token, 1}); }

  // Prefill in steps, for programs that have something else to do in between: takes the tokens and computes nothing. A
  // single token that was guessed and computed before (options().draft_tokens) has no steps: logits() are there.
  // `tokens` need not outlive the call. Errors: as Prefill's, but for reading and computing.
  LFM2_FUNCTION Status Begin(Span<const int32_t> tokens);
  // Computes the next piece: the operator or the feed forward of one layer for options().prefill_chunk tokens at most,
  // or a part of the logits that multiplies no more than a feed forward does for one token. A piece that has to read
  // experts waits for them. Between two steps the session may be asked anything; only token_room() and text_scratch()
  // are empty. Errors: kFailedPrecondition where nothing is left to do; Prefill's for reading and computing, after
  // which nothing is left to do, as in Prefill.
  LFM2_FUNCTION Status Step();
  // Calls of Step until logits() are there; 0: nothing is under way.
  LFM2_FUNCTION uint32_t steps_left() const;
  // All steps that are left.
  LFM2_FUNCTION Status Finish();
  // Gives up what was begun: the sequence is as it was before Begin. logits() are those from before it unless a part of
  // the new ones has been computed; then they are empty. Does nothing where nothing was begun.
  LFM2_FUNCTION void Abort();

  // Bytes of a mark, for every sequence of the model: the state of the convolutions and a head.
  static constexpr uint64_t MarkBytes(const ModelConfig& config) {
    return sizeof(MarkHead) + State::ConvFloats(config) * sizeof(float);
  }
  // Notes the end of the sequence in *to, so that Rewind can come back to it; keys and values stay where they are. to:
  // at least MarkBytes(config()) bytes of any alignment. Errors: kFailedPrecondition if not open or while steps are
  // left; kOutputTooSmall.
  LFM2_FUNCTION Status Mark(Span<std::byte> to) const;
  // Goes back to a mark, as often as one likes: positions after it are forgotten, and logits() are empty. mark: what
  // Mark wrote, of this or another session of the same model that had the same tokens. Errors, after which the sequence
  // is as it was: kFailedPrecondition if not open or while steps are left, or where the sequence no longer begins with
  // the tokens that it had at the mark; kCorrupt where the bytes are no mark or damaged; kInvalidArgument for a mark of
  // another model.
  LFM2_FUNCTION Status Rewind(Span<const std::byte> mark);

  // Becomes a copy of the other session's sequence, with logits() and hidden() if there are any: each goes on from
  // there by itself. The other has the same model and options.kv_cache; all else may differ. Errors, after which this
  // sequence is as it was: kFailedPrecondition if one is not open or has steps left; kInvalidArgument for the session
  // itself, another model or another options.kv_cache; kContextFull where its positions do not fit this context.
  LFM2_FUNCTION Status ForkFrom(const Session& other);

  // Writes the sequence to sink in one pass: SavedStateBytes(config(), options(), position(), ...) bytes. note: kept
  // with it. with_logits: logits() and hidden() too, if there are any, so that the next token can be chosen without
  // computing the last one again. The sink does not call the session. Errors: kFailedPrecondition if not open or while
  // steps are left; kInvalidArgument where note.size is more than its capacity; kIo where the sink said false.
  LFM2_FUNCTION Status Save(StateSink sink, const StateNote& note = StateNote(), bool with_logits = false) const;
  // Reads what Save wrote, on any machine, of a session of the same model and options.kv_cache; all else may differ.
  // Asks source for the bytes of the state and not for more. note: nullptr if unwanted. logits() are empty unless they
  // were saved. Errors: kFailedPrecondition if not open or while steps are left; all others leave an empty sequence:
  // kIo where the source said false; kCorrupt, with the name of the part that is damaged; kUnsupported for a later
  // version; kInvalidArgument for another model or options.kv_cache; kContextFull where the positions do not fit.
  LFM2_FUNCTION Status Load(StateSource source, StateNote* note = nullptr);

  // As Prefill, and calls sink(position, logits) for every one of the tokens, in order. Where it fails half way, sink
  // has been called for the tokens before. The sink does not call the session.
  Status PrefillLogits(Span<const int32_t> tokens, PositionSink sink) { return PrefillEach(tokens, true, sink); }
  // The same with sink(position, hidden): the hidden state after the final norm, hidden_size values, which is what
  // embeddings are made of. Computes no logits: logits() are empty afterwards.
  Status PrefillHidden(Span<const int32_t> tokens, PositionSink sink) { return PrefillEach(tokens, false, sink); }

  // logits[vocab_size] of the last token, overwritten by the next call; empty before the first, while steps are left,
  // and after a call that failed.
  Span<const float> logits() const { return mutable_logits(); }
  // The same, for masks and biases that are put on them before a token is chosen.
  Span<float> mutable_logits() const {
    if (!has_logits_) return {};
    const size_t size = config().vocab_size;
    return {memory_.logits + logits_row_ * size, size};
  }
  // The hidden state of the same token after the final norm: hidden_size values. Empty where logits() are.
  Span<const float> hidden() const {
    if (!has_logits_) return {};
    const size_t size = config().hidden_size;
    return {memory_.hidden + logits_row_ * size, size};
  }

 private:
  // The front of a mark; the state of the convolutions comes after it.
  struct MarkHead {
    char magic[8];
    uint32_t position;
    uint32_t tokens_crc;  // CRC-32C of the ids at the positions
    uint32_t model;       // Image::fingerprint
    uint32_t conv_crc;    // CRC-32C of the state of the convolutions
    uint32_t conv_bytes;
    uint32_t head_crc;  // CRC-32C of the fields before
  };
  // What Begin has begun.
  struct Work {
    uint32_t start = 0;             // position before the first token
    uint32_t tokens = 0;            // that are not yet through all layers
    uint32_t stage = 0;             // of the current chunk: 2 * layer, and 1 more where its operator is done
    uint32_t attention_layers = 0;  // passed by the current chunk
    uint32_t row = 0;               // of the last chunk's tokens, the last
    uint32_t output_blocks = 0;     // row blocks of the logits that are left; 0: nothing is under way
    uint32_t drafted = 0;           // guessed tokens that are computed after the last one
    uint64_t ns = 0;                // spent so far
    bool had_logits = false;        // before it began
    bool is_decode = false;         // of one token, and not yet given up once: its time is what the gate counts with
  };
  // What the sequence was expected to go on with after its last token that had to be computed.
  struct Draft {
    int32_t tokens[kMaxDraftTokens + 1] = {};
    uint32_t match = 0;     // tokens that were repeated before the first; 0: nothing is expected
    uint32_t next = 0;      // where the first one stands: in the sequence, or in what was decoded before
    bool is_here = false;   // in the sequence
    uint32_t computed = 0;  // of the tokens, which are one more: they have logits
    uint32_t taken = 0;     // of those: they are part of the sequence
  };

  LFM2_FUNCTION Status OpenWith(const KernelTable& kernels, const Image& image, const SessionOptions& options,
                                Span<std::byte> arena, const Executor* executor);
  LFM2_NOINLINE LFM2_FUNCTION Status CheckArena(const Image& image, const SessionOptions& normalized,
                                                const StreamShape& shape, Span<std::byte> arena, SlotPlan* slots) const;
  LFM2_FUNCTION Status CheckTokens(Span<const int32_t> tokens) const;
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
  LFM2_FUNCTION Status RunStage(const LayerContext& ctx, uint32_t layer);
  LFM2_FUNCTION Status CheckFinite(const LayerContext& ctx, const char* where, uint32_t layer) const;
  LFM2_FUNCTION void Embed(const LayerContext& ctx);
  LFM2_FUNCTION void RunOperator(const LayerContext& ctx, uint32_t layer);
  LFM2_FUNCTION Status RunFeedForward(const LayerContext& ctx, uint32_t layer);
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

// Opens an image and a session on it, whatever the storage is: where it has to be read, the front of the image goes to
// the front of the arena, and all of the arena that is left becomes expert slots (options.arena_bytes, if not 0, says
// to use less). arena: aligned to kRecordAlignment where the storage has to be read, else to kAlignment. Errors: those
// of Image::Open and Session::Open, after which both are closed.
LFM2_FUNCTION_OF_UNIT Status OpenModel(const Storage& storage, const SessionOptions& options, Span<std::byte> arena,
                                       Image* image, Session* session, const Executor* executor = nullptr);
// The same of memory, without the code that reads.
LFM2_FUNCTION_OF_UNIT Status OpenModel(const MemoryStorage& storage, const SessionOptions& options,
                                       Span<std::byte> arena, Image* image, Session* session,
                                       const Executor* executor = nullptr);

}  // namespace lfm2

#endif  // LFM2_RUNTIME_SESSION_H_
