// The memory in which a grammar is compiled.
#ifndef LFM2_TEXT_GRAMMAR_POOL_H_
#define LFM2_TEXT_GRAMMAR_POOL_H_

#include <cstring>

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/format/grammar_layout.h"

namespace lfm2 {

// A node of a nondeterministic automaton, or one of its edges. Nodes and edges are numbered in one sequence, from 1 on.
struct NfaUnit {
  enum class Kind : uint8_t { kNode, kEmpty, kBytes, kCall, kBegin, kEnd, kData };

  uint32_t next;      // of a node: its newest edge; of an edge: the node's one before it; 0 if there is none
  uint32_t to;        // of an edge: the node that it leads to; of a node: its mark
  uint8_t low, high;  // of an edge: its bytes; of a node: whether it accepts (below), and its automaton
  uint8_t op;         // of an edge: a GrammarOp; of a node: kLive, kMatters
  Kind kind;
  uint32_t argument;  // of an edge: its argument, or the rule that is called; of a node: GrammarBuilder::Absorb
};
static_assert(sizeof(NfaUnit) == 16, "a unit is copied as it is");

// From front to back: room for the header, the records compiled so far, the automaton of the current rule (which moves
// when records are added), free memory, and temporary data (scratch), the newest first. Does not own the memory. Does
// nothing after an error.
class GrammarPool {
 public:
  explicit GrammarPool(Span<std::byte> memory)
      : base_(memory.data()), scratch_(Min<uint64_t>(memory.size(), uint64_t{1} << 34) / 8 * 8) {
    if (memory.size() < sizeof(GrammarHeader) + sizeof(uint32_t)) {
      FailForSpace();
    } else if (reinterpret_cast<uintptr_t>(base_) % 8 != 0) {
      Fail(Status(StatusCode::kInvalidArgument, "grammar", "needs memory that is aligned to 8 bytes"));
    } else {
      words()[0] = 0;
    }
  }

  const Status& status() const { return status_; }
  bool ok() const { return status_.ok(); }
  // Only the first error is kept.
  void Fail(const Status& status) {
    if (status_.ok()) status_ = status;
  }
  void FailForSpace() { Fail(Status(StatusCode::kArenaTooSmall, "grammar", "does not fit the memory: byte", place_)); }
  // The current byte of the source, for messages.
  uint32_t place() const { return place_; }
  void set_place(uint32_t place) { place_ = place; }

  // The records; word_count() words are in use.
  uint32_t* words() { return reinterpret_cast<uint32_t*>(base_ + sizeof(GrammarHeader)); }
  uint32_t word_count() const { return word_count_; }
  void set_word_count(uint32_t count) { word_count_ = count; }
  // Adds a record, zero except for its first word. 0 if there is no room. Moves the automaton.
  uint32_t AddRecord(GrammarRecord kind, uint32_t size) {
    const uint64_t end = sizeof(GrammarHeader) + (uint64_t{word_count_} + size) * sizeof(uint32_t);
    if (word_count_ + size >= kMaxGrammarWords || !MakeFront(end)) {
      FailForSpace();
      return 0;
    }
    const uint32_t at = word_count_;
    word_count_ += size;
    std::memset(words() + at, 0, size * sizeof(uint32_t));
    words()[at] = static_cast<uint32_t>(kind) | size << 8;
    return at;
  }

  // The automaton.
  NfaUnit* units() { return reinterpret_cast<NfaUnit*>(base_ + units_); }
  uint32_t unit_count() const { return unit_count_; }
  // Adds `count` consecutive uninitialised units. 0 if there is no room.
  uint32_t AddUnits(uint32_t count) {
    if (!ok()) return 0;
    if (unit_count_ == 0) {
      units_ = FrontEnd();
      count += 1;  // number 0 is not used
    }
    if ((scratch_ - FrontEnd()) / sizeof(NfaUnit) < count || count > UINT32_MAX - unit_count_) {
      FailForSpace();
      return 0;
    }
    const uint32_t at = Max<uint32_t>(unit_count_, 1);
    unit_count_ += count;
    return at;
  }
  // Drops the units from number `count` on.
  void DropUnits(uint32_t count) { unit_count_ = count <= 1 ? 0 : count; }

  // `count` uninitialised values of T from the end. nullptr if there is no room.
  template <class T>
  T* Allocate(uint64_t count) {
    static_assert(alignof(T) <= 8, "scratch is aligned to 8 bytes");
    uint64_t bytes = 0;
    if (!ok() || !CheckedMul(count, sizeof(T), &bytes) || scratch_ - FrontEnd() < bytes ||
        (bytes = RoundUp<uint64_t>(bytes, 8)) > scratch_ - FrontEnd()) {
      FailForSpace();
      return nullptr;
    }
    scratch_ -= bytes;
    return reinterpret_cast<T*>(base_ + scratch_);
  }
  uint64_t scratch_mark() const { return scratch_; }
  // Releases everything that was allocated since.
  void Release(uint64_t mark) { scratch_ = mark; }
  // A reference to allocated memory, never 0.
  uint32_t RefOf(const void* allocated) const {
    return static_cast<uint32_t>((static_cast<const std::byte*>(allocated) - base_) / 4);
  }
  template <class T>
  T* At(uint32_t ref) {
    return reinterpret_cast<T*>(base_ + uint64_t{ref} * 4);
  }
  std::byte* base() { return base_; }

 private:
  // Where the free memory begins.
  uint64_t FrontEnd() const {
    if (unit_count_ > 0) return units_ + uint64_t{unit_count_} * sizeof(NfaUnit);
    return RoundUp<uint64_t>(sizeof(GrammarHeader) + uint64_t{word_count_} * sizeof(uint32_t), 8);
  }
  // Makes room for records up to `end`: moves the automaton, and somewhat further than needed, to move it less often.
  bool MakeFront(uint64_t end) {
    if (!ok()) return false;
    end = RoundUp<uint64_t>(end, 8);
    if (unit_count_ == 0) return end <= scratch_;
    if (end <= units_) return true;
    const uint64_t size = uint64_t{unit_count_} * sizeof(NfaUnit);
    if (end > scratch_ || scratch_ - end < size) return false;
    const uint64_t to = end + Min<uint64_t>(size / 4 + 256, scratch_ - end - size) / 8 * 8;
    std::memmove(base_ + to, base_ + units_, static_cast<size_t>(size));
    units_ = to;
    return true;
  }

  std::byte* base_;
  uint64_t scratch_;  // offset of scratch
  uint64_t units_ = 0;
  uint32_t unit_count_ = 0;
  uint32_t word_count_ = 1;
  uint32_t place_ = 0;
  Status status_;
};

}  // namespace lfm2

#endif  // LFM2_TEXT_GRAMMAR_POOL_H_
