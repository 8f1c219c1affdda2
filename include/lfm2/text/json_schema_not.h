// Negated JSON schemas as demands, and the table of sets of demands.
#ifndef LFM2_TEXT_JSON_SCHEMA_NOT_H_
#define LFM2_TEXT_JSON_SCHEMA_NOT_H_

#include "lfm2/text/json_schema_sets.h"

namespace lfm2 {

namespace schema_internal {

inline bool DemandSets::ResolveNot(Node schema) {
  if (tape_.kind(schema) == JsonKind::kFalse) return false;
  if (tape_.kind(schema) != JsonKind::kTrue && tape_.kind(schema) != JsonKind::kObject) {
    return Wrong("is neither an object nor true or false: byte", schema), false;
  }
  uint32_t words = 0;
  Node only = JsonTape::kNone;
  if (tape_.kind(schema) == JsonKind::kObject) {
    ForEachWord(schema, [&](Node key, Node value, Word word) {
      Check(value, word);
      if (word == Word::kThen || word == Word::kElse) return;
      ++words;
      only = key;
    });
  }
  if (words == 0) types_ = 0;
  if (words == 1) Add(only, kNotWord);
  return words > 1;  // one of them
}

inline bool DemandSets::ResolveNotWord(Node key) {
  const Node value = key + 1;
  const Node first = tape_.kind(value) == JsonKind::kArray || tape_.kind(value) == JsonKind::kObject
                         ? tape_.first(value)
                         : JsonTape::kNone;
  const bool one = first != JsonTape::kNone && tape_.next(first) == JsonTape::kNone;
  switch (keyword(key)) {
    case Word::kType: types_ &= ~TypesAt(value); return false;
    case Word::kNot: Add(value, kSchema); return false;
    case Word::kRef: AddRef(value, kNotSchema); return false;
    case Word::kAnyOf:
      for (Node n = first; n != JsonTape::kNone; n = tape_.next(n)) Add(n, kNotSchema);
      return false;
    // One of several is not satisfied: which one is decided later.
    case Word::kAllOf:
      if (one) Add(first, kNotSchema);
      break;
    case Word::kRequired:
      types_ &= kObject;
      if (one) Add(first, kLacks);
      break;
    case Word::kProperties:
      types_ &= kObject;
      if (one) Add(first, kNotProperty);
      break;
    case Word::kEnum:
    case Word::kConst: return true;
    case Word::kMinimum:
    case Word::kMaximum:
    case Word::kExclusiveMinimum:
    case Word::kExclusiveMaximum:
    case Word::kMultipleOf:
    case Word::kMinLength:
    case Word::kMaxLength:
    case Word::kPattern:
    case Word::kMinItems:
    case Word::kMaxItems:
    case Word::kMinProperties:
    case Word::kMaxProperties: types_ &= TypesOf(keyword(key)); return true;
    default: Refuse("has a keyword that is not supported in a \"not\": byte", key); return false;
  }
  if (first == JsonTape::kNone) types_ = 0;
  return first != JsonTape::kNone && !one;
}

inline Demands* DemandSets::Find() {
  if (types_ != kAllTypes) {
    const Demand demand = MakeDemand(types_, kOfTypes);
    uint32_t at = count_;
    if (count_ == kMostDemands) return Refuse("has too many schemas for one value: byte", 0), nullptr;
    for (; at > 0 && queue_[at - 1] > demand; --at) queue_[at] = queue_[at - 1];
    queue_[at] = demand;
    ++count_;
  }
  uint32_t hash = 2166136261u;
  for (uint32_t i = 0; i < count_; ++i) hash = (hash ^ queue_[i]) * 16777619u ^ hash >> 15;
  if (made_ * 2 >= table_size_ && !Grow()) return nullptr;
  uint32_t at = hash & (table_size_ - 1);
  for (; table_[at] != nullptr; at = (at + 1) & (table_size_ - 1)) {
    const Demands& set = *table_[at];
    if (set.hash == hash && set.count == count_ && std::memcmp(set.items(), queue_, count_ * sizeof(Demand)) == 0) {
      return table_[at];
    }
  }
  const uint64_t bytes = RoundUp<uint64_t>(sizeof(Demands) + count_ * sizeof(Demand), alignof(Demands));
  if (bytes > slab_left_) {
    slab_left_ = Max<uint64_t>(bytes, made_ < 100 ? 1024 : 4096);
    slab_ = builder_.Allocate<std::byte>(slab_left_);
    ++slabs_;
    if (slab_ == nullptr) return slab_left_ = 0, nullptr;
  }
  Demands* const set = reinterpret_cast<Demands*>(slab_);
  slab_ += bytes;
  slab_left_ -= bytes;
  *set = {last_, nullptr, 0, count_, hash, types_, false, false};
  std::memcpy(reinterpret_cast<Demand*>(set + 1), queue_, count_ * sizeof(Demand));
  table_[at] = last_ = set;
  ++made_;
  return set;
}

// Doubles the size of the table.
inline bool DemandSets::Grow() {
  const uint32_t size = Max<uint32_t>(table_size_ * 2, 64);
  Demands** const table = builder_.Allocate<Demands*>(size);
  ++slabs_;
  if (table == nullptr) return false;
  for (uint32_t i = 0; i < size; ++i) table[i] = nullptr;
  for (uint32_t i = 0; i < table_size_; ++i) {
    if (table_[i] == nullptr) continue;
    uint32_t at = table_[i]->hash & (size - 1);
    while (table[at] != nullptr) at = (at + 1) & (size - 1);
    table[at] = table_[i];
  }
  table_ = table;
  table_size_ = size;
  return true;
}

}  // namespace schema_internal

}  // namespace lfm2

#endif  // LFM2_TEXT_JSON_SCHEMA_NOT_H_
