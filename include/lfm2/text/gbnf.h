// Compiles grammars in llama.cpp's notation, GBNF.
#ifndef LFM2_TEXT_GBNF_H_
#define LFM2_TEXT_GBNF_H_

#include <string_view>

#include "lfm2/base/config.h"
#include "lfm2/base/span.h"
#include "lfm2/base/status.h"
#include "lfm2/text/gbnf_reader.h"
#include "lfm2/text/gbnf_rules.h"
#include "lfm2/text/grammar_builder.h"
#include "lfm2/text/nfa_tools.h"

namespace lfm2 {

// Compiles the texts of the rule `root`. Small rules without calls are inlined; large repetitions become a rule with a
// count. No recursion: open groups are stored among the nodes.
class GbnfCompiler {
 public:
  using Node = GrammarBuilder::Node;
  using Rule = GrammarBuilder::Rule;

  // text: must outlive the compiler. memory: aligned to 8 bytes; holds the grammar afterwards.
  GbnfCompiler(std::string_view text, Span<std::byte> memory)
      : builder_(memory), reader_(text, &builder_), rules_(text, &builder_) {}

  // *grammar: at the front of the memory. Errors, with the byte: kInvalidArgument for a syntax error, and for a rule
  // that is undefined, defined twice, begins with itself or that no text satisfies; kUnsupported for tokens by name;
  // kArenaTooSmall.
  Status Run(Span<const std::byte>* grammar) {
    if (!rules_.Read()) return builder_.status();
    GbnfRule* const root = rules_.Find("root");
    if (root == nullptr) return Status(StatusCode::kInvalidArgument, "grammar", "has no rule named root");
    const Rule start = RuleOf(root);
    while (waiting_ != nullptr && builder_.ok()) {
      GbnfRule* const rule = waiting_;
      waiting_ = rule->waiting;
      Compile(*rule);
    }
    return builder_.Finish(start, grammar);
  }

 private:
  using Symbol = GbnfReader::Symbol;
  static constexpr uint64_t kManyUnits = 512;  // beyond this, repeated nodes and edges become a rule
  // NfaUnit::low of the data of a group: what the group ends with.
  static constexpr uint8_t kParenthesis = 0, kRule = 1;

  // The compiled rule, to be compiled later if it is new.
  Rule RuleOf(GbnfRule* rule) {
    if (rule->rule == 0) {
      rule->rule = builder_.Declare(rule->name_at);
      rule->waiting = waiting_;
      waiting_ = rule;
    }
    return rule->rule;
  }

  NfaUnit& Group() { return builder_.pool()->units()[group_]; }
  // Starts a group: two nodes, followed by a unit of data with the continuation after the group.
  void Open(uint8_t kind) {
    const Node begin = builder_.AddNode();
    builder_.AddNode();
    const Node data = builder_.AddData(1);
    if (data == 0) return;
    NfaUnit& unit = builder_.pool()->units()[data];
    unit.next = group_;
    unit.to = at_;
    unit.low = kind;
    unit.argument = reader_.position();
    group_ = data;
    at_ = begin;
  }
  void Close() {
    const Node begin = group_ - 2;
    builder_.Empty(at_, begin + 1);
    at_ = Group().to;
    if (Group().low == kRule) reader_.GoTo(Group().argument);
    group_ = Group().next;
    Took(begin, begin + 1);
  }
  // The newest part of the automaton, from `begin` to `end`, is kept separate until its number of repetitions is known.
  void Took(Node begin, Node end) {
    begin_ = begin;
    end_ = end;
    class_at_ = 0;
  }
  void Append() {
    if (begin_ == 0) return;
    builder_.Empty(at_, begin_);
    at_ = end_;
    begin_ = 0;
  }

  void Compile(const GbnfRule& rule) {
    builder_.Begin(rule.rule);
    reader_.GoTo(rule.body_at);
    at_ = group_ = begin_ = 0;
    Open(kRule);
    const Node begin = at_;
    bool is_inside = true;
    while (builder_.ok()) {
      const Symbol symbol = reader_.Next(is_inside || Group().low == kParenthesis);
      if (symbol != Symbol::kRepeat) Append();
      is_inside = symbol == Symbol::kOr;
      if (symbol == Symbol::kEnd || symbol == Symbol::kClose) {
        const bool is_last = Group().next == 0;
        Close();
        if (is_last) break;
        continue;
      }
      Take(symbol);
      // The body of an inlined rule starts here, and may begin on the next line.
      is_inside = is_inside || (symbol == Symbol::kName && begin_ == 0);
    }
    builder_.Accept(begin + 1);
    builder_.End(begin);
  }

  void Take(Symbol symbol) {
    switch (symbol) {
      case Symbol::kOpen: return Open(kParenthesis);
      case Symbol::kOr:
        builder_.Empty(at_, group_ - 1);
        at_ = group_ - 2;
        return;
      case Symbol::kRepeat: return Repeat();
      case Symbol::kName: {
        GbnfRule* const rule = rules_.Find(reader_.name());
        if (rule->is_inlined) {
          Open(kRule);
          return reader_.GoTo(rule->body_at);
        }
        const Node begin = builder_.AddNode(), end = builder_.AddNode();
        builder_.Call(begin, RuleOf(rule), end);
        return Took(begin, end);
      }
      case Symbol::kString: {
        const Node begin = builder_.AddNode();
        Node end = begin;
        for (int32_t c = reader_.TakeCharacter(); c >= 0; c = reader_.TakeCharacter()) {
          const Node next = builder_.AddNode();
          builder_.Characters(end, static_cast<uint32_t>(c), static_cast<uint32_t>(c), next);
          end = next;
        }
        // A node without edges back to it.
        if (end == begin) builder_.Empty(begin, end = builder_.AddNode());
        return Took(begin, end);
      }
      case Symbol::kClass:
      case Symbol::kAny: {
        const Node begin = builder_.AddNode(), end = builder_.AddNode();
        Took(begin, end);
        class_at_ = reader_.position();
        is_any_ = symbol == Symbol::kAny;
        return Characters(begin, end, GrammarOp::kNone);
      }
      case Symbol::kEnd:
      case Symbol::kClose: return;
    }
  }
  // A character of the class that is read next, or any character.
  void Characters(Node from, Node to, GrammarOp op) {
    CharacterSet set(&builder_);
    const bool negated = is_any_ || reader_.TakeClass(&set);
    set.Emit(from, to, StringForm::kPlain, negated, op);
  }

  void Repeat() {
    const uint32_t least = reader_.least(), most = reader_.most();
    const Node begin = begin_, end = end_, size = builder_.next_node() - begin;
    begin_ = 0;
    const uint64_t copies = most == kUnlimited ? least : most;
    if (copies < 2 || copies * size < kManyUnits) {
      at_ = RepeatNodes(&builder_, at_, begin, end, least, most);
      return;
    }
    // A large count becomes a rule: of characters, or of another rule for the repeated part.
    const uint32_t place = reader_.position();
    const Rule counter = builder_.Declare(place);
    bool can_be_empty = false;
    if (class_at_ != 0) {
      builder_.DropNodes(begin);
      builder_.Begin(counter, least, most);
      const Node loop = builder_.AddNode();
      reader_.GoTo(class_at_);
      Characters(loop, loop, GrammarOp::kCount);
      reader_.GoTo(place);
      EndCounter(loop);
    } else {
      const Rule item = builder_.Declare(place);
      builder_.Begin(item);
      const Node copy = builder_.Copy(begin, begin + size);
      builder_.Accept(copy + (end - begin));
      can_be_empty = builder_.End(copy, true);
      builder_.DropNodes(begin);
      builder_.Begin(counter, can_be_empty ? 0 : least, most);
      const Node loop = builder_.AddNode();
      builder_.Call(loop, item, loop, GrammarOp::kCount);
      EndCounter(loop);
    }
    const Node after = builder_.AddNode();
    builder_.Call(at_, counter, after);
    if (least == 0 || can_be_empty) builder_.Empty(at_, after);
    at_ = after;
  }
  void EndCounter(Node loop) {
    builder_.Accept(loop, true);
    builder_.End(loop, true);
  }

  GrammarBuilder builder_;
  GbnfReader reader_;
  GbnfRules rules_;
  GbnfRule* waiting_ = nullptr;  // the last rule that was called and not compiled yet
  Node at_ = 0;                  // the end of what was read
  Node group_ = 0;               // the data of the innermost group; its two nodes come just before it
  Node begin_ = 0, end_ = 0;     // the last item, which may be repeated
  uint32_t class_at_ = 0;        // its position, if it is a class or any character
  bool is_any_ = false;
};

}  // namespace lfm2

#endif  // LFM2_TEXT_GBNF_H_
