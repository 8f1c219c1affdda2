// Python's operators, subscripts and iteration.
#ifndef LFM2_PROGRAMS_JINJA_OPERATORS_H_
#define LFM2_PROGRAMS_JINJA_OPERATORS_H_

#include <string>
#include <utility>
#include <vector>

#include "programs/jinja/execution.h"
#include "programs/jinja/nodes.h"

namespace lfm2::tools::jinja {

bool Truthy(const Value& value);
bool Equal(Execution& run, const Value& a, const Value& b);
// a < b for values that can be ordered; fails for others.
bool Less(Execution& run, const Value& a, const Value& b);
Value Compare(Execution& run, Operator operation, const Value& a, const Value& b);
// Whether item is in container.
bool Contains(Execution& run, const Value& container, const Value& item);

// The value of a key, nullptr if the dict does not have it.
const Value* FindKey(Execution& run, const Value& dict, const Value& key);
// Sets the value of a key in a dict that is being built.
void SetKey(Execution& run, const Value& key, Value value, std::vector<std::pair<Value, Value>>* pairs);
// Fails for values that cannot be keys.
bool IsHashable(Execution& run, const Value& key);

Value Arithmetic(Execution& run, Operator operation, const Value& a, const Value& b);
Value Negated(Execution& run, const Value& value);
Value Plus(Execution& run, const Value& value);

// The items that a for loop iterates over; a generator is consumed. False if it failed.
bool Iterate(Execution& run, const Value& value, std::vector<Value>* out);
// len(value); false if it has none, which is a failure.
bool Length(Execution& run, const Value& value, size_t* out);

// object.name and object[key] of a template: undefined if there is no such item.
Value GetAttribute(Execution& run, const Value& object, const std::string& name);
Value GetItem(Execution& run, const Value& object, const Value& key);
// object[start:stop:step]; each of them can be none.
Value Slice(Execution& run, const Value& object, const Value& start, const Value& stop, const Value& step);

// The reason why an undefined value cannot be used.
Value FailUndefined(Execution& run, const Value& value);

}  // namespace lfm2::tools::jinja

#endif  // LFM2_PROGRAMS_JINJA_OPERATORS_H_
