// The packer: every weight of the source is in the image, and what can not be packed is refused in one sentence.
#include "tools/pack/packer.h"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <memory>

#include "lfm2/base/numeric.h"
#include "lfm2/format/image.h"
#include "lfm2/storage/memory_storage.h"
#include "tests/pack/image_copy.h"
#include "tests/pack/tiny_gguf.h"
#include "tools/common/byte_source.h"
#include "tools/pack/verify.h"

namespace lfm2::test {
namespace {

using tools::Error;
using tools::GgufTensor;
using tools::MemorySink;
using tools::MemorySource;
using tools::PackGguf;
using tools::PackOptions;
using tools::PackPlan;

std::string ReadWholeFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file.good());
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// One value of a ggml row by the definition of its type in ggml's dequantize_row functions.
float GgmlValue(uint32_t type, const char* row, uint32_t col) {
  const uint8_t* p = reinterpret_cast<const uint8_t*>(row);
  switch (type) {
    case kGgmlF32: return LoadAs<float>(p + col * 4);
    case kGgmlF16: return F32FromF16(LoadAs<uint16_t>(p + col * 2));
    case kGgmlBF16: return F32FromBF16(LoadAs<uint16_t>(p + col * 2));
    case kGgmlQ4_0: {
      const uint8_t* b = p + col / 32 * 18;
      const uint8_t byte = b[2 + col % 16];
      const int value = (col % 32 < 16 ? byte & 15 : byte >> 4) - 8;
      return static_cast<float>(value) * F32FromF16(LoadAs<uint16_t>(b));
    }
    case kGgmlQ8_0: {
      const uint8_t* b = p + col / 32 * 34;
      return static_cast<float>(static_cast<int8_t>(b[2 + col % 32])) * F32FromF16(LoadAs<uint16_t>(b));
    }
    default: {
      REQUIRE(type == kGgmlQ6_K);
      const uint8_t* b = p + col / 256 * 210;
      const uint32_t c = col % 256, n = c / 128, quarter = c % 128 / 32, l = c % 32;
      const int low = b[64 * n + (quarter % 2) * 32 + l] >> (quarter / 2 * 4) & 15;
      const int high = b[128 + 32 * n + l] >> (2 * quarter) & 3;
      const float scale = static_cast<float>(static_cast<int8_t>(b[192 + 8 * n + 2 * quarter + l / 16]));
      return F32FromF16(LoadAs<uint16_t>(b + 208)) * scale * static_cast<float>((low | high << 4) - 32);
    }
  }
}

size_t GgmlRow(uint32_t type, uint64_t cols) {
  const tools::GgmlTypeInfo* info = tools::FindGgmlType(type);
  return static_cast<size_t>(cols / info->block_values * info->block_bytes);
}

// One value of a matrix in an image, by the byte positions that docs/format.md gives.
float ImageValue(TensorType type, const uint8_t* data, uint32_t cols, uint32_t row, uint32_t col) {
  const uint32_t r = row % 16, columns = type == TensorType::kQ6_K ? 256 : 32;
  const size_t block = size_t{row / 16} * (cols / columns) + col / columns;
  const uint32_t c = col % 32, q = c % 16 / 4, i = c % 4, upper = c / 16;
  switch (type) {
    case TensorType::kF32: return LoadAs<float>(data + block * 2048 + (c * 16 + r) * 4);
    case TensorType::kF16: return F32FromF16(LoadAs<uint16_t>(data + block * 1024 + (c * 16 + r) * 2));
    case TensorType::kBF16: return F32FromBF16(LoadAs<uint16_t>(data + block * 1024 + (c * 16 + r) * 2));
    case TensorType::kQ4_0: {
      const uint8_t* b = data + block * 288;
      const int nibble = b[q * 64 + r * 4 + i] >> (4 * upper) & 15;
      return static_cast<float>(nibble - 8) * F32FromF16(LoadAs<uint16_t>(b + 256 + r * 2));
    }
    case TensorType::kQ8_0: {
      const uint8_t* b = data + block * 544;
      return static_cast<float>(static_cast<int8_t>(b[c / 4 * 64 + r * 4 + i])) *
             F32FromF16(LoadAs<uint16_t>(b + 512 + r * 2));
    }
    case TensorType::kQ6_K: {
      const uint8_t* b = data + block * 3360;
      const uint8_t* g = b + col % 256 / 32 * 416;
      const int low = g[q * 64 + r * 4 + i] >> (4 * upper) & 15;
      const int high = g[256 + q / 2 * 64 + r * 4 + i] >> (q % 2 * 4 + upper * 2) & 3;
      const float scale = static_cast<float>(static_cast<int8_t>(g[384 + upper * 16 + r]));
      return F32FromF16(LoadAs<uint16_t>(b + 3328 + r * 2)) * scale * static_cast<float>((low | high << 4) - 32);
    }
  }
  return 0;
}

// Packs, opens, and compares every value of every tensor; also the zeros in the places of rows that do not exist.
void CheckLossless(const std::string& gguf_bytes) {
  const MemorySource source(gguf_bytes);
  PackPlan plan;
  Error planned = PlanPack(source, PackOptions(), &plan);
  REQUIRE_MESSAGE(planned.ok(), planned.text());
  MemorySink sink;
  REQUIRE(WriteImage(source, plan, tools::PackProgress(), &sink).ok());
  const ImageCopy copy(sink.bytes());
  Image image;
  REQUIRE(image.Open(copy.storage()).ok());
  REQUIRE(image.tensor_count() == plan.model.tensors.size());

  for (uint32_t t = 0; t < image.tensor_count(); ++t) {
    const TensorSpec& spec = plan.model.tensors[t].spec;
    const GgufTensor& from = *plan.model.tensors[t].from;
    const TensorEntry entry = image.tensor(t);
    const bool expert = spec.layout == TensorLayout::kExpert;
    const size_t row_bytes = GgmlRow(from.type, from.dims[0]);
    uint64_t wrong = 0;
    for (uint32_t e = 0; e < (expert ? image.config().experts : 1); ++e) {
      const uint8_t* data =
          expert ? image.Record(spec.layer - image.config().dense_layers, e) + entry.offset : image.PinnedData(entry);
      const char* rows = gguf_bytes.data() + from.offset + e * spec.rows * row_bytes;
      const uint32_t padded = spec.layout == TensorLayout::kPlain ? spec.rows : (spec.rows + 15) / 16 * 16;
      for (uint32_t row = 0; row < padded; ++row) {
        for (uint32_t col = 0; col < spec.cols; ++col) {
          const bool turned = spec.role == TensorRole::kConvKernel;
          const float want = row >= spec.rows ? 0.0f
                             : turned         ? GgmlValue(from.type, rows + col * row_bytes, row)
                                              : GgmlValue(from.type, rows + row * row_bytes, col);
          const float got = spec.layout == TensorLayout::kPlain
                                ? LoadAs<float>(data + (size_t{row} * spec.cols + col) * 4)
                                : ImageValue(static_cast<TensorType>(entry.type), data, spec.cols, row, col);
          wrong += row >= spec.rows ? got != 0.0f : BitCast<uint32_t>(got) != BitCast<uint32_t>(want);
        }
      }
    }
    CHECK_MESSAGE(wrong == 0, from.name << ": " << wrong << " values differ");
  }
  CHECK(image.VerifyPinned().ok());
  for (uint32_t m = 0; m < image.config().moe_layers(); ++m) {
    for (uint32_t e = 0; e < image.config().experts; ++e) CHECK(image.VerifyRecord(m, e).ok());
  }
  const MemorySource packed(sink.bytes());
  CHECK(VerifyCrcs(image, packed, tools::PackProgress()).ok());
}

// The sentence with which a file is refused; empty if it is packed.
std::string Refusal(const TinyGguf& file, const PackOptions& options = PackOptions()) {
  const std::string bytes = file.Bytes();
  MemorySink sink;
  const Error error = PackGguf(MemorySource(bytes), options, &sink);
  if (!error.ok()) CHECK(error.text().find('\n') == std::string::npos);
  return error.text();
}

bool Contains(const std::string& text, const char* part) {
  const bool found = text.find(part) != std::string::npos;
  if (!found) MESSAGE(text);
  return found;
}

}  // namespace

TEST_CASE("a weight that changes on its way into the image would change what the model says: every type") {
  for (const uint32_t type : {kGgmlF32, kGgmlF16, kGgmlBF16, kGgmlQ4_0, kGgmlQ8_0, kGgmlQ6_K}) {
    CAPTURE(type);
    TinyOptions o;
    o.hidden = o.expert_ff = 256;
    o.matrix = o.embedding = type;
    o.vector = type == kGgmlF16 || type == kGgmlBF16 ? type : uint32_t{kGgmlF32};
    CheckLossless(MakeTinyGguf(o).Bytes());
  }
}

TEST_CASE("a matrix that is read in several pieces, the last one shorter, is whole in the image") {
  TinyOptions o;
  o.hidden = 512;
  o.matrix = kGgmlQ8_0;
  CheckLossless(MakeTinyGguf(o).Bytes());
}

TEST_CASE("dense models, untied heads and version 2 files pack as well") {
  TinyOptions o;
  o.moe = false;
  o.untied = true;
  TinyGguf file = MakeTinyGguf(o);
  file.version = 2;
  CheckLossless(file.Bytes());
}

TEST_CASE("files as llama-quantize publishes them pack without a change") {
  for (const char* name : {"/gguf/moe-256-Q4_0.gguf", "/gguf/dense-256-Q4_0.gguf", "/home/Q4_0.gguf"}) {
    CAPTURE(name);
    CheckLossless(ReadWholeFile(std::string(LFM2_TEST_DATA) + name));
  }
}

TEST_CASE("the config in the image is what the file's metadata say") {
  const std::string bytes = ReadWholeFile(std::string(LFM2_TEST_DATA) + "/gguf/moe-256-Q4_0.gguf");
  MemorySink sink;
  REQUIRE(PackGguf(MemorySource(bytes), PackOptions(), &sink).ok());
  const ImageCopy copy(sink.bytes());
  Image image;
  REQUIRE(image.Open(copy.storage()).ok());
  const ModelConfig& c = image.config();
  CHECK(std::string(image.name()) == "Moe 256");
  CHECK((c.hidden_size == 256 && c.layers == 4 && c.heads == 4 && c.kv_heads == 2 && c.head_dim == 64));
  CHECK((c.dense_layers == 1 && c.dense_ff_size == 512 && c.experts == 6 && c.experts_per_token == 2));
  CHECK((c.expert_ff_size == 256 && c.vocab_size == 1314 && c.context_length == 4096 && c.conv_kernel == 3));
  CHECK((c.tied_embedding && c.norm_eps == 1e-5f && c.rope_theta == 1e6f && c.routed_scaling_factor == 1.0f));
  for (uint32_t l = 0; l < 4; ++l)
    CHECK(c.layer_kind[l] == (l % 2 == 1 ? LayerKind::kAttention : LayerKind::kShortConv));
  CHECK(image.vocab().bos() == 1);
  CHECK(image.vocab().eos() == 7);
}

TEST_CASE("packing twice gives the same bytes, and those between tensors are zero") {
  const std::string bytes = MakeTinyGguf(TinyOptions()).Bytes();
  MemorySink first, second;
  REQUIRE(PackGguf(MemorySource(bytes), PackOptions(), &first).ok());
  REQUIRE(PackGguf(MemorySource(bytes), PackOptions(), &second).ok());
  CHECK(first.bytes() == second.bytes());

  PackPlan plan;
  const MemorySource source(bytes);
  REQUIRE(PlanPack(source, PackOptions(), &plan).ok());
  const ImageHeader& h = plan.header;
  std::string used(first.bytes().size(), '\0');
  const auto mark = [&used](uint64_t offset, uint64_t size) { used.replace(offset, size, size, '\1'); };
  mark(0, h.metadata_bytes);
  mark(h.pinned_offset, h.vocab_bytes);
  for (const TensorEntry& t : plan.directory) {
    if (t.role < static_cast<uint16_t>(TensorRole::kExpertGate)) {
      mark(h.pinned_offset + t.offset, t.bytes);
      continue;
    }
    const RecordEntry& r = plan.records[t.layer - kTinyDense];
    for (uint32_t e = 0; e < kTinyExperts; ++e) mark(r.offset + e * r.stride + t.offset, t.bytes);
  }
  uint64_t not_zero = 0;
  for (size_t i = 0; i < used.size(); ++i) not_zero += used[i] == 0 && first.bytes()[i] != 0;
  CHECK(not_zero == 0);
}

TEST_CASE("options take the place of what the file says") {
  const TinyGguf file = MakeTinyGguf(TinyOptions());
  PackOptions options;
  options.name = "a name far too long for its 64 bytes, which is cut between two letters: \xc3\xa4\xc3\xb6\xc3\xbc";
  options.name.insert(30, "\xe2\x82\xac");
  options.chat_template = ChatTemplate::kLfm2_5;
  const std::string bytes = file.Bytes();
  MemorySink sink;
  REQUIRE(PackGguf(MemorySource(bytes), options, &sink).ok());
  const ImageCopy copy(sink.bytes());
  Image image;
  REQUIRE(image.Open(copy.storage()).ok());
  CHECK(std::string(image.name()) == options.name.substr(0, 63));
  CHECK(image.vocab().chat_template() == ChatTemplate::kLfm2_5);

  options.name = std::string(62, 'x') + "\xc3\xa4";  // its last character would be cut in two
  MemorySink cut;
  REQUIRE(PackGguf(MemorySource(bytes), options, &cut).ok());
  CHECK(std::string(cut.bytes().c_str() + offsetof(ImageHeader, name)) == std::string(62, 'x'));
}

TEST_CASE("what the library can not compute is refused by name, not packed wrongly") {
  const TinyGguf good = MakeTinyGguf(TinyOptions());
  REQUIRE(Refusal(good) == "");
  TinyGguf file = good;
  file.SetText("general.architecture", "llama");
  CHECK(Contains(Refusal(file), "llama"));
  file = good;
  file.SetU32("lfm2moe.expert_gating_func", 1);
  CHECK(Contains(Refusal(file), "expert_gating_func"));
  file = good;
  file.SetU32("lfm2moe.attention.sliding_window", 512);
  CHECK(Contains(Refusal(file), "sliding_window"));
  file = good;
  file.SetText("lfm2moe.rope.scaling.type", "yarn");
  CHECK(Contains(Refusal(file), "yarn"));
  file = good;
  file.SetText("tokenizer.ggml.pre", "llama-bpe");
  CHECK(Contains(Refusal(file), "llama-bpe"));
  file = good;
  file.SetI32s("lfm2moe.attention.head_count_kv", {1, 2, 0});
  CHECK(Contains(Refusal(file), "head_count_kv"));
  file = good;
  file.Tensor("blk.2.ffn_up_exps.weight")->type = kGgmlQ4_K;
  file.Tensor("blk.2.ffn_up_exps.weight")->dims = {256, 32, 3};
  CHECK(Refusal(file) != "");
  TinyOptions wide;
  wide.hidden = wide.expert_ff = 256;
  file = MakeTinyGguf(wide);
  TinyTensor* t = file.Tensor("blk.2.ffn_up_exps.weight");
  t->type = kGgmlQ4_K;
  t->data.resize(256 * 3 * 144);
  const std::string refusal = Refusal(file);
  CHECK((Contains(refusal, "blk.2.ffn_up_exps.weight") && Contains(refusal, "Q4_K") &&
         Contains(refusal, "not supported yet")));
}

TEST_CASE("missing, unexpected and misshapen tensors are named") {
  const TinyGguf good = MakeTinyGguf(TinyOptions());
  TinyGguf file = good;
  file.Tensor("blk.1.attn_k.weight")->name = "blk.1.attn_kk.weight";
  CHECK(Contains(Refusal(file), "blk.1.attn_k.weight is missing"));
  file = good;
  file.tensors.push_back({"rope_freqs.weight", {32}, kGgmlF32, std::string(128, '\0')});
  CHECK(Contains(Refusal(file), "rope_freqs.weight"));
  file = good;
  file.Tensor("blk.0.ffn_up.weight")->dims = {64, 32};
  CHECK(Contains(Refusal(file), "[64, 32], expected [32, 64]"));
  file = good;
  file.Tensor("blk.0.attn_norm.weight")->type = kGgmlQ8_0;
  CHECK(Contains(Refusal(file), "blk.0.attn_norm.weight has the type Q8_0"));
  file = good;
  file.Tensor("token_embd_norm.weight")->name = "output_norm.weight";  // as some converters call it
  CHECK(Refusal(file) == "");
}

TEST_CASE("an unknown chat template is refused unless the user says which one it is") {
  TinyGguf file = MakeTinyGguf(TinyOptions());
  file.SetText("tokenizer.chat_template", "{% for m in messages %}{{ m.role + ': ' + m.content }}{% endfor %}");
  CHECK(Contains(Refusal(file), "--template"));
  PackOptions options;
  options.chat_template = ChatTemplate::kLfm2;
  CHECK(Refusal(file, options) == "");
}

TEST_CASE("a progress function that says stop ends the packing") {
  const std::string bytes = MakeTinyGguf(TinyOptions()).Bytes();
  const MemorySource source(bytes);
  PackPlan plan;
  REQUIRE(PlanPack(source, PackOptions(), &plan).ok());
  MemorySink sink;
  uint64_t calls = 0, last = 0;
  const Error stopped = WriteImage(
      source, plan,
      [&](uint64_t done, uint64_t total) {
        CHECK((done > last && total == plan.header.file_bytes));
        last = done;
        return ++calls < 5;
      },
      &sink);
  CHECK(!stopped.ok());
  CHECK(calls == 5);
}

TEST_CASE("a changed byte anywhere in the weights is found by the CRCs") {
  const std::string bytes = MakeTinyGguf(TinyOptions()).Bytes();
  const MemorySource source(bytes);
  PackPlan plan;
  REQUIRE(PlanPack(source, PackOptions(), &plan).ok());
  MemorySink sink;
  REQUIRE(WriteImage(source, plan, tools::PackProgress(), &sink).ok());
  const RecordEntry& r = plan.records[1];
  const uint64_t record = r.offset + 2 * r.stride;
  for (const uint64_t at : {plan.header.pinned_offset + plan.header.vocab_bytes,
                            plan.header.pinned_offset + plan.header.pinned_bytes - 1, record, record + r.bytes - 1}) {
    std::string changed = sink.bytes();
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    const ImageCopy copy(changed);
    Image image;
    REQUIRE(image.Open(copy.storage()).ok());
    const Error error = VerifyCrcs(image, MemorySource(changed), tools::PackProgress());
    CHECK(Contains(error.text(), at < record ? "the pinned part" : "expert 2 of layer 2"));
    CHECK(image.VerifyPinned().ok() == (at >= record));
    CHECK(image.VerifyRecord(1, 2).ok() == (at < record));
  }
}

}  // namespace lfm2::test
