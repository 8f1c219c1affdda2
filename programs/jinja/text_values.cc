#include "programs/jinja/text_values.h"

#include "programs/jinja/python_repr.h"
#include "programs/jinja/python_text.h"

namespace lfm2::tools::jinja {

std::string Escaped(Execution& run, const std::string& text) {
  if (!run.SpendText(text.size())) return {};
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '\'': out += "&#39;"; break;
      case '"': out += "&#34;"; break;
      default: out += c;
    }
  }
  return run.SpendText(out.size()) ? out : std::string();
}

std::string EscapedUnlessMarkup(Execution& run, const Value& value) {
  return value.markup() ? value.text() : Escaped(run, Str(run, value));
}

Value SoftText(Execution& run, const Value& value) { return value.string() ? value : Value::String(Str(run, value)); }

std::string Replaced(Execution& run, const std::string& text, const std::string& old, const std::string& with,
                     int64_t count) {
  if (!run.SpendSearch(text.size(), old.size())) return {};
  std::string out;
  uint64_t left = count < 0 ? UINT64_MAX : static_cast<uint64_t>(count);
  const auto put = [&] {
    if (!run.SpendAppend(out.size(), with.size())) return false;
    out += with;
    --left;
    return true;
  };
  if (old.empty()) {
    // Before every character, and at the end.
    const std::vector<size_t> starts = CodePointStarts(text);
    if (!run.Spend(starts.size())) return {};
    for (size_t i = 0; i < starts.size(); ++i) {
      if (left > 0 && !put()) return {};
      if (i + 1 < starts.size()) out.append(text, starts[i], starts[i + 1] - starts[i]);
    }
    return out;
  }
  size_t at = 0;
  while (left > 0) {
    const size_t found = text.find(old, at);
    if (found == std::string::npos) break;
    out.append(text, at, found - at);
    if (!put()) return {};
    at = found + old.size();
  }
  out.append(text, at, std::string::npos);
  return run.SpendText(out.size()) ? out : std::string();
}

}  // namespace lfm2::tools::jinja
