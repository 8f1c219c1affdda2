#include "programs/files/id_list.h"

#include "programs/files/files.h"

namespace lfm2::tools {

Error ParseIds(const std::string& name, const std::string& text, uint32_t vocab_size, std::vector<int32_t>* ids) {
  nlohmann::ordered_json json;
  LFM2_RETURN_IF_FAILED(ParseJson(name, text, &json));
  if (!json.is_array()) return Error::Of(name, " is not a JSON list of token ids");
  ids->clear();
  for (const auto& item : json) {
    // This covers negative numbers, which are not unsigned.
    if (!item.is_number_unsigned() || item.get<uint64_t>() >= vocab_size) {
      return Error::Of("element ", uint64_t{ids->size()}, " of ", name, " is not a token id from 0 to ",
                       vocab_size - 1);
    }
    ids->push_back(static_cast<int32_t>(item.get<uint64_t>()));
  }
  return Error();
}

std::string FormatIds(const std::vector<int32_t>& ids) {
  std::string text = "[";
  for (size_t i = 0; i < ids.size(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(ids[i]);
  }
  return text + "]";
}

}  // namespace lfm2::tools
