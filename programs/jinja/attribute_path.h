// The `attribute` argument of filters: a.b.0, or a list of such paths.
#ifndef LFM2_PROGRAMS_JINJA_ATTRIBUTE_PATH_H_
#define LFM2_PROGRAMS_JINJA_ATTRIBUTE_PATH_H_

#include <string>
#include <utility>
#include <vector>

#include "programs/jinja/operators.h"
#include "programs/jinja/python_repr.h"

namespace lfm2::tools::jinja {

class AttributePath {
 public:
  // `attribute` is nullptr or none if the items themselves are used.
  AttributePath(Execution& run, const Value* attribute) : run_(run) {
    if (attribute == nullptr || attribute->none()) return;
    if (!attribute->string()) {
      parts_.push_back(*attribute);
      return;
    }
    const std::string& text = attribute->text();
    for (size_t begin = 0;;) {
      const size_t end = std::min(text.find('.', begin), text.size());
      const std::string part = text.substr(begin, end - begin);
      const bool is_index =
          !part.empty() && part.size() < 10 && part.find_first_not_of("0123456789") == std::string::npos;
      parts_.push_back(is_index ? Value::Int(std::stoll(part)) : Value::String(part));
      if (end == text.size()) break;
      begin = end + 1;
    }
  }

  Value Of(Value item) const {
    for (const Value& part : parts_) {
      if (run_.failed()) return Value();
      item = GetItem(run_, item, part);
    }
    return item;
  }

 private:
  Execution& run_;
  std::vector<Value> parts_;
};

// Several paths separated by commas, as sort accepts.
class SortPaths {
 public:
  SortPaths(Execution& run, const Value* attribute) {
    if (attribute == nullptr || !attribute->string()) {
      paths_.emplace_back(run, attribute);
      return;
    }
    const std::string& text = attribute->text();
    for (size_t begin = 0;;) {
      const size_t end = std::min(text.find(',', begin), text.size());
      const Value part = Value::String(text.substr(begin, end - begin));
      paths_.emplace_back(run, &part);
      if (end == text.size()) break;
      begin = end + 1;
    }
  }

  // The keys of an item, each transformed.
  template <class Change>
  Value Of(const Value& item, const Change& change) const {
    std::vector<Value> keys;
    for (const AttributePath& path : paths_) keys.push_back(change(path.Of(item)));
    return Value::List(std::move(keys));
  }

 private:
  std::vector<AttributePath> paths_;
};

}  // namespace lfm2::tools::jinja

#endif  // LFM2_PROGRAMS_JINJA_ATTRIBUTE_PATH_H_
