// Everything that a template can call: filters, tests, methods and global functions, by name.
#ifndef LFM2_PROGRAMS_JINJA_FUNCTIONS_H_
#define LFM2_PROGRAMS_JINJA_FUNCTIONS_H_

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "lfm2/base/span.h"
#include "programs/jinja/execution.h"

namespace lfm2::tools::jinja {

// nullptr for an unknown name.
Function FindFilter(std::string_view name);
Function FindTest(std::string_view name);
Function FindGlobal(std::string_view name);
Function FindMethod(const Value& object, std::string_view name);
// Whether Python has this method, which a template must not call.
bool IsMutatingMethod(const Value& object, std::string_view name);
// loop.name.
bool LoopAttribute(Execution& run, const Value& loop, const std::string& name, Value* out);

struct NamedFunction {
  std::string_view name;
  Function function;
};
Function FindIn(Span<const NamedFunction> functions, std::string_view name);

// The arguments of a call, assigned to the names of its parameters.
class Parameters {
 public:
  // The first `required` of them must be given.
  Parameters(Execution& run, const char* function, const Arguments& arguments, std::initializer_list<const char*> names,
             size_t required = 0);

  bool ok() const { return ok_; }
  // nullptr if it was not given.
  const Value* operator[](size_t i) const { return values_[i]; }
  bool Flag(size_t i, bool otherwise) const;
  // Fails if it is not an integer.
  int64_t Integer(size_t i, int64_t otherwise);

 private:
  bool Bind(const Arguments& arguments, std::initializer_list<const char*> names, size_t required);

  Execution& run_;
  const char* const function_;
  std::vector<const Value*> values_;
  bool ok_ = true;
};

// The tables, one for each file that defines functions.
Function FindTextFilter(std::string_view name);
Function FindListFilter(std::string_view name);
Function FindSelectionFilter(std::string_view name);
Function FindNumberFilter(std::string_view name);
Function FindTextMethod(std::string_view name);
Function FindTextSearchMethod(std::string_view name);

}  // namespace lfm2::tools::jinja

#endif  // LFM2_PROGRAMS_JINJA_FUNCTIONS_H_
