#include "tests/fuzz/gguf_edits.h"

#include "lfm2/format/model_config.h"
#include "programs/pack/packer.h"
#include "tests/fuzz/packed_image.h"
#include "tests/pack/tiny_gguf.h"

namespace lfm2::fuzz {

namespace {

using test::Raw;
using test::TinyGguf;
using test::TinyOptions;
using tools::Error;

const char* const kTexts[] = {"",    "lfm2", "lfm2moe",      "gpt2",    "none", "yarn",
                              "a b", "ab ",  "<|im_start|>", "\x1b[2J", "x"};

EditedGguf Bare(const TinyGguf& tiny) {
  EditedGguf bare;
  bare.pairs = tiny.pairs;
  for (const test::TinyTensor& t : tiny.tensors) bare.tensors.push_back({t.name, t.dims, t.type, t.data.size(), 0});
  return bare;
}

std::vector<EditedGguf> MakeModels() {
  std::vector<EditedGguf> models;
  for (const uint32_t matrix :
       {test::kGgmlQ4_0, test::kGgmlQ4_0, test::kGgmlQ4_1, test::kGgmlQ5_0, test::kGgmlQ5_1, test::kGgmlMxfp4,
        test::kGgmlIQ4_NL, test::kGgmlQ4_K, test::kGgmlQ5_K, test::kGgmlQ6_K, test::kGgmlQ2_K, test::kGgmlQ3_K,
        test::kGgmlIQ3_S, test::kGgmlIQ1_M, test::kGgmlTQ1_0, test::kGgmlNvfp4}) {
    TinyOptions options;
    options.moe = models.size() % 2 == 0;
    options.untied = !options.moe;
    options.matrix = matrix;
    options.hidden = options.expert_ff = test::IsOf256(matrix) ? 256 : 32;
    options.embedding = options.untied ? test::kGgmlBF16 : test::kGgmlQ8_0;
    options.vector = options.moe ? test::kGgmlF16 : test::kGgmlF32;
    models.push_back(Bare(MakeTinyGguf(options)));
  }
  return models;
}

// A value as it stands in a file, with its type.
std::string TypedValue(Input* input) {
  switch (input->Below(7)) {
    case 0: return Raw(uint32_t{test::kGgufU32}) + Raw(static_cast<uint32_t>(input->Number()));
    case 1: return Raw(uint32_t{test::kGgufU64}) + Raw(input->Number());
    case 2: return Raw(uint32_t{test::kGgufF32}) + Raw(input->Take<float>());
    case 3: return Raw(uint32_t{test::kGgufString}) + test::GgufText(kTexts[input->Below(std::size(kTexts))]);
    case 4: {
      const uint64_t count = input->Below(6);
      std::string bytes = Raw(uint32_t{test::kGgufArray}) + Raw(uint32_t{test::kGgufI32}) + Raw(count);
      for (uint64_t i = 0; i < count; ++i) bytes += Raw(static_cast<int32_t>(input->Number()));
      return bytes;
    }
    case 5: {
      const uint64_t count = input->Below(4);
      std::string bytes = Raw(uint32_t{test::kGgufArray}) + Raw(uint32_t{test::kGgufString}) + Raw(count);
      for (uint64_t i = 0; i < count; ++i) bytes += test::GgufText(kTexts[input->Below(std::size(kTexts))]);
      return bytes;
    }
    default: {
      const std::string head = Raw(uint32_t{input->Byte()});
      return head + std::string(input->Bytes(input->Below(24)));
    }
  }
}

void EditPair(Input* input, uint32_t op, EditedGguf* file) {
  if (file->pairs.empty()) return;
  const size_t at = input->Byte() % file->pairs.size();
  auto& pair = file->pairs[at];
  if (op == 0) {
    pair.second = TypedValue(input);
  } else if (op == 1) {
    file->pairs.erase(file->pairs.begin() + static_cast<std::ptrdiff_t>(at));
  } else {
    const std::string value = TypedValue(input);
    const char* const more[] = {"general.alignment", "split.count",          "split.no",
                                "rope.scaling.type", "expert_weights_scale", "tokenizer.chat_template"};
    const uint32_t which = input->Below(std::size(more) + 1);
    if (which == std::size(more)) {
      file->pairs.push_back(pair);
    } else {
      const std::string prefix = which == 3 ? "lfm2." : which == 4 ? "lfm2moe." : "";
      file->pairs.emplace_back(prefix + more[which], value);
    }
  }
}

void EditTensor(Input* input, uint32_t op, EditedGguf* file) {
  if (file->tensors.empty()) return;
  const size_t at = input->Byte() % file->tensors.size();
  EditedTensor& t = file->tensors[at];
  switch (op) {
    case 0: {
      const size_t d = input->Below(5);
      if (d < t.dims.size()) {
        t.dims[d] = input->Number();
      } else {
        t.dims.push_back(input->Number());
      }
      break;
    }
    case 1: t.type = input->Below(41); break;
    case 2: t.shift = input->Number(); break;
    case 3: t.name = file->tensors[input->Byte() % file->tensors.size()].name; break;
    case 4: file->tensors.erase(file->tensors.begin() + static_cast<std::ptrdiff_t>(at)); break;
    case 5: std::swap(t.type, file->tensors[input->Byte() % file->tensors.size()].type); break;
    default: t.bytes = input->Number() % (1u << 20);
  }
}

// The weights of one tensor, as blocks or floats.
Error ReadSome(const tools::ModelSource& source, size_t index) {
  const tools::ImageTensor& t = source.tensors()[index];
  if (t.spec.layout == TensorLayout::kPlain) {
    std::vector<float> values(size_t{t.spec.rows} * t.spec.cols);
    return source.ReadPlain(index, values.data());
  }
  const uint32_t rows = std::min(t.spec.rows, 2 * kBlockRows);
  std::vector<uint8_t> blocks(static_cast<size_t>(MatrixBytes(t.type, rows, t.spec.cols)));
  const uint32_t last = t.spec.layout == TensorLayout::kExpert ? source.config().experts - 1 : 0;
  return source.ReadBlocks(index, last, (t.spec.rows - rows) / kBlockRows * kBlockRows, rows, blocks.data());
}

}  // namespace

std::string EditedGguf::Metadata(uint64_t* data_bytes) const {
  std::string out = "GGUF" + Raw(uint32_t{3}) + Raw(uint64_t{tensors.size()}) + Raw(uint64_t{pairs.size()});
  for (const auto& pair : pairs) out.append(test::GgufText(pair.first)).append(pair.second);
  uint64_t offset = 0;
  for (const EditedTensor& t : tensors) {
    out += test::GgufText(t.name) + Raw(static_cast<uint32_t>(t.dims.size()));
    for (const uint64_t d : t.dims) out += Raw(d);
    out += Raw(t.type) + Raw(offset + t.shift);
    offset += RoundUp<uint64_t>(t.bytes, 32);
  }
  out.resize(RoundUp<size_t>(out.size(), 32));
  *data_bytes = offset;
  return out;
}

const EditedGguf& GgufModel(uint32_t number) {
  static const std::vector<EditedGguf> models = MakeModels();
  LFM2_HOLDS(models.size() == kGgufModels);
  return models[number];
}

void EditGguf(Input* input, EditedGguf* file) {
  const uint32_t op = input->Below(10);
  if (op < 3) {
    EditPair(input, op, file);
  } else {
    EditTensor(input, op - 3, file);
  }
}

void PatchGguf(Input* input, std::string* metadata) {
  const size_t at = input->Take<uint16_t>() % metadata->size();
  const uint64_t value = input->Number();
  const size_t size = std::min<size_t>(size_t{1} << input->Below(4), metadata->size() - at);
  std::memcpy(&(*metadata)[at], &value, size);
}

void PackEdited(const std::vector<const tools::ByteSource*>& parts, Input* input) {
  tools::GgufSource source;
  tools::PackPlan plan;
  Error error = source.Open(parts, {});
  if (error.ok()) {
    LFM2_HOLDS(CheckConfig(source.config()).ok() && source.tensors().size() == TensorCount(source.config()));
    error = PlanPack(source, "", &plan);
  }
  CheckSentence(error);
  if (!error.ok()) return;
  const size_t index = input->Byte() % source.tensors().size();
  LFM2_HOLDS(ReadSome(source, index).ok());
  // Every image of what is accepted opens; making one takes a while.
  if (input->Byte() != 1 || plan.header.file_bytes > (1u << 17)) return;
  CheckPackedImage(source, plan);
}

std::vector<std::string> GgufWords() {
  std::vector<std::string> words = {Raw(UINT64_MAX), Raw(uint64_t{1} << 63), Raw(1e30f), Raw(-1.0f), Raw(0.0f / 1.0f)};
  for (char op = 0; op < 10; ++op) words.push_back(std::string("\1", 1) + op);
  return words;
}

}  // namespace lfm2::fuzz
