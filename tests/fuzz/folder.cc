// A whole directory of safetensors, as Hugging Face and MLX publish models. Input: the model, then changes to the JSON
// of its files: a value is replaced, removed or moved, or the text itself is changed.
#include <map>

#include "programs/pack/folder_source.h"
#include "programs/pack/packer.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/packed_image.h"
#include "tests/fuzz/targets.h"
#include "tests/fuzz/tiny_folder.h"

namespace lfm2::fuzz {
namespace folder {

using nlohmann::json;
using tools::Error;

// Files in memory; those of safetensors have data that nobody wrote down.
class MemoryFiles final : public tools::FolderFiles {
 public:
  std::map<std::string, std::pair<std::string, uint64_t>> files;

  bool Has(const std::string& name) const override { return files.count(name) != 0; }
  Error Open(const std::string& name, std::unique_ptr<tools::ByteSource>* file) const override {
    const auto found = files.find(name);
    if (found == files.end()) return Error::Of(name, ": no such file");
    *file = std::make_unique<PaddedSource>(found->second.first, found->second.second);
    return Error();
  }
  std::string Path(const std::string& name) const override { return name; }
  std::string Name() const override { return "memory"; }
};

const char* const kValues[] = {"null",
                               "true",
                               "-1",
                               "0",
                               "1",
                               "1e30",
                               "18446744073709551615",
                               "4294967296",
                               "\"\"",
                               "\"x\"",
                               "[]",
                               "{}",
                               "[1,2]",
                               "\"U8\"",
                               "\"BF16\"",
                               "\"U32\"",
                               "0.5",
                               "64",
                               "128",
                               "\"model.safetensors\"",
                               "\"../x\"",
                               "{\"bits\":8,\"group_size\":32}"};

// The member that the input leads to, and the one that it is in; nullptr for the root.
json* Walk(Input* input, json* root, json** parent, json::iterator* place) {
  json* at = root;
  *parent = nullptr;
  for (uint32_t depth = 1 + input->Below(5); depth > 0 && at->is_structured() && !at->empty(); --depth) {
    *parent = at;
    *place = std::next(at->begin(), static_cast<std::ptrdiff_t>(input->Take<uint16_t>() % at->size()));
    at = &**place;
  }
  return at;
}

void EditJson(Input* input, json* root) {
  json* parent = nullptr;
  json::iterator place;
  json* const member = Walk(input, root, &parent, &place);
  if (parent == nullptr) return;
  switch (input->Below(5)) {
    case 0: *member = json::parse(kValues[input->Below(std::size(kValues))]); break;
    case 1: parent->erase(place); break;
    case 2: *member = input->Number(); break;
    case 3: {
      json copy = *member;
      if (parent->is_array()) {
        parent->push_back(std::move(copy));
      } else {
        (*parent)[std::string(input->Bytes(input->Below(24)))] = std::move(copy);
      }
      break;
    }
    default: *member = std::string(input->Bytes(input->Below(24)));
  }
}

// Opens what has been made; of what opens the plan and some weights are made, and now and then an image.
void PackFolder(const MemoryFiles& files, Input* input) {
  tools::FolderSource source;
  tools::PackPlan plan;
  Error error = source.Open(files, {});
  if (error.ok()) {
    LFM2_HOLDS(CheckConfig(source.config()).ok() && source.tensors().size() == TensorCount(source.config()));
    error = PlanPack(source, "", &plan);
  }
  CheckSentence(error);
  if (!error.ok() || input->Byte() != 1 || plan.header.file_bytes > (1u << 18)) return;
  CheckPackedImage(source, plan);
}

void Run(std::string_view bytes) {
  Input input(bytes);
  const TinyFolder& model = TinyFolderOf(input.Below(kTinyFolders));
  MemoryFiles files;
  for (const auto& [name, text] : model.texts) files.files[name] = {text, 0};
  for (const auto& [name, data_bytes] : model.data_bytes) files.files[name].second = data_bytes;
  const uint32_t edits = input.Below(4);
  for (uint32_t i = 0; i < edits; ++i) {
    const auto file = std::next(files.files.begin(), input.Below(files.files.size()));
    const auto original = model.json.find(file->first);
    if (original == model.json.end()) {
      file->second.first = input.Part();
      continue;
    }
    std::string& text = file->second.first;
    const bool has_length = model.data_bytes.count(file->first) != 0;
    if (has_length) text.erase(0, sizeof(uint64_t));
    if (input.Below(4) > 0) {
      json changed = original->second;
      EditJson(&input, &changed);
      text = changed.dump(-1, ' ', true, json::error_handler_t::replace);
    } else {
      const size_t at = input.Take<uint16_t>() % (text.size() + 1);
      text.replace(at, input.Below(8), input.Bytes(input.Below(16)));
    }
    if (has_length) text = WithLength(text);
  }
  PackFolder(files, &input);
}

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  for (char model = 0; model < static_cast<char>(kTinyFolders); ++model) {
    seeds.push_back(std::string(1, model) + std::string("\0\1", 2));
    for (char file = 0; file < 6; ++file) {
      seeds.push_back(std::string(1, model) + std::string("\1", 1) + file + std::string("\1\2\3\0\1\0\1\0\4\1", 10));
      seeds.push_back(std::string(1, model) + std::string("\1", 1) + file + std::string("\1\0\5\0\2\2\4\1", 8));
      seeds.push_back(std::string(1, model) + std::string("\1", 1) + file + std::string("\0\20\0\1\1,\1", 7));
    }
  }
  return seeds;
}

std::vector<std::string> Words() {
  return {"model.layers.0.", ".weight", ".scales", ".biases", "lm_head.weight", "\xff", "quantization", "bits"};
}

}  // namespace folder

const Target kFolder = {"folder", 96, &folder::Run, &folder::Seeds, &folder::Words};

}  // namespace lfm2::fuzz
