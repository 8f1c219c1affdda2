#include "programs/text/chat_format_json.h"

#include <array>
#include <string>
#include <type_traits>

#include "programs/files/strict_json.h"

namespace lfm2::tools {

namespace {

constexpr const char* kTextNames[] = {"name",         "default_system", "tools_joint", "date_begin",
                                      "date_end",     "tools_begin",    "tools_end",   "response_begin",
                                      "response_end", "calls_begin",    "calls_end",   "answer"};
static_assert(sizeof(kTextNames) / sizeof(kTextNames[0]) == kChatTextCount, "a name for each");

constexpr const char* kFlagNames[] = {"thinking", "reasoning", "given_empty", "default_if_empty"};

// The words for the numbers of an enum, in order.
struct WordChoice {
  const char* name;
  std::array<const char*, 4> words;  // null after the last one
  uint8_t (*get)(const ChatFormat& format);
  void (*set)(ChatFormat* format, uint8_t value);
};

template <auto Member>
WordChoice ChoiceOf(const char* name, std::array<const char*, 4> words) {
  using E = std::decay_t<decltype(std::declval<ChatFormat>().*Member)>;
  return {name, words, [](const ChatFormat& f) { return static_cast<uint8_t>(f.*Member); },
          [](ChatFormat* f, uint8_t value) { f->*Member = static_cast<E>(value); }};
}

const WordChoice* Choices(size_t* count) {
  static const WordChoice kChoices[] = {
      ChoiceOf<&ChatFormat::thoughts>("thoughts", {"as_written", "after_last_user", "last_answer"}),
      ChoiceOf<&ChatFormat::calls>("calls", {"not_written", "after_content", "before_content"}),
      ChoiceOf<&ChatFormat::quotes>("quotes", {"escaped", "plain", "double"}),
      ChoiceOf<&ChatFormat::lists>("lists", {"json", "python"}),
      ChoiceOf<&ChatFormat::objects>("objects", {"json", "python"}),
      ChoiceOf<&ChatFormat::contents>("contents", {"json", "json_or_empty", "parts", "part_objects"})};
  *count = sizeof(kChoices) / sizeof(kChoices[0]);
  return kChoices;
}

Error ReadChoice(const WordChoice& choice, const std::string& word, ChatFormat* format) {
  std::string known;
  uint8_t value = 0;
  for (const char* one : choice.words) {
    if (one == nullptr) break;
    if (word == one) {
      choice.set(format, value);
      return Error();
    }
    known += (value++ == 0 ? "" : ", ") + std::string(one);
  }
  return Error::Of("the key ", choice.name, " is \"", word, "\"; expected ", known);
}

bool IsKnown(const std::string& key) {
  size_t count = 0;
  const WordChoice* const choices = Choices(&count);
  bool known = key == "like";
  for (const char* name : kTextNames) known = known || key == name;
  for (const char* name : kFlagNames) known = known || key == name;
  for (size_t i = 0; i < count; ++i) known = known || key == choices[i].name;
  return known;
}

}  // namespace

Error ParseChatFormat(std::string_view text, OwnedChatFormat* format) {
  nlohmann::json json;
  LFM2_RETURN_IF_FAILED(ParseStrictJson(text, &json));
  for (const auto& [key, value] : json.items()) {
    if (!IsKnown(key)) return Error::Of("the key ", Shown(key), " is not a piece of a chat template");
  }
  JsonMembers members(json);
  std::string like;
  members.OptionalText("like", &like);
  ChatFormat pieces;
  if (!like.empty()) {
    const ChatFormat* const known = FindChatFormat(like);
    if (known == nullptr) return Error::Of("the key like is \"", like, "\"; expected ", KnownChatNames());
    pieces = *known;
  }
  std::string texts[kChatTextCount];
  for (uint32_t i = 0; i < kChatTextCount; ++i) {
    texts[i] = pieces.*kChatTexts[i];
    if (i == 0) texts[i] = "described";
    members.OptionalText(kTextNames[i], &texts[i]);
    if (texts[i].size() > kMaxChatTextBytes) return Error::Of("the key ", kTextNames[i], " is too long");
    pieces.*kChatTexts[i] = texts[i];
  }
  if (texts[0].empty()) return Error::Of("the key name is empty");
  for (uint32_t i = 0; i < sizeof(kFlagNames) / sizeof(kFlagNames[0]); ++i) {
    bool is_set = pieces.has(static_cast<uint8_t>(1u << i));
    members.OptionalBool(kFlagNames[i], &is_set);
    pieces.flags = static_cast<uint8_t>((pieces.flags & ~(1u << i)) | (is_set ? 1u << i : 0u));
  }
  size_t count = 0;
  const WordChoice* const choices = Choices(&count);
  for (size_t i = 0; i < count; ++i) {
    std::string word;
    members.OptionalText(choices[i].name, &word);
    if (!word.empty()) members.Fail(ReadChoice(choices[i], word, &pieces));
  }
  if (!members.error().ok()) return members.error();
  *format = OwnedChatFormat(pieces);
  return Error();
}

nlohmann::ordered_json ChatFormatJson(const ChatFormat& format) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (uint32_t i = 0; i < kChatTextCount; ++i) json[kTextNames[i]] = format.*kChatTexts[i];
  for (uint32_t i = 0; i < sizeof(kFlagNames) / sizeof(kFlagNames[0]); ++i) {
    json[kFlagNames[i]] = format.has(static_cast<uint8_t>(1u << i));
  }
  size_t count = 0;
  const WordChoice* const choices = Choices(&count);
  for (size_t i = 0; i < count; ++i) json[choices[i].name] = choices[i].words[choices[i].get(format)];
  return json;
}

}  // namespace lfm2::tools
