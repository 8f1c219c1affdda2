// The place of a text in a grammar: all ways to read it at the same time, in memory of the caller.
#ifndef LFM2_TEXT_GRAMMAR_THREADS_H_
#define LFM2_TEXT_GRAMMAR_THREADS_H_

#include "lfm2/base/arena.h"
#include "lfm2/base/config.h"
#include "lfm2/base/status.h"
#include "lfm2/format/grammar.h"
#include "lfm2/text/grammar_tally.h"

namespace lfm2 {

namespace grammar_internal {

// One way to read the text so far: a place in a rule, the tally of the rule, and its caller.
struct Thread {
  uint32_t at;     // a state or a literal; of a literal the byte that comes next in the upper 8 bits
  uint32_t frame;  // 0: no caller
  uint64_t tally;
};

// A rule that waits for the return of a call.
struct Frame {
  uint64_t tally;  // its own, after the call
  uint32_t at;     // where it continues
  uint32_t parent;
};

// Threads in a stack of lists, so that a walk through a trie of bytes can go down and return: each step reads one list
// and makes another one after it. Frames made by a step are released with its list. No recursion; the work of a step is
// bounded by the memory for threads.
class Threads {
 public:
  // A list of threads, and the number of frames when it was complete.
  struct List {
    uint32_t begin;
    uint32_t end;
    uint32_t frames;
  };

  static constexpr uint32_t kNoByte = 256;

  constexpr void Carve(Arena* arena, uint32_t max_threads, uint32_t max_frames) {
    threads_ = arena->Carve<Thread>(max_threads);
    frames_ = arena->Carve<Frame>(max_frames);
    moved_ = arena->Carve<uint32_t>(max_frames);
    max_threads_ = max_threads;
    max_frames_ = max_frames;
  }

  // The list of the empty text.
  List Begin(const Grammar& grammar) {
    grammar_ = grammar;
    overflowed_ = false;
    frame_count_ = 1;
    threads_[0] = {grammar[grammar.start_rule() + 1], 0, 0};
    return {0, 1, 1};
  }

  const Thread& operator[](uint32_t i) const { return threads_[i]; }
  const Grammar& grammar() const { return grammar_; }
  // Whether a step ran out of memory, so that its list is incomplete.
  bool overflowed() const { return overflowed_; }
  void ClearOverflow() { overflowed_ = false; }
  static constexpr bool IsEmpty(const List& list) { return list.begin == list.end; }

  // The threads of `from` after one more byte, in a list after it; empty where the byte is not allowed. Overwrites
  // other lists after it.
  List Step(const List& from, uint8_t byte) { return Step(from, byte, from); }
  // The same with the new list after another one, which was made later than `from`.
  List Step(const List& from, uint8_t byte, const List& after) {
    frame_count_ = after.frames;
    begin_ = end_ = after.end;
    log_ = max_threads_;
    low_ = 0;
    high_ = 0xff;
    const bool one = from.end - from.begin == 1;
    if (!one || !ReadSimply(threads_[from.begin], byte)) {
      for (uint32_t i = from.begin; i < from.end; ++i) Follow(threads_[i], byte);
    }
    return {begin_, end_, frame_count_};
  }

  // Bytes that lead to the same list as that of the last step: low() to high(), and possibly more.
  uint32_t low() const { return low_; }
  uint32_t high() const { return high_; }

  // Whether two lists allow the same texts.
  bool IsSame(const List& a, const List& b) const {
    if (a.end - a.begin != b.end - b.begin) return false;
    for (uint32_t i = 0; i < a.end - a.begin; ++i) {
      if (!IsSame(threads_[a.begin + i], threads_[b.begin + i])) return false;
    }
    return true;
  }

  // Whether the text may end here.
  bool MayEnd(const List& list) {
    frame_count_ = list.frames;
    begin_ = end_ = list.end;
    may_end_ = false;
    for (uint32_t i = list.begin; i < list.end && !may_end_; ++i) Follow(threads_[i], kNoByte);
    frame_count_ = list.frames;
    return may_end_;
  }

  // Adds the bytes that a thread allows next to a set of 256 bits, and possibly more.
  void AddNextBytes(const Thread& thread, uint32_t (&bytes)[8]) const {
    const uint32_t ref = thread.at & kGrammarRefMask, place = thread.at >> 24;
    const uint32_t* const w = grammar_.words() + ref;
    if (grammar_.Kind(ref) == GrammarRecord::kLiteral) {
      const uint32_t byte = w[kLiteralWords + place / 4] >> (place % 4 * 8) & 0xffu;
      bytes[byte / 32] |= 1u << (byte % 32);
      return;
    }
    const uint32_t edges = w[1] & 0xfffu, calls = w[1] >> 12 & 0xfffu, flags = w[1] >> 24;
    const uint32_t* e = w + kStateWords;
    bool more = (flags & (kStateEnds | kStateEndsIfEnough)) != 0 && thread.frame != 0;
    for (uint32_t i = 0; i < edges; ++i, e += 2) {
      for (uint32_t byte = e[0] & 0xffu; byte <= (e[0] >> 8 & 0xffu); ++byte) bytes[byte / 32] |= 1u << (byte % 32);
    }
    for (uint32_t i = 0; i < calls; ++i, e += 2) {
      const uint32_t* const rule = grammar_.words() + (e[0] & kGrammarRefMask);
      more = more || (rule[6] & kRuleIsNullable) != 0;
      for (uint32_t k = 0; k < 8; ++k) bytes[k] |= rule[7 + k];
    }
    // The continuation after the end of a rule is not looked up: all bytes are added.
    for (uint32_t k = 0; k < 8 && more; ++k) bytes[k] = 0xffffffffu;
  }

  // Moves a list to the front, where it is the only one, with the frames that it needs if memory for frames is scarce;
  // *moved: whether frames have been renumbered.
  List Keep(const List& list, bool* moved) {
    for (uint32_t i = list.begin; i < list.end; ++i) threads_[i - list.begin] = threads_[i];
    const uint32_t count = list.end - list.begin;
    frame_count_ = list.frames;
    *moved = frame_count_ > max_frames_ / 2;
    if (*moved) DropFrames(count);
    return {0, count, frame_count_};
  }

 private:
  void Follow(const Thread& thread, uint32_t byte) {
    log_ = max_threads_;
    Thread t = thread;
    for (uint32_t next = max_threads_;;) {
      Read(t, byte);
      if (next == log_ || overflowed_) return;
      t = threads_[--next];
    }
  }

  // Read for a place with edges only, the most common kind; false for other places.
  bool ReadSimply(const Thread& t, uint32_t byte) {
    const uint32_t* const w = grammar_.words() + (t.at & kGrammarRefMask);
    if ((w[0] & 0xffu) != static_cast<uint32_t>(GrammarRecord::kState)) return false;
    constexpr uint32_t kMore = 0xfff000u | (kStateEnds | kStateEndsIfEnough | kStateOverlaps) << 24;
    if ((w[1] & kMore) != 0) return false;
    TakeEdges(t, w[2], w + kStateWords, w[1] & 0xfffu, false, byte);
    return true;
  }

  // Applies the byte to a thread.
  void Read(Thread t, uint32_t byte) {
    for (;;) {
      const uint32_t ref = t.at & kGrammarRefMask;
      const uint32_t* const w = grammar_.words() + ref;
      if (grammar_.Kind(ref) == GrammarRecord::kLiteral) {
        const uint32_t place = t.at >> 24;
        Narrow(byte, byte);
        if ((w[kLiteralWords + place / 4] >> (place % 4 * 8) & 0xffu) != byte) return;
        Emit({place + 1 == w[2] ? w[1] : t.at + (1u << 24), t.frame, t.tally});
        return;
      }
      const uint32_t edges = w[1] & 0xfffu, calls = w[1] >> 12 & 0xfffu, flags = w[1] >> 24;
      const uint32_t* const e = w + kStateWords;
      if (byte != kNoByte) TakeEdges(t, w[2], e, edges, (flags & kStateOverlaps) != 0, byte);
      if (calls > 0) MakeCalls(t, w[2], e + 2 * edges, calls, byte);
      const bool ends =
          (flags & kStateEnds) != 0 || ((flags & kStateEndsIfEnough) != 0 && t.tally >= grammar_[w[2] + 2]);
      if (!ends) return;
      if (t.frame == 0) {
        may_end_ = true;
        return;
      }
      t = Returned(t);
    }
  }

  Thread Returned(const Thread& t) const {
    const Frame& frame = frames_[t.frame];
    return {frame.at, frame.parent, frame.tally};
  }

  void TakeEdges(const Thread& t, uint32_t rule, const uint32_t* e, uint32_t edges, bool overlap, uint32_t byte) {
    if (!overlap && edges > 8) {
      // The last edge that begins at or before the byte.
      uint32_t low = 0, high = edges;
      while (high - low > 1) {
        const uint32_t middle = low + (high - low) / 2;
        if ((e[2 * middle] & 0xffu) <= byte) {
          low = middle;
        } else {
          high = middle;
        }
      }
      if (low + 1 < edges) Narrow(0, (e[2 * low + 2] & 0xffu) - 1);
      e += 2 * low;
      edges = 1;
    }
    for (; edges > 0; --edges, e += 2) {
      const uint32_t first = e[0] & 0xffu, last = e[0] >> 8 & 0xffu;
      if (byte < first) return Narrow(0, first - 1);
      if (byte > last) {
        Narrow(last + 1, 0xff);
        continue;
      }
      Narrow(first, last);
      const GrammarOp op = static_cast<GrammarOp>(e[0] >> 16);
      uint32_t to = e[1], argument = 0;
      if (HasArgument(op)) {
        argument = grammar_[to + 1];
        to = grammar_[to + 2];
      }
      uint64_t tally = t.tally;
      if (op == GrammarOp::kNone || Apply(grammar_, rule, op, argument, &tally)) Emit({to, t.frame, tally});
      if (!overlap) return;
    }
  }

  void Narrow(uint32_t low, uint32_t high) {
    low_ = Max(low_, low);
    high_ = Min(high_, high);
  }

  void MakeCalls(const Thread& t, uint32_t rule, const uint32_t* call, uint32_t calls, uint32_t byte) {
    Narrow(byte, byte);
    for (; calls > 0; --calls, call += 2) {
      const uint32_t callee = call[0] & kGrammarRefMask;
      const uint32_t* const r = grammar_.words() + callee;
      const bool begins = byte != kNoByte && (r[7 + byte / 32] >> (byte % 32) & 1u) != 0;
      const bool nullable = (r[6] & kRuleIsNullable) != 0;
      if (!begins && !nullable) continue;
      uint64_t tally = t.tally;
      if (!Apply(grammar_, rule, static_cast<GrammarOp>(call[0] >> 24), 0, &tally)) continue;
      // An empty text of the rule returns through its frame.
      if (!begins) {
        Later({call[1], t.frame, tally});
      } else if (OnlyEnds(call[1])) {
        Later({r[1], t.frame, 0});
      } else if (frame_count_ == max_frames_) {
        overflowed_ = true;
      } else {
        frames_[frame_count_] = {tally, call[1], t.frame};
        if (Later({r[1], frame_count_, 0})) ++frame_count_;
      }
    }
  }

  bool OnlyEnds(uint32_t at) const {
    return grammar_.Kind(at) == GrammarRecord::kState && (grammar_[at + 1] >> 24 & kStateOnlyEnds) != 0;
  }

  // Reads a thread later with the same byte, once: loops without a byte are not followed again.
  bool Later(const Thread& t) {
    for (uint32_t i = log_; i < max_threads_; ++i) {
      if (IsSame(threads_[i], t)) return false;
    }
    overflowed_ = overflowed_ || log_ == end_;
    if (overflowed_) return false;
    threads_[--log_] = t;
    return true;
  }

  // Adds a thread to the list being made.
  void Emit(Thread t) {
    while (t.frame != 0 && t.at <= kGrammarRefMask && OnlyEnds(t.at)) t = Returned(t);
    for (uint32_t i = begin_; i < end_; ++i) {
      if (IsSame(threads_[i], t)) return;
    }
    if (end_ == log_) {
      overflowed_ = true;
      return;
    }
    threads_[end_++] = t;
  }

  // Whether two threads allow the same texts: their frames may have been made by different steps.
  bool IsSame(const Thread& a, const Thread& b) const {
    if (a.at != b.at || a.tally != b.tally) return false;
    uint32_t x = a.frame, y = b.frame;
    while (x != y && x != 0 && y != 0) {
      if (frames_[x].at != frames_[y].at || frames_[x].tally != frames_[y].tally) return false;
      x = frames_[x].parent;
      y = frames_[y].parent;
    }
    return x == y;
  }

  // Keeps the frames that the first `count` threads need. A parent has a lower number than its children.
  LFM2_SELDOM void DropFrames(uint32_t count) {
    for (uint32_t i = 1; i < frame_count_; ++i) moved_[i] = 0;
    for (uint32_t i = 0; i < count; ++i) {
      for (uint32_t f = threads_[i].frame; f != 0 && moved_[f] == 0; f = frames_[f].parent) moved_[f] = 1;
    }
    uint32_t used = 1;
    for (uint32_t i = 1; i < frame_count_; ++i) {
      if (moved_[i] == 0) continue;
      const Frame frame = frames_[i];
      moved_[i] = used;
      frames_[used++] = {frame.tally, frame.at, frame.parent == 0 ? 0 : moved_[frame.parent]};
    }
    for (uint32_t i = 0; i < count; ++i) {
      if (threads_[i].frame != 0) threads_[i].frame = moved_[threads_[i].frame];
    }
    frame_count_ = used;
  }

  Grammar grammar_;
  Thread* threads_ = nullptr;  // lists from the front; from the end, threads that a step has to read or has read
  Frame* frames_ = nullptr;    // from 1 on
  uint32_t* moved_ = nullptr;
  uint32_t max_threads_ = 0;
  uint32_t max_frames_ = 0;
  uint32_t begin_ = 0;  // of the list being made
  uint32_t end_ = 0;
  uint32_t log_ = 0;
  uint32_t frame_count_ = 1;
  uint32_t low_ = 0, high_ = 0xff;
  bool may_end_ = false;
  bool overflowed_ = false;
};

}  // namespace grammar_internal

}  // namespace lfm2

#endif  // LFM2_TEXT_GRAMMAR_THREADS_H_
