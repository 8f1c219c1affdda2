// The values of a template, with Python's semantics.
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

// Data that copies of a value share. `depth` is the nesting of containers: they are freed, compared and printed
// recursively.
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
    kGenerator,  // the result of a lazy filter: can be iterated over once
    kDict,
    kNamespace,
    kLoop,
    kMacro,
    kFunction,
  };

  Value() = default;
  // Evaluates to nothing, and gives the reason when it is used further.
  static Value Undefined(std::string why);
  static Value None() { return Value(Kind::kNone); }
  static Value Bool(bool value);
  static Value Int(int64_t value);
  static Value BigInt(std::string digits);
  static Value Float(double value);
  static Value String(std::string text, bool markup = false);
  static Value List(std::vector<Value> items) { return Sequence(Kind::kList, std::move(items), {}); }
  static Value Tuple(std::vector<Value> items) { return Sequence(Kind::kTuple, std::move(items), {}); }
  // `label`: Python's name for it (dict_keys, range(0, 5), generator).
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
  // A str that escapes what is appended to it.
  bool markup() const { return markup_; }
  // bool is an int in Python.
  bool integer() const { return kind_ == Kind::kInt || kind_ == Kind::kBool; }
  bool number() const { return integer() || kind_ == Kind::kFloat || kind_ == Kind::kBigInt; }
  // list, tuple, range, view or generator: `items` holds its elements.
  bool sequence() const { return kind_ >= Kind::kList && kind_ <= Kind::kGenerator; }

  bool boolean() const { return number_.integer != 0; }
  int64_t as_int() const { return number_.integer; }
  double as_float() const;
  // The text of a string, the digits of a big integer, the reason of undefined, the label of a sequence or function.
  const std::string& text() const;
  const std::vector<Value>& items() const;
  // Marks a generator as consumed; it has no items from then on.
  void Exhaust() const;
  const std::vector<std::pair<Value, Value>>& pairs() const;
  const std::vector<std::pair<std::string, Value>>& attributes() const;
  // nullptr if there is none.
  const Value* Attribute(std::string_view name) const;
  // For a namespace; all its copies share it.
  void SetAttribute(const std::string& name, Value value) const;
  void ClearAttributes() const;
  jinja::Loop& loop() const;
  const jinja::Macro& macro() const;
  Function function() const;
  const Value& self() const;

  // Whether both are the same object.
  bool Same(const Value& other) const;
  uint32_t depth() const { return object_ == nullptr ? 0 : object_->depth; }
  // The name of Python's type().
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

// The state of a running for loop, which its body accesses as `loop`.
struct Loop : Object {
  std::vector<Value> items;
  size_t index = 0;
  // The arguments of the last call of loop.changed.
  std::vector<Value> seen;
  bool has_seen = false;
};

}  // namespace lfm2::tools::jinja

#endif  // LFM2_PROGRAMS_JINJA_VALUE_H_
