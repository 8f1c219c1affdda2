#include "programs/jinja/python_repr.h"

#include <string_view>

#include "programs/files/json_dumps.h"
#include "programs/jinja/nodes.h"
#include "programs/jinja/python_text.h"

namespace lfm2::tools::jinja {

namespace {

using Kind = Value::Kind;

void AppendRepr(Execution& run, const Value& value, uint32_t depth, std::string* out);

void AppendItems(Execution& run, const std::vector<Value>& items, uint32_t depth, std::string* out) {
  for (size_t i = 0; i < items.size() && !run.failed(); ++i) {
    if (i > 0) *out += ", ";
    AppendRepr(run, items[i], depth, out);
  }
}

void AppendRepr(Execution& run, const Value& value, uint32_t depth, std::string* out) {
  // A namespace can contain itself.
  if (depth > kMaxNesting) {
    run.Fail("a printed value is nested more than ", kMaxNesting, " deep");
    return;
  }
  if (!run.Spend(1)) return;
  switch (value.kind()) {
    case Kind::kUndefined: *out += "Undefined"; break;
    case Kind::kNone: *out += "None"; break;
    case Kind::kBool: *out += value.boolean() ? "True" : "False"; break;
    case Kind::kInt: *out += std::to_string(value.as_int()); break;
    case Kind::kBigInt: *out += value.text(); break;
    case Kind::kFloat: *out += PythonFloat(value.as_float()); break;
    case Kind::kString: {
      if (!run.SpendText(value.text().size())) return;
      const std::string quoted = Quoted(value.text());
      *out += value.markup() ? "Markup(" + quoted + ")" : quoted;
      break;
    }
    case Kind::kList:
      *out += '[';
      AppendItems(run, value.items(), depth + 1, out);
      *out += ']';
      break;
    case Kind::kTuple:
      *out += '(';
      AppendItems(run, value.items(), depth + 1, out);
      *out += value.items().size() == 1 ? ",)" : ")";
      break;
    case Kind::kRange:
      if (value.text().empty()) run.Fail("it prints a slice of a range, which is not supported");
      *out += value.text();
      break;
    case Kind::kView:
      *out += value.text() + "([";
      AppendItems(run, value.items(), depth + 1, out);
      *out += "])";
      break;
    case Kind::kDict: {
      *out += '{';
      bool first = true;
      for (const auto& [key, item] : value.pairs()) {
        if (run.failed()) return;
        if (!first) *out += ", ";
        first = false;
        AppendRepr(run, key, depth + 1, out);
        *out += ": ";
        AppendRepr(run, item, depth + 1, out);
      }
      *out += '}';
      break;
    }
    case Kind::kNamespace: {
      *out += "<Namespace {";
      bool first = true;
      for (const auto& [key, item] : value.attributes()) {
        if (run.failed()) return;
        if (!first) *out += ", ";
        first = false;
        *out += Quoted(key) + ": ";
        AppendRepr(run, item, depth + 1, out);
      }
      *out += "}>";
      break;
    }
    case Kind::kLoop:
      *out += "<LoopContext " + std::to_string(value.loop().index + 1) + "/" +
              std::to_string(value.loop().items.size()) + ">";
      break;
    case Kind::kMacro: *out += "<Macro " + Quoted(value.macro().definition->name) + ">"; break;
    case Kind::kGenerator:
    case Kind::kFunction:
      run.Fail("it prints a ", value.TypeName(), ", which Python prints differently every time");
      return;
  }
}

}  // namespace

std::string Str(Execution& run, const Value& value) {
  if (value.string()) return run.SpendText(value.text().size()) ? value.text() : std::string();
  if (value.undefined()) return {};
  return Repr(run, value);
}

std::string Repr(Execution& run, const Value& value) {
  std::string out;
  AppendRepr(run, value, 0, &out);
  if (!run.failed()) run.SpendText(out.size());
  if (run.failed()) out.clear();
  return out;
}

}  // namespace lfm2::tools::jinja
