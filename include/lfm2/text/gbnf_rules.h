// The rules of a grammar in llama.cpp's notation.
#ifndef LFM2_TEXT_GBNF_RULES_H_
#define LFM2_TEXT_GBNF_RULES_H_

#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/base/numeric.h"
#include "lfm2/base/status.h"
#include "lfm2/text/gbnf_reader.h"
#include "lfm2/text/grammar_builder.h"

namespace lfm2 {

struct GbnfRule {
  uint32_t name_at, name_bytes;
  uint32_t body_at;
  uint32_t rule;      // of the builder, once it was called
  GbnfRule* chain;    // with the same hash
  GbnfRule* waiting;  // the next one to be compiled
  bool is_inlined;
};

// Reads a whole grammar, checks it, and finds its rules by name. The table is in the scratch of the builder.
class GbnfRules {
 public:
  // Both must outlive the object.
  GbnfRules(std::string_view text, GrammarBuilder* builder) : text_(text), builder_(builder) {}

  // False with an error of the builder.
  bool Read() {
    if (text_.size() > UINT32_MAX) {
      builder_->Fail(Status(StatusCode::kUnsupported, "grammar", "is too long: bytes", text_.size()));
    }
    if (!builder_->ok()) return false;
    ForEachRule([&](const GbnfRule&) { ++count_; });
    while (buckets_ < count_) buckets_ *= 2;
    heads_ = builder_->Allocate<GbnfRule*>(buckets_);
    rules_ = builder_->Allocate<GbnfRule>(count_);
    if (!builder_->ok()) return false;
    for (uint32_t i = 0; i < buckets_; ++i) heads_[i] = nullptr;
    uint32_t added = 0;
    ForEachRule([&](const GbnfRule& rule) { Add(rule, &rules_[added++]); });
    if (builder_->ok()) ChooseInlined();
    return builder_->ok();
  }

  // nullptr if there is none.
  GbnfRule* Find(std::string_view name) const {
    for (GbnfRule* rule = heads_[Hash(name)]; rule != nullptr; rule = rule->chain) {
      if (NameOf(*rule) == name) return rule;
    }
    return nullptr;
  }

 private:
  using Symbol = GbnfReader::Symbol;

  std::string_view NameOf(const GbnfRule& rule) const { return TextPart(text_, rule.name_at, rule.name_bytes); }
  // FNV-1a.
  uint32_t Hash(std::string_view name) const {
    uint32_t hash = 2166136261u;
    for (const char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 16777619u;
    return (hash ^ hash >> 16) & (buckets_ - 1);
  }

  // Reads the whole text and checks its syntax.
  template <class Do>
  void ForEachRule(Do&& act) {
    GbnfReader reader(text_, builder_);
    for (reader.SkipSpace(); builder_->ok() && reader.position() < text_.size(); reader.SkipSpace()) {
      GbnfRule rule = {reader.position(), 0, 0, 0, nullptr, nullptr, false};
      rule.name_bytes = static_cast<uint32_t>(reader.TakeHead().size());
      rule.body_at = reader.position();
      act(rule);
      ReadBody(&reader, rule.body_at);
    }
  }
  // The approximate number of nodes and edges of the body of a rule, including inlined rules; kNever if it calls
  // others.
  static constexpr uint32_t kNever = 0xffffffffu;
  uint32_t ReadBody(GbnfReader* reader, uint32_t at) {
    reader->GoTo(at);
    uint64_t size = 0, last = 0;
    uint32_t depth = 0;
    bool is_inside = true, may_repeat = false, calls = false;
    for (;;) {
      const Symbol symbol = reader->Next(is_inside || depth > 0);
      is_inside = symbol == Symbol::kOr;
      switch (symbol) {
        case Symbol::kEnd:
          if (depth > 0 && builder_->ok()) reader->Refuse("has a parenthesis that is not closed: byte");
          return calls ? kNever : static_cast<uint32_t>(Min<uint64_t>(size, kNever));
        case Symbol::kRepeat:
          if (!may_repeat) reader->Refuse("repeats nothing, or twice: byte");
          size += (Max(reader->least(), reader->most() == kUnlimited ? 0 : reader->most())) * last;
          break;
        case Symbol::kClose:
          if (depth == 0) {
            reader->Refuse("has a parenthesis that closes nothing: byte");
          } else {
            --depth;
          }
          last = size;
          break;
        case Symbol::kOpen: ++depth; break;
        case Symbol::kOr: break;
        case Symbol::kName: {
          const GbnfRule* const rule = heads_ == nullptr ? nullptr : Find(reader->name());
          if (rule == nullptr && heads_ != nullptr && has_all_) {
            builder_->Fail(Status(StatusCode::kInvalidArgument, "grammar", "calls a rule that is not defined: byte",
                                  reader->position() - reader->name().size()));
          }
          calls = calls || rule == nullptr || !rule->is_inlined;
          last = rule == nullptr ? 1 : rule->rule;
          size += last;
          break;
        }
        case Symbol::kString:
          for (last = 1; reader->TakeCharacter() >= 0;) ++last;
          size += last;
          break;
        case Symbol::kClass: {
          CharacterSet set(builder_);
          const uint32_t begin = reader->position();
          last = reader->TakeClass(&set) ? kOfAny : 1 + (reader->position() - begin) / 2;
          size += last;
          break;
        }
        case Symbol::kAny: size += last = kOfAny; break;
      }
      may_repeat = symbol == Symbol::kClose || (symbol >= Symbol::kName && symbol <= Symbol::kAny);
    }
  }

  void Add(const GbnfRule& rule, GbnfRule* place) {
    GbnfRule** const head = &heads_[Hash(NameOf(rule))];
    if (Find(NameOf(rule)) != nullptr) {
      builder_->Fail(Status(StatusCode::kInvalidArgument, "grammar", "defines a rule twice: byte", rule.name_at));
    }
    *place = rule;
    place->chain = *head;
    *head = place;
  }

  // Chooses small rules that call no others, or only inlined ones. Rules mostly precede those that they call.
  void ChooseInlined() {
    constexpr int kRounds = 3;
    has_all_ = true;
    GbnfReader reader(text_, builder_);
    bool changed = true;
    for (int round = 0; changed && round < kRounds; ++round) {
      changed = false;
      for (uint32_t i = count_; i-- > 0 && builder_->ok();) {
        GbnfRule* const rule = &rules_[i];
        if (rule->is_inlined) continue;
        const uint32_t size = ReadBody(&reader, rule->body_at);
        if (size > kLargestInlined) continue;
        rule->is_inlined = changed = true;
        rule->rule = size;
      }
    }
    for (uint32_t i = 0; i < count_; ++i) rules_[i].rule = 0;
    if (GbnfRule* const root = builder_->ok() ? Find("root") : nullptr) root->is_inlined = false;
  }

  static constexpr uint32_t kOfAny = 24, kLargestInlined = 96;

  std::string_view text_;
  GrammarBuilder* builder_;
  GbnfRule* rules_ = nullptr;
  GbnfRule** heads_ = nullptr;
  uint32_t count_ = 0, buckets_ = 16;
  bool has_all_ = false;
};

}  // namespace lfm2

#endif  // LFM2_TEXT_GBNF_RULES_H_
