// Lists of token ids. Input: the logarithm of the vocabulary's size, and the text.
#include "programs/files/id_list.h"

#include "tests/fuzz/input.h"
#include "tests/fuzz/targets.h"

namespace lfm2::fuzz {
namespace id_list {

void Run(std::string_view bytes) {
  Input input(bytes);
  const uint32_t vocab_size = 1u << input.Below(23);
  const std::string text(input.Rest());
  std::vector<int32_t> ids, again;
  const tools::Error error = tools::ParseIds("ids", text, vocab_size, &ids);
  CheckSentence(error);
  if (!error.ok()) return;
  for (const int32_t id : ids) LFM2_HOLDS(id >= 0 && static_cast<uint32_t>(id) < vocab_size);
  LFM2_HOLDS(tools::ParseIds("again", tools::FormatIds(ids), vocab_size, &again).ok());
  LFM2_HOLDS(ids == again);
}

std::vector<std::string> Seeds() { return {"\x10[1, 2, 3]", "\x16[]", "\x01[0]", "\x08[-1, 1e3, 4294967297]"}; }

std::vector<std::string> Words() {
  return {"4294967296", "18446744073709551616", "-1", "1.0", "[", "]", "{}", "null", "true", "\"1\"", "1e3"};
}

}  // namespace id_list

const Target kIdList = {"id_list", 128, &id_list::Run, &id_list::Seeds, &id_list::Words};

}  // namespace lfm2::fuzz
