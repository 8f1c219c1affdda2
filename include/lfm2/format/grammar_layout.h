// The binary format of a compiled grammar (docs/format-grammar.md): records of 32-bit words that refer to one another
// by the index of their first word.
#ifndef LFM2_FORMAT_GRAMMAR_LAYOUT_H_
#define LFM2_FORMAT_GRAMMAR_LAYOUT_H_

#include "lfm2/base/config.h"

namespace lfm2 {

inline constexpr char kGrammarMagic[8] = {'L', 'F', 'M', '2', 'G', 'R', 'A', '\n'};
inline constexpr uint32_t kGrammarVersion = 1;

// The first 32 bytes; word_count words follow, and after them a bit for each word, set where a record begins, in
// DivideUp(word_count, 32) words.
struct GrammarHeader {
  char magic[8];
  uint32_t version;
  uint32_t header_bytes;
  uint32_t total_bytes;
  uint32_t word_count;  // the first word is 0 and begins no record, so a reference of 0 means none
  uint32_t start_rule;
  uint32_t crc;  // CRC-32C of all bytes, computed with this field 0
};
static_assert(sizeof(GrammarHeader) == 32, "the format fixes this");

// References have 24 bits; the upper 8 bits of their word are for other data.
inline constexpr uint32_t kMaxGrammarWords = 1u << 24;
inline constexpr uint32_t kGrammarRefMask = kMaxGrammarWords - 1;
// A count without a limit.
inline constexpr uint32_t kUnlimited = 0xffffffffu;

// The first word of a record is kind | size << 8, the size in words with this one.
enum class GrammarRecord : uint8_t { kRule = 1, kState = 2, kLiteral = 3, kObject = 4, kArgument = 5 };

// A rule is an automaton over bytes and calls of rules. While it runs it has a 64-bit tally, which starts at 0: a
// count, or the properties of an object that have occurred.
//   word 1: the state or literal that it begins in
//   words 2 and 3: what its tally is held against by kMore, kCount and kEnough: min and max
//   word 4: its object record, or 0
//   word 5: the byte of the source that it was made from, for messages
//   word 6: kRuleIsNullable
//   words 7 to 14: a bit for each byte that a text of this rule can begin with
inline constexpr uint32_t kRuleWords = 15;
inline constexpr uint32_t kRuleIsNullable = 1;  // the empty text is one of the rule

// A state:
//   word 1: edges | calls << 12 | flags << 24
//   word 2: its rule
//   then 2 words for each edge, in ascending order of their first bytes: low | high << 8 | operation << 16, and where
//   to continue: a state, a literal or, for operations that have an argument, an argument record
//   then 2 words for each call: rule | operation << 24, and the state or literal to continue with after it
inline constexpr uint32_t kStateWords = 3;
inline constexpr uint32_t kStateEnds = 1;          // the rule may end here
inline constexpr uint32_t kStateEndsIfEnough = 2;  // the same, if the tally is at least min
inline constexpr uint32_t kStateOnlyEnds = 4;      // kStateEnds, and there are neither edges nor calls
inline constexpr uint32_t kStateOverlaps = 8;      // a byte can have several edges
// Every character that is plain (format/token_trie.h) leads back here, all of them with the same operation: none or
// kCount.
inline constexpr uint32_t kStateIsText = 16;
inline constexpr uint32_t kStateTakesControl = 32;  // has an edge for a byte below 0x20

// A literal: bytes that follow each other, 1 to 255.
//   word 1: where to continue after the last: a state or a literal
//   word 2: the number of bytes; then the bytes, padded with zeros
inline constexpr uint32_t kLiteralWords = 3;
inline constexpr uint32_t kMaxLiteralBytes = 255;

// Properties of an object whose names are known, numbered in the order of their bytes.
//   word 1: names
//   word 2: kObjectInOrder, kObjectTakesOthers
//   words 3 and 4: properties at least and at most
//   then, where the properties come in any order (at most kMaxTalliedNames): 2 words, a bit for each required name; the
//   tally has a bit for each name that there was, and from bit kTalliedOthersShift on the number of other properties
//   (saturated);
//   with kObjectInOrder: the names have ranks, and come in ascending order of them: a word for each name, its rank | 1
//   << 31 if it is required, in the order of names; then the names by rank, a word for each. The tally is the rank that
//   may come next, and from bit 32 on the number of properties.
inline constexpr uint32_t kObjectWords = 5;
inline constexpr uint32_t kObjectInOrder = 1;
inline constexpr uint32_t kObjectTakesOthers = 2;  // properties with names that are not known
inline constexpr uint32_t kMaxTalliedNames = 48;
inline constexpr uint32_t kTalliedOthersShift = 48;
inline constexpr uint32_t kMaxObjectNames = 0x7fff;

// An argument record: word 1 is the argument, word 2 where to continue: a state or a literal.
inline constexpr uint32_t kArgumentWords = 3;

// What an edge or a call requires of the tally, and how it changes it.
enum class GrammarOp : uint8_t {
  kNone = 0,
  kCount = 1,   // fewer than max; counts one (saturated at min where there is no max)
  kMore = 2,    // fewer than max
  kEnough = 3,  // at least min
  // Of rules with an object record.
  kKey = 4,    // the property of the argument may come; it has come
  kOther = 5,  // a property of another name may come; it has come
  kKeys = 6,   // one of the names [argument & 0x7fff, argument >> 15 & 0x7fff) may come, or, with bit 30 of the
               // argument, a property of another name
  kComma = 7,  // any property may come
  kClose = 8,  // all required properties have come, and as many as there must be
};
inline constexpr uint32_t kKeysOrOther = 1u << 30;
constexpr bool HasArgument(GrammarOp op) { return op == GrammarOp::kKey || op == GrammarOp::kKeys; }

}  // namespace lfm2

#endif  // LFM2_FORMAT_GRAMMAR_LAYOUT_H_
