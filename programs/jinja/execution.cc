#include "programs/jinja/execution.h"

namespace lfm2::tools::jinja {

bool Execution::Spend(uint64_t steps) {
  if (failed()) return false;
  if (steps > steps_) {
    steps_ = 0;
    Fail("it runs too long: a chat template is limited to ", limits_.steps, " steps");
    return false;
  }
  steps_ -= steps;
  return true;
}

bool Execution::SpendText(uint64_t bytes) { return SpendAppend(0, bytes); }

bool Execution::SpendAppend(uint64_t held, uint64_t more) {
  if (failed()) return false;
  if (held > limits_.output || more > limits_.output - held) {
    Fail("it makes a text of more than ", uint64_t{limits_.output}, " bytes");
    return false;
  }
  return Spend(1 + more / 64);
}

Value Execution::Checked(Value value) {
  if (value.depth() > kMaxNesting) return Fail("it makes lists or dicts inside of more than ", kMaxNesting, " others");
  return value;
}

Value Execution::NewNamespace() {
  namespaces_.push_back(Value::Namespace());
  return namespaces_.back();
}

void Execution::FreeNamespaces() {
  for (const Value& space : namespaces_) space.ClearAttributes();
  namespaces_.clear();
}

}  // namespace lfm2::tools::jinja
