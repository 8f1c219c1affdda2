#include "programs/jinja/functions.h"

#include <algorithm>

#include "programs/jinja/operators.h"

namespace lfm2::tools::jinja {

Function FindIn(Span<const NamedFunction> functions, std::string_view name) {
  for (const NamedFunction& f : functions) {
    if (f.name == name) return f.function;
  }
  return nullptr;
}

Function FindFilter(std::string_view name) {
  for (const auto find : {FindTextFilter, FindListFilter, FindSelectionFilter, FindNumberFilter}) {
    if (const Function function = find(name); function != nullptr) return function;
  }
  return nullptr;
}

Parameters::Parameters(Execution& run, const char* function, const Arguments& arguments,
                       std::initializer_list<const char*> names, size_t required)
    : run_(run), function_(function), values_(names.size(), nullptr) {
  ok_ = Bind(arguments, names, required);
}

bool Parameters::Bind(const Arguments& arguments, std::initializer_list<const char*> names, size_t required) {
  const auto fail = [&](const auto&... parts) {
    run_.Fail(function_, parts...);
    return false;
  };
  const size_t given = arguments.positional.size();
  if (given > names.size()) {
    return fail(" takes ", uint64_t{names.size()}, " arguments at most, not ", uint64_t{given});
  }
  for (size_t i = 0; i < given; ++i) values_[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.named) {
    const auto* const found =
        std::find_if(names.begin(), names.end(), [&name = name](const char* known) { return name == known; });
    if (found == names.end()) return fail(" has no argument ", name);
    const auto at = static_cast<size_t>(found - names.begin());
    if (values_[at] != nullptr) return fail(" was given ", name, " twice");
    values_[at] = &value;
  }
  for (size_t i = 0; i < required; ++i) {
    if (values_[i] == nullptr) return fail(" needs ", names.begin()[i]);
  }
  return true;
}

bool Parameters::Flag(size_t i, bool otherwise) const {
  return values_[i] == nullptr ? otherwise : Truthy(*values_[i]);
}

int64_t Parameters::Integer(size_t i, int64_t otherwise) {
  if (values_[i] == nullptr) return otherwise;
  if (values_[i]->integer()) return values_[i]->as_int();
  run_.Fail(function_, " needs a whole number, not a value of type ", values_[i]->TypeName());
  ok_ = false;
  return otherwise;
}

}  // namespace lfm2::tools::jinja
