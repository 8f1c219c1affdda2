// The values that a template works with, with the meaning that they have in Python.
#ifndef LFM2_PROGRAMS_JINJA_VALUE_H_
#define LFM2_PROGRAMS_JINJA_VALUE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lfm2::tools::jinja {

class Execution;
class Value;
struct Macro;
struct Loop;

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

// A filter, a test, a method or a global function; `self` is what it is applied to.
using Function = Value (*)(Execution& run, const Value& self, Arguments& arguments);

// What is shared between the copies of a value. `depth` counts containers in containers: they are freed, compared and
// printed recursively.
struct Object {
  virtual ~Object() = default;
  uint32_t depth = 0;
};

class Value {
 public:
  enum class Kind : uint8_t {
    kUndefined,
    kNone,
    kBool,
    kInt,
    kBigInt,  // beyond 64 bits: its digits, which can be printed and compared
    kFloat,
    kString,
    kList,
    kTuple,
    kRange,
    kView,       // of a dict: its keys, values or items
    kGenerator,  // what a lazy filter returns: can be walked once
    kDict,
    kNamespace,
    kLoop,
    kMacro,
    kFunction,
  };

  Value() = default;
  // What evaluates to nothing and says why when somebody needs more of it.
  static Value Undefined(std::string why);
  static Value None() { return Value(Kind::kNone); }
  static Value Bool(bool value);
  static Value Int(int64_t value);
  static Value BigInt(std::string digits);
  static Value Float(double value);
  static Value String(std::string text, bool markup = false);
  static Value List(std::vector<Value> items) { return Sequence(Kind::kList, std::move(items), {}); }
  static Value Tuple(std::vector<Value> items) { return Sequence(Kind::kTuple, std::move(items), {}); }
  // `label`: how Python names it (dict_keys, range(0, 5), generator).
  static Value Sequence(Kind kind, std::vector<Value> items, std::string label);
  static Value Dict(std::vector<std::pair<Value, Value>> items);
  static Value Namespace();
  static Value OfLoop(std::shared_ptr<jinja::Loop> loop);
  static Value OfMacro(std::shared_ptr<jinja::Macro> macro);
  static Value OfFunction(Function function, const Value& self, std::string name);

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool undefined() const { return kind_ == Kind::kUndefined; }
  bool none() const { return kind_ == Kind::kNone; }
  bool string() const { return kind_ == Kind::kString; }
  // A str that escapes what is added to it.
  bool markup() const { return markup_; }
  // bool is an int in Python.
  bool integer() const { return kind_ == Kind::kInt || kind_ == Kind::kBool; }
  bool number() const { return integer() || kind_ == Kind::kFloat || kind_ == Kind::kBigInt; }
  // list, tuple, range, view or generator: `items` holds its elements.
  bool sequence() const { return kind_ >= Kind::kList && kind_ <= Kind::kGenerator; }

  bool boolean() const { return number_.integer != 0; }
  int64_t as_int() const { return number_.integer; }
  double as_float() const;
  // Of a string its text, of a big integer its digits, of undefined why, of a sequence or function its label.
  const std::string& text() const;
  const std::vector<Value>& items() const;
  // Marks a generator as walked, from which on it has no items.
  void Exhaust() const;
  const std::vector<std::pair<Value, Value>>& pairs() const;
  const std::vector<std::pair<std::string, Value>>& attributes() const;
  // nullptr where there is none.
  const Value* Attribute(std::string_view name) const;
  // Of a namespace, which all its copies share.
  void SetAttribute(const std::string& name, Value value) const;
  void ClearAttributes() const;
  jinja::Loop& loop() const;
  const jinja::Macro& macro() const;
  Function function() const;
  const Value& self() const;

  // Whether both are the same object.
  bool Same(const Value& other) const;
  uint32_t depth() const { return object_ == nullptr ? 0 : object_->depth; }
  // As Python's type() calls it.
  std::string TypeName() const;

 private:
  explicit Value(Kind kind) : kind_(kind) {}

  Kind kind_ = Kind::kUndefined;
  bool markup_ = false;
  union {
    int64_t integer;
    double real;
  } number_ = {0};
  std::shared_ptr<Object> object_;
};

// The state of a running for loop, which its body sees as `loop`.
struct Loop : Object {
  std::vector<Value> items;
  size_t index = 0;
  // What loop.changed saw last.
  std::vector<Value> seen;
  bool has_seen = false;
};

}  // namespace lfm2::tools::jinja

#endif  // LFM2_PROGRAMS_JINJA_VALUE_H_
