#include "programs/jinja/value.h"

#include <algorithm>

#include "programs/jinja/nodes.h"

namespace lfm2::tools::jinja {

namespace {

struct Text : Object {
  std::string text;
};

struct ItemsObject : Text {
  std::vector<Value> items;
};

struct PairsObject : Object {
  std::vector<std::pair<Value, Value>> pairs;
};

struct Attributes : Object {
  std::vector<std::pair<std::string, Value>> attributes;
};

struct BoundFunction : Text {
  Function function = nullptr;
  Value self;
};

const std::string kNothing;

std::shared_ptr<Object> MakeText(std::string text) {
  auto object = std::make_shared<Text>();
  object->text = std::move(text);
  return object;
}

}  // namespace

Value Value::Undefined(std::string why) {
  Value value;
  value.object_ = MakeText(std::move(why));
  return value;
}

Value Value::Bool(bool flag) {
  Value value(Kind::kBool);
  value.number_.integer = flag ? 1 : 0;
  return value;
}

Value Value::Int(int64_t number) {
  Value value(Kind::kInt);
  value.number_.integer = number;
  return value;
}

Value Value::BigInt(std::string digits) {
  Value value(Kind::kBigInt);
  value.object_ = MakeText(std::move(digits));
  return value;
}

Value Value::Float(double number) {
  Value value(Kind::kFloat);
  value.number_.real = number;
  return value;
}

Value Value::String(std::string text, bool markup) {
  Value value(Kind::kString);
  value.markup_ = markup;
  value.object_ = MakeText(std::move(text));
  return value;
}

Value Value::Sequence(Kind kind, std::vector<Value> items, std::string label) {
  Value value(kind);
  auto object = std::make_shared<ItemsObject>();
  for (const Value& item : items) object->depth = std::max(object->depth, item.depth());
  ++object->depth;
  object->items = std::move(items);
  object->text = std::move(label);
  value.object_ = std::move(object);
  return value;
}

Value Value::Dict(std::vector<std::pair<Value, Value>> items) {
  Value value(Kind::kDict);
  auto object = std::make_shared<PairsObject>();
  for (const auto& [key, item] : items) object->depth = std::max({object->depth, key.depth(), item.depth()});
  ++object->depth;
  object->pairs = std::move(items);
  value.object_ = std::move(object);
  return value;
}

Value Value::Namespace() {
  Value value(Kind::kNamespace);
  value.object_ = std::make_shared<Attributes>();
  return value;
}

Value Value::OfLoop(std::shared_ptr<jinja::Loop> loop) {
  Value value(Kind::kLoop);
  for (const Value& item : loop->items) loop->depth = std::max(loop->depth, item.depth());
  ++loop->depth;
  value.object_ = std::move(loop);
  return value;
}

Value Value::OfMacro(std::shared_ptr<jinja::Macro> macro) {
  Value value(Kind::kMacro);
  value.object_ = std::move(macro);
  return value;
}

Value Value::OfFunction(Function function, const Value& self, std::string name) {
  Value value(Kind::kFunction);
  auto object = std::make_shared<BoundFunction>();
  object->function = function;
  object->self = self;
  object->text = std::move(name);
  object->depth = self.depth() + 1;
  value.object_ = std::move(object);
  return value;
}

double Value::as_float() const { return kind_ == Kind::kFloat ? number_.real : static_cast<double>(number_.integer); }

const std::string& Value::text() const {
  return object_ == nullptr ? kNothing : static_cast<const Text*>(object_.get())->text;
}

const std::vector<Value>& Value::items() const { return static_cast<const ItemsObject*>(object_.get())->items; }

void Value::Exhaust() const {
  if (kind_ == Kind::kGenerator) static_cast<ItemsObject*>(object_.get())->items.clear();
}

const std::vector<std::pair<Value, Value>>& Value::pairs() const {
  return static_cast<const PairsObject*>(object_.get())->pairs;
}

const std::vector<std::pair<std::string, Value>>& Value::attributes() const {
  return static_cast<const Attributes*>(object_.get())->attributes;
}

const Value* Value::Attribute(std::string_view name) const {
  for (const auto& [key, value] : attributes()) {
    if (key == name) return &value;
  }
  return nullptr;
}

void Value::SetAttribute(const std::string& name, Value value) const {
  auto& attributes = static_cast<Attributes*>(object_.get())->attributes;
  for (auto& [key, held] : attributes) {
    if (key != name) continue;
    held = std::move(value);
    return;
  }
  attributes.emplace_back(name, std::move(value));
}

void Value::ClearAttributes() const { static_cast<Attributes*>(object_.get())->attributes.clear(); }

jinja::Loop& Value::loop() const { return *static_cast<jinja::Loop*>(object_.get()); }

const jinja::Macro& Value::macro() const { return *static_cast<const jinja::Macro*>(object_.get()); }

Function Value::function() const { return static_cast<const BoundFunction*>(object_.get())->function; }

const Value& Value::self() const { return static_cast<const BoundFunction*>(object_.get())->self; }

bool Value::Same(const Value& other) const {
  if (kind_ != other.kind_) return false;
  if (object_ != nullptr || other.object_ != nullptr) return object_ == other.object_;
  return kind_ == Kind::kFloat ? number_.real == other.number_.real : number_.integer == other.number_.integer;
}

std::string Value::TypeName() const {
  switch (kind_) {
    case Kind::kUndefined: return "Undefined";
    case Kind::kNone: return "NoneType";
    case Kind::kBool: return "bool";
    case Kind::kInt:
    case Kind::kBigInt: return "int";
    case Kind::kFloat: return "float";
    case Kind::kString: return markup_ ? "Markup" : "str";
    case Kind::kList: return "list";
    case Kind::kTuple: return "tuple";
    case Kind::kRange: return "range";
    case Kind::kView: return text();
    case Kind::kGenerator: return "generator";
    case Kind::kDict: return "dict";
    case Kind::kNamespace: return "Namespace";
    case Kind::kLoop: return "LoopContext";
    case Kind::kMacro: return "Macro";
    case Kind::kFunction: return "function";
  }
  return "";
}

}  // namespace lfm2::tools::jinja
