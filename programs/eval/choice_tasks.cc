#include "programs/eval/choice_tasks.h"

#include "programs/files/strict_json.h"

namespace lfm2::tools {

namespace {

constexpr uint64_t kMostBytes = uint64_t{1} << 30;

Error ReadTexts(const char* name, const nlohmann::json& list, std::vector<std::string>* texts) {
  if (!list.is_array()) return Error::Of("the key ", name, " is ", Shown(list), ", not a list");
  for (const nlohmann::json& text : list) {
    const uint64_t i = texts->size();
    if (!text.is_string()) return Error::Of(name, "[", i, "] is ", Shown(text), ", not a text");
    if (text.get_ref<const std::string&>().empty()) return Error::Of(name, "[", i, "] is empty");
    texts->push_back(text.get<std::string>());
  }
  return Error();
}

Error ReadItem(const nlohmann::json& json, ChoiceItem* item) {
  if (!json.is_object()) return Error::Of("it is ", Shown(json), ", not an object");
  JsonMembers members(json);
  members.OptionalText("question", &item->question);
  members.U32("gold", &item->gold);
  const nlohmann::json* const choices = members.Find("choices");
  const nlohmann::json* const contexts = members.Find("contexts");
  if (contexts == nullptr) {
    item->contexts.resize(1);
    members.Text("context", &item->contexts[0]);
  }
  LFM2_RETURN_IF_FAILED(members.error());
  if (choices == nullptr) return Error::Of("the key choices is missing");
  LFM2_RETURN_IF_FAILED(ReadTexts("choices", *choices, &item->choices));
  const uint64_t count = item->choices.size();
  if (count < 2) return Error::Of("choices has ", count, " elements, which leaves no choice");
  if (contexts != nullptr) {
    if (members.Has("context")) return Error::Of("it has both a context and contexts");
    LFM2_RETURN_IF_FAILED(ReadTexts("contexts", *contexts, &item->contexts));
    const uint64_t n = item->contexts.size();
    if (n != count) return Error::Of("contexts has ", n, " elements, and choices has ", count);
  } else if (item->contexts[0].empty()) {
    return Error::Of("context is empty, and nothing predicts the first token of a choice");
  }
  if (item->gold >= count) return Error::Of("gold is ", item->gold, ", and the last choice is ", count - 1);
  return Error();
}

}  // namespace

Error ReadChoiceTasks(const std::string& path, std::vector<ChoiceItem>* items) {
  FileSource file;
  nlohmann::json json;
  LFM2_RETURN_IF_FAILED(file.Open(path));
  const Error read = ReadStrictJson(file, kMostBytes, &json);
  if (!read.ok()) return Error::Of(path, ": ", read.text());
  const auto list = json.find("items");
  if (list == json.end() || !list->is_array()) return Error::Of(path, ": the key items is missing or not a list");
  if (list->empty()) return Error::Of(path, ": items is empty");
  items->resize(list->size());
  for (size_t i = 0; i < list->size(); ++i) {
    const Error error = ReadItem((*list)[i], &(*items)[i]);
    if (!error.ok()) return Error::Of(path, ": items[", uint64_t{i}, "]: ", error.text());
  }
  return Error();
}

}  // namespace lfm2::tools
