// The tally of a rule of a grammar, and what it allows.
#ifndef LFM2_TEXT_GRAMMAR_TALLY_H_
#define LFM2_TEXT_GRAMMAR_TALLY_H_

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/format/grammar.h"

namespace lfm2 {

namespace grammar_internal {

constexpr uint32_t CountBits(uint64_t bits) {
  uint32_t count = 0;
  for (; bits != 0; bits &= bits - 1) ++count;
  return count;
}

// The bits [from, to) of a word, to <= 64.
constexpr uint64_t BitRange(uint32_t from, uint32_t to) {
  const uint64_t below = to >= 64 ? ~uint64_t{0} : (uint64_t{1} << to) - 1;
  return from >= 64 ? 0 : below >> from << from;
}

// Which properties may come next, by the object record and the tally of its rule (format/grammar_layout.h).
class ObjectTally {
 public:
  // object: the words of the record.
  ObjectTally(const uint32_t* object, uint64_t tally) : object_(object), tally_(tally) {
    if (in_order()) {
      count_ = static_cast<uint32_t>(tally >> 32);
      next_ = static_cast<uint32_t>(tally);
      const uint32_t* const ranks = object_ + kObjectWords;
      const uint32_t* const by_rank = ranks + names();
      // A required property cannot be skipped.
      for (last_ = next_; last_ < names() && ranks[by_rank[last_]] >> 31 == 0;) ++last_;
      missing_ = last_ < names() ? 1 : 0;
    } else {
      const uint64_t seen = tally & BitRange(0, kTalliedOthersShift);
      const uint64_t required = LoadAs<uint64_t>(object_ + kObjectWords) & ~seen;
      count_ = static_cast<uint32_t>(tally >> kTalliedOthersShift) + CountBits(seen);
      missing_ = CountBits(required);
      allowed_ = missing_ >= room() ? required : BitRange(0, names()) & ~seen;
    }
    if (room() == 0) allowed_ = last_ = next_ = 0;
  }

  bool AllowsName(uint32_t name) const {
    if (!in_order()) return (allowed_ >> name & 1u) != 0;
    const uint32_t rank = object_[kObjectWords + name] & 0x7fffffffu;
    return room() > 0 && rank >= next_ && rank <= last_;
  }
  bool AllowsOneOf(uint32_t from, uint32_t to) const {
    if (!in_order()) return (allowed_ & BitRange(from, to)) != 0;
    for (uint32_t name = from; name < to; ++name) {
      if (AllowsName(name)) return true;
    }
    return false;
  }
  bool AllowsOther() const { return (object_[2] & kObjectTakesOthers) != 0 && room() > missing_; }
  bool AllowsAny() const { return AllowsOther() || (in_order() ? room() > 0 && next_ < names() : allowed_ != 0); }
  bool MayClose() const { return missing_ == 0 && count_ >= object_[3]; }

  uint64_t AfterName(uint32_t name) const {
    if (!in_order()) return tally_ | uint64_t{1} << name;
    return (uint64_t{count_} + 1) << 32 | ((object_[kObjectWords + name] & 0x7fffffffu) + 1);
  }
  uint64_t AfterOther() const {
    const uint32_t shift = in_order() ? 32 : kTalliedOthersShift;
    const uint64_t one = uint64_t{1} << shift;
    return tally_ >= ~uint64_t{0} - one ? tally_ : tally_ + one;
  }

 private:
  bool in_order() const { return (object_[2] & kObjectInOrder) != 0; }
  uint32_t names() const { return object_[1]; }
  // How many more properties are allowed.
  uint32_t room() const { return object_[4] > count_ ? object_[4] - count_ : 0; }

  const uint32_t* object_;
  uint64_t tally_;
  uint64_t allowed_ = 0;  // a bit for each name, if they come in any order
  uint32_t count_ = 0;
  uint32_t missing_ = 0;
  uint32_t next_ = 0;  // ranks that may come, if they come in order
  uint32_t last_ = 0;
};

// Whether an operation is allowed by a tally, which is then updated. rule: the record whose tally it is.
inline bool Apply(const Grammar& grammar, uint32_t rule, GrammarOp op, uint32_t argument, uint64_t* tally) {
  const uint32_t min = grammar[rule + 2], max = grammar[rule + 3];
  switch (op) {
    case GrammarOp::kNone: return true;
    case GrammarOp::kMore: return max == kUnlimited || *tally < max;
    case GrammarOp::kEnough: return *tally >= min;
    case GrammarOp::kCount:
      if (max != kUnlimited && *tally >= max) return false;
      if (max != kUnlimited || *tally < min) ++*tally;
      return true;
    default: break;
  }
  const ObjectTally object(grammar.words() + grammar[rule + 4], *tally);
  switch (op) {
    case GrammarOp::kKey:
      if (!object.AllowsName(argument)) return false;
      *tally = object.AfterName(argument);
      return true;
    case GrammarOp::kOther:
      if (!object.AllowsOther()) return false;
      *tally = object.AfterOther();
      return true;
    case GrammarOp::kKeys:
      return object.AllowsOneOf(argument & 0x7fffu, argument >> 15 & 0x7fffu) ||
             ((argument & kKeysOrOther) != 0 && object.AllowsOther());
    case GrammarOp::kComma: return object.AllowsAny();
    default: return object.MayClose();
  }
}

}  // namespace grammar_internal

}  // namespace lfm2

#endif  // LFM2_TEXT_GRAMMAR_TALLY_H_
